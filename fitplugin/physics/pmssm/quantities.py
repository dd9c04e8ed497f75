"""Leading-order masses, mixings and thresholds of the pMSSM, by name.

As in `leading_order`, nothing here is a prediction: everything is an input, or a baseline, of a
learned map that is tested against a spectrum program.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fitplugin.arrays import Columns, FloatArray
from fitplugin.physics.pmssm.constants import M_TAU, M_Z, SIN2_W
from fitplugin.physics.pmssm.loops import FLOOR, gluino_phase_term, gluon_gluino, potential
from fitplugin.physics.pmssm.tree import AtQ, Mixed, root, staus, third_generation

_LIGHTEST_HIGGS, _HEAVIEST_HIGGS = 100.0, 140.0  # range of the baseline [GeV]


def running(parameters: Columns) -> dict[str, FloatArray]:
    """Leading-order masses and thresholds, by name.

    Parameters
    ----------
    parameters : mapping of str to (n_points,) arrays
        All of `pmssm.PARAMETERS`.

    Returns
    -------
    dict
        ``running_m_X`` [GeV] from the tree-level matrices at Q, for third-generation squarks and
        first-generation ones (``pole_m_X``) with the gluon-gluino shift; a negative mass stands for
        a negative square. ``running_m_higgs`` from the one-loop effective potential.
        ``bottom_shift`` is Delta_b, ``bottom_mass`` m_b / (1 + Delta_b); ``lightest_squark``,
        ``lightest_slepton``; ``mixing_ratio`` X_t / M_S, ``stop_sine`` and ``stop_cosine`` of twice
        the stop mixing angle; ``gluino_phase_shift`` [GeV], by which SPheno 4.0.5 misses the light
        Higgs mass for M3 < 0 (see `loops.gluino_phase_term`); logarithms and ratios.

    Source: S. Martin, hep-ph/9709356, section 8.4 (mass matrices); D. Pierce et al.,
    hep-ph/9606211, Eq. 34 (gluon-gluino shift); M. Carena et al., hep-ph/9912516 (Delta_b);
    J. Ellis, G. Ridolfi and F. Zwirner, Phys. Lett. B 262 (1991) 477 (Higgs boson).
    """
    at_q = AtQ.of(parameters)
    stops, sbottoms = third_generation(parameters, at_q)
    squarks = pole_squarks(parameters, at_q, stops, sbottoms)
    sleptons = _sleptons(parameters, at_q)
    return {
        **squarks,
        **sleptons,
        "running_m_stop1": root(stops.masses[0]),
        "running_m_stop2": root(stops.masses[1]),
        "running_m_sbottom1": root(sbottoms.masses[0]),
        "running_m_sbottom2": root(sbottoms.masses[1]),
        "lightest_squark": np.minimum.reduce(list(squarks.values())),
        "lightest_slepton": np.minimum.reduce(list(sleptons.values())),
        **_higgs(parameters, at_q, stops, sbottoms),
        **_mixings(parameters, at_q, stops, sbottoms),
        **_scales(parameters, at_q),
    }


def pole_squarks(p: Columns, at_q: AtQ, stops: Mixed, sbottoms: Mixed) -> dict[str, FloatArray]:
    """First-generation squarks, stops and the light sbottom with the gluon-gluino shift."""
    m3, d_term = np.abs(p["M3"]), at_q.d_term

    def pole(square: FloatArray) -> FloatArray:
        return square + gluon_gluino(square, m3, at_q.scale)

    def mixed(squarks: Mixed) -> tuple[FloatArray, FloatArray]:
        return Mixed(pole(squarks.left), pole(squarks.right), squarks.off).masses

    squares = {
        "up_left": pole(p["mqL12"] ** 2 + d_term * (0.5 - 2 / 3 * SIN2_W)),
        "down_left": pole(p["mqL12"] ** 2 + d_term * (-0.5 + SIN2_W / 3)),
        "up_right": pole(p["muR12"] ** 2 + d_term * 2 / 3 * SIN2_W),
        "down_right": pole(p["mdR12"] ** 2 - d_term * SIN2_W / 3),
        "stop1": mixed(stops)[0],
        "stop2": mixed(stops)[1],
        "sbottom1": mixed(sbottoms)[0],
    }
    return {f"pole_m_{name}": root(square) for name, square in squares.items()}


def slepton_squares(p: Columns, at_q: AtQ) -> dict[str, FloatArray]:
    """Squared masses of the sleptons that do not mix [GeV^2]."""
    d_term = at_q.d_term
    return {
        "tau_sneutrino": p["mL3"] ** 2 + 0.5 * d_term,
        "sneutrino": p["mlL12"] ** 2 + 0.5 * d_term,
        "selectron_left": p["mlL12"] ** 2 + d_term * (-0.5 + SIN2_W),
        "selectron_right": p["meR12"] ** 2 - d_term * SIN2_W,
    }


def _sleptons(p: Columns, at_q: AtQ) -> dict[str, FloatArray]:
    squares = {"stau1": staus(p, at_q).masses[0], **slepton_squares(p, at_q)}
    return {f"running_m_{name}": root(square) for name, square in squares.items()}


def _mixings(p: Columns, at_q: AtQ, stops: Mixed, sbottoms: Mixed) -> dict[str, FloatArray]:
    """How stops and sbottoms mix."""
    light, heavy = (np.maximum(square, FLOOR) for square in stops.masses)
    ratio = stops.off / at_q.top / np.sqrt(np.sqrt(light * heavy))
    cosine = 0.5 * (stops.left - stops.right) / np.maximum(stops.half_gap, 1.0)
    return {
        "mixing_ratio": ratio,
        "mixing_ratio_squared": ratio**2,
        "mixing_with_gluino": ratio * np.sign(p["M3"]),
        "stop_sine": stops.sine,
        "stop_sine_squared": stops.sine**2,
        "stop_cosine": cosine,
        "sbottom_mixing": np.clip(sbottoms.off / at_q.scale**2, -20.0, 20.0),
        "bottom_shift": np.clip(at_q.bottom_shift, -2.0, 2.0),
        "bottom_mass": np.clip(at_q.bottom, -50.0, 50.0),
    }


def _scales(p: Columns, at_q: AtQ) -> dict[str, FloatArray]:
    """Ratios and logarithms."""
    m3 = np.abs(p["M3"])
    return {
        "gluino_ratio": m3 / at_q.scale,
        "higgsino_ratio": np.abs(p["mu"]) / at_q.scale,
        "log_scale": np.log(at_q.scale / 1000.0),
        "log_MA": np.log(np.maximum(p["MA"], 50.0)),
        "tree_m_higgs": np.abs(at_q.d_term) / M_Z,
        "abs_M1": np.abs(p["M1"]),
        "abs_M2": np.abs(p["M2"]),
        "abs_M3": m3,
        "negative_M3": np.where(p["M3"] < 0, 1.0, 0.0),
    }


class LightHiggs(NamedTuple):
    """Squared mass of the light Higgs boson and what belongs to it [GeV^2]; each (n_points,)."""

    square: FloatArray
    phase: FloatArray
    """By how much SPheno 4.0.5 misses it for M3 < 0, about."""
    from_bottom: FloatArray
    """What bottom squarks add to the other doublet."""
    from_tau: FloatArray
    """What staus add to it."""


def light_higgs(p: Columns, at_q: AtQ, stops: Mixed, sbottoms: Mixed) -> LightHiggs:
    """Light Higgs boson from the one-loop effective potential."""
    tan_beta, mu, sin2_beta = p["tan_beta"], p["mu"], at_q.sin2_beta
    cos2_beta = 1.0 - sin2_beta
    other, mix, own = potential(
        at_q.top, stops.masses, p["At"], p["At"] - mu / tan_beta, mu, sin2_beta
    )
    other_b, mix_b, own_b = potential(
        np.abs(at_q.bottom), sbottoms.masses, p["Ab"], p["Ab"] - mu * tan_beta, mu, cos2_beta
    )
    # a lepton has one colour
    other_l, mix_l, own_l = (
        term / 3.0
        for term in potential(
            np.full_like(mu, M_TAU), staus(p, at_q).masses, p["Atau"],
            p["Atau"] - mu * tan_beta, mu, cos2_beta,
        )
    )  # fmt: skip
    m_a2 = p["MA"] ** 2
    matrix = Mixed(
        m_a2 * sin2_beta + M_Z**2 * cos2_beta + other + own_b + own_l,
        m_a2 * cos2_beta + M_Z**2 * sin2_beta + own + other_b + other_l,
        -(m_a2 + M_Z**2) * np.sqrt(sin2_beta * cos2_beta) + mix + mix_b + mix_l,
    )
    phase = gluino_phase_term(at_q.top, stops.masses, stops.sine, p["M3"], p["At"])
    # the rest of the two-loop terms and the running of couplings leave about 0.8 of it
    return LightHiggs(matrix.masses[0], 0.8 * phase, other_b, other_l)


def _higgs(p: Columns, at_q: AtQ, stops: Mixed, sbottoms: Mixed) -> dict[str, FloatArray]:
    """Light Higgs boson, and what bottom squarks add to its matrix."""
    found = light_higgs(p, at_q, stops, sbottoms)
    mass = np.clip(root(found.square), _LIGHTEST_HIGGS, _HEAVIEST_HIGGS)
    shifted = np.sqrt(np.clip(mass**2 + found.phase, 50.0**2, 300.0**2))
    return {
        "running_m_higgs": mass,
        "gluino_phase_shift": shifted - mass,
        "bottom_in_higgs": np.sign(found.from_bottom) * np.log1p(np.abs(found.from_bottom)),
        "tau_in_higgs": np.sign(found.from_tau) * np.log1p(np.abs(found.from_tau)),
    }
