"""One-loop terms of the pMSSM at leading order: squark masses, bottom mass, Higgs potential."""

from __future__ import annotations

import numpy as np
from scipy.special import spence

from fitplugin.arrays import Columns, FloatArray
from fitplugin.physics.pmssm.constants import ALPHA_2, ALPHA_S, VEV

FLOOR = 1e4
"""Squared masses below it have no sensible logarithm [GeV^2]."""


def gluon_gluino(square: FloatArray, m3: FloatArray, scale: FloatArray) -> FloatArray:
    """One-loop shift of a squared squark mass by QCD, from its running one at a scale [GeV^2]."""
    m2 = np.maximum(square, FLOOR)
    x = m3**2 / m2
    loop = 1.0 + 3.0 * x + (x - 1.0) ** 2 * np.log(np.abs(x - 1.0) + 1e-12)
    loop += -(x**2) * np.log(np.maximum(x, 1e-12)) + 2.0 * x * np.log(scale**2 / m2)
    return np.asarray(2.0 * ALPHA_S / (3.0 * np.pi) * m2 * loop)


def bottom_shift(p: Columns, y_top: FloatArray) -> FloatArray:
    """Delta_b from gluinos, higgsinos and winos."""
    left = p["mQ3"] ** 2
    return np.asarray(
        down_shift(p, left, p["mbR"] ** 2) + higgsino_shift(p, y_top, left, p["mtR"] ** 2)
    )


def down_shift(
    p: Columns,
    left: FloatArray | None = None,
    right: FloatArray | None = None,
    gluino: FloatArray | None = None,
    alpha_s: float = ALPHA_S,
) -> FloatArray:
    """Threshold of a down-type Yukawa coupling from gluinos and winos, by its squarks' squares.

    Those of the first generation, and M3, at Q if nothing else is given.
    """
    left = p["mqL12"] ** 2 if left is None else left
    right = p["mdR12"] ** 2 if right is None else right
    m3 = p["M3"] if gluino is None else gluino
    strong = 2 * alpha_s / (3 * np.pi) * m3 * loop(left, right, m3**2)
    weak = -3 * ALPHA_2 / (8 * np.pi) * p["M2"] * loop(left, p["M2"] ** 2, p["mu"] ** 2)
    return np.asarray(p["mu"] * p["tan_beta"] * (strong + weak))


def higgsino_shift(
    p: Columns, y_top: FloatArray, left: FloatArray, right: FloatArray
) -> FloatArray:
    """Threshold of the bottom Yukawa coupling from stops, by their squares, and higgsinos."""
    higgsino = y_top**2 / (16 * np.pi**2) * p["At"] * loop(left, right, p["mu"] ** 2)
    return np.asarray(p["mu"] * p["tan_beta"] * higgsino)


def loop(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    """I(a, b, c) of three squared masses; equal ones are moved apart by a hair."""
    a, b, c = np.maximum(a, 1.0), 1.0003 * np.maximum(b, 1.0), 0.9997 * np.maximum(c, 1.0)
    above = a * b * np.log(a / b) + b * c * np.log(b / c) + c * a * np.log(c / a)
    return np.asarray(above / ((a - b) * (b - c) * (a - c)))


def potential(
    quark: FloatArray,
    squarks: tuple[FloatArray, FloatArray],
    trilinear: FloatArray,
    mixing: FloatArray,
    mu: FloatArray,
    share: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One-loop terms of a quark's squarks in the Higgs matrix: other doublet, mixed, own."""
    light, heavy = (np.maximum(square, 0.1 * FLOOR) for square in squarks)
    gap = np.maximum(heavy - light, 1.0)
    log_ratio = np.log((light + gap) / light)
    g = 2.0 - (2.0 * light + gap) / gap * log_ratio
    # a difference of nearly equal numbers: its expansion
    g = np.where(gap < 1e-3 * light, -np.square(gap / light) / 6.0, g)
    front = 3.0 * quark**4 / (8.0 * np.pi**2 * VEV**2 * share)
    a, m = trilinear * mixing / gap, mu * mixing / gap
    own = np.log(light * heavy / quark**4) + 2.0 * a * log_ratio + a**2 * g
    return front * m**2 * g, -front * m * (log_ratio + a * g), front * own


def gluino_phase_term(
    top: FloatArray,
    stops: tuple[FloatArray, FloatArray],
    sine: FloatArray,
    m3: FloatArray,
    trilinear: FloatArray,
) -> FloatArray:
    """O(alpha_s alpha_t) term of m_h^2 that has the sign of M3, with that of an |M3| instead.

    Twice the part of F_3 in which m_t / m_gluino multiplies the loop function phi, where M3 is
    negative; zero elsewhere. SPheno 4.0.5 has sqrt(m_t^2 / m_gluino^2) in its place, so that its
    m_h^2 is off by this much, up to tens of GeV in m_h where left and right stops are degenerate.

    Parameters
    ----------
    top : (n_points,) array
        Running top mass [GeV].
    stops : tuple of (n_points,) arrays
        Squared stop masses, ascending [GeV^2].
    sine : (n_points,) array
        Of twice the stop mixing angle, with the sign of X_t.
    m3, trilinear : (n_points,) arrays
        M3 and A_t [GeV].

    Source: G. Degrassi, P. Slavich and F. Zwirner, hep-ph/0105096, Eqs. 27 and A3.
    """
    t, g = top**2, np.maximum(m3**2, 2500.0)
    heavy, light = np.maximum(stops[1], FLOOR), np.maximum(stops[0], 0.5 * FLOOR)
    gap = np.maximum(heavy - light, 1.0)
    sine = np.copysign(np.maximum(np.abs(sine), 1e-6), sine)

    def part(one: FloatArray) -> FloatArray:
        delta = g**2 + t**2 + one**2 - 2.0 * (g * t + g * one + t * one)
        # the other stop has the sign of the mixing changed, and this difference too
        signed = gap if one is heavy else -gap
        return np.asarray((2.0 * delta + (g + t - one) * signed) * loop_phi(t, one, g))

    front = (8.0 / sine - 12.0 * sine) * np.sqrt(t / g) / gap**2
    f3 = -2.0 * front * (part(heavy) - part(light))
    coupling = 4.0 * np.pi * ALPHA_S * t / VEV**2 / (16.0 * np.pi**2) ** 2
    shift = 2.0 * coupling * trilinear**2 * sine**2 * f3
    return np.asarray(np.where(m3 < 0, shift, 0.0))


def loop_phi(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    """Two-loop vacuum function phi(x, y, z) of squared masses; z phi(x, y, z) / w is phi(x, y, w).

    Source: A. I. Davydychev and J. B. Tausk, Nucl. Phys. B 397 (1993) 123, Eq. 4.10, here for any
    order of the masses by continuation.
    """
    small, middle, large = np.sort(np.stack(np.broadcast_arrays(x, y, z)), axis=0)
    u, v = small / large, middle / large
    # the dilogarithms cancel where the root vanishes: a hair beside it is the limit
    root = np.sqrt((1.0 - u - v) ** 2 - 4.0 * u * v + 1e-9j)
    plus, minus = 0.5 * (1.0 + u - v - root), 0.5 * (1.0 - u + v - root)
    found = 2.0 * np.log(plus) * np.log(minus) - np.log(u) * np.log(v) + np.pi**2 / 3.0
    found -= 2.0 * (spence(1.0 - plus) + spence(1.0 - minus))
    return np.asarray((found / root).real * z / large)
