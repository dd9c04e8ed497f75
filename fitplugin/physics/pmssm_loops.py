"""One-loop terms of the pMSSM at leading order: squark masses, bottom mass, Higgs potential."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fitplugin.arrays import FloatArray

Columns = Mapping[str, FloatArray]

VEV = 174.1
"""Vacuum expectation value, sqrt(v_u^2 + v_d^2) [GeV]."""
FLOOR = 1e4
"""Squared masses below it have no sensible logarithm [GeV^2]."""

_ALPHA_S, _ALPHA_2 = 0.0885, 0.0335  # near 1 TeV


def gluon_gluino(square: FloatArray, m3: FloatArray, scale: FloatArray) -> FloatArray:
    """One-loop shift of a squared squark mass by QCD, from its running one at a scale [GeV^2]."""
    m2 = np.maximum(square, FLOOR)
    x = m3**2 / m2
    loop = 1.0 + 3.0 * x + (x - 1.0) ** 2 * np.log(np.abs(x - 1.0) + 1e-12)
    loop += -(x**2) * np.log(np.maximum(x, 1e-12)) + 2.0 * x * np.log(scale**2 / m2)
    return np.asarray(2.0 * _ALPHA_S / (3.0 * np.pi) * m2 * loop)


def bottom_shift(p: Columns, y_top: FloatArray) -> FloatArray:
    """Delta_b from gluinos, higgsinos and winos."""
    mu, tan_beta, m_q2 = p["mu"], p["tan_beta"], p["mQ3"] ** 2
    gluino = 2 * _ALPHA_S / (3 * np.pi) * p["M3"] * loop(m_q2, p["mbR"] ** 2, p["M3"] ** 2)
    higgsino = y_top**2 / (16 * np.pi**2) * p["At"] * loop(m_q2, p["mtR"] ** 2, mu**2)
    wino = -3 * _ALPHA_2 / (8 * np.pi) * p["M2"] * loop(m_q2, p["M2"] ** 2, mu**2)
    return np.asarray(mu * tan_beta * (gluino + higgsino + wino))


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
