"""Quantities derived from the 19 parameters of the pMSSM, at leading order.

As in `derived`, nothing here is a prediction: everything is an input, or a baseline, of a learned
map that is tested against a spectrum program. Couplings and masses of the Standard Model are rough
on purpose; what is learned makes up for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.physics.pmssm_loops import (
    FLOOR,
    VEV,
    Columns,
    bottom_shift,
    gluino_phase_term,
    gluon_gluino,
    potential,
)

PARAMETERS = (
    "M1", "M2", "M3", "mu", "MA", "tan_beta", "At", "Ab", "Atau",
    "mqL12", "muR12", "mdR12", "mlL12", "meR12", "mQ3", "mtR", "mbR", "mL3", "mtauR",
)  # fmt: skip
"""Parameters [GeV], given at the scale Q = max(200 GeV, sqrt(mQ3 mtR)); MA is a pole mass."""

_M_Z, _SIN2_W = 91.19, 0.2312  # [GeV]
_M_TOP, _M_BOTTOM, _M_TAU = 150.0, 2.45, 1.75  # running, there [GeV]
_LIGHTEST_HIGGS, _HEAVIEST_HIGGS = 100.0, 140.0  # range of the baseline [GeV]
_QUANTITIES = {  # name of what is learned: name of what it is close to
    "m_higgs": "running_m_higgs",
    "m_stop1": "running_m_stop1",
    "m_stop2": "running_m_stop2",
    "m_sbottom1": "running_m_sbottom1",
    "m_stau1": "running_m_stau1",
}
BASELINES: Mapping[str, str] = MappingProxyType(_QUANTITIES)
"""Masses whose difference to a leading-order one is learned."""


def running(parameters: Columns) -> dict[str, FloatArray]:
    """Leading-order masses and thresholds, by name.

    Parameters
    ----------
    parameters : mapping of str to (n_points,) arrays
        All of `PARAMETERS`.

    Returns
    -------
    dict
        ``running_m_X`` [GeV] from the tree-level matrices at Q, for third-generation squarks and
        first-generation ones (``pole_m_X``) with the gluon-gluino shift; a negative mass stands for
        a negative square. ``running_m_higgs`` from the one-loop effective potential.
        ``bottom_shift`` is Delta_b, ``bottom_mass`` m_b / (1 + Delta_b); ``lightest_squark``,
        ``lightest_slepton``; ``mixing_ratio`` X_t / M_S, ``stop_sine`` and ``stop_cosine`` of twice
        the stop mixing angle; ``gluino_phase_shift`` [GeV], by which SPheno 4.0.5 misses the light
        Higgs mass for M3 < 0 (see `pmssm_loops.gluino_phase_term`); logarithms and ratios.

    Source: S. Martin, hep-ph/9709356, section 8.4 (mass matrices); D. Pierce et al.,
    hep-ph/9606211, Eq. 34 (gluon-gluino shift); M. Carena et al., hep-ph/9912516 (Delta_b);
    J. Ellis, G. Ridolfi and F. Zwirner, Phys. Lett. B 262 (1991) 477 (Higgs boson).
    """
    at_q = _AtQ.of(parameters)
    stops, sbottoms = _third_generation(parameters, at_q)
    squarks = _pole_squarks(parameters, at_q, stops, sbottoms)
    sleptons = _sleptons(parameters, at_q)
    return {
        **squarks,
        **sleptons,
        "running_m_stop1": _root(stops.masses[0]),
        "running_m_stop2": _root(stops.masses[1]),
        "running_m_sbottom1": _root(sbottoms.masses[0]),
        "running_m_sbottom2": _root(sbottoms.masses[1]),
        "lightest_squark": np.minimum.reduce(list(squarks.values())),
        "lightest_slepton": np.minimum.reduce(list(sleptons.values())),
        **_higgs(parameters, at_q, stops, sbottoms),
        **_mixings(parameters, at_q, stops, sbottoms),
        **_scales(parameters, at_q),
    }


class _AtQ(NamedTuple):
    """What all masses need, at the scale Q of the parameters; each (n_points,)."""

    sin2_beta: FloatArray
    d_term: FloatArray  # M_Z^2 cos(2 beta)
    scale: FloatArray  # Q [GeV]
    top: FloatArray  # running masses [GeV]
    bottom: FloatArray
    bottom_shift: FloatArray  # Delta_b

    @classmethod
    def of(cls, p: Columns) -> _AtQ:
        tan_beta = p["tan_beta"]
        sin2_beta = tan_beta**2 / (1.0 + tan_beta**2)
        scale = np.maximum(200.0, np.sqrt(p["mQ3"] * p["mtR"]))
        log_scale = np.log(scale / 1000.0)
        top = _M_TOP * (1.0 - 0.04 * log_scale)
        shift = bottom_shift(p, top / (VEV * np.sqrt(sin2_beta)))
        bottom = _M_BOTTOM * (1.0 - 0.06 * log_scale) / _away_from_zero(1.0 + shift)
        return cls(sin2_beta, (1.0 - 2.0 * sin2_beta) * _M_Z**2, scale, top, bottom, shift)


class _Mixed(NamedTuple):
    """Squares of two states that mix [GeV^2]: diagonal, off-diagonal, eigenvalues ascending."""

    left: FloatArray
    right: FloatArray
    off: FloatArray

    @property
    def half_gap(self) -> FloatArray:
        return np.hypot(0.5 * (self.left - self.right), self.off)

    @property
    def sine(self) -> FloatArray:
        """Of twice the mixing angle."""
        return np.asarray(self.off / np.maximum(self.half_gap, 1.0))

    @property
    def masses(self) -> tuple[FloatArray, FloatArray]:
        middle = 0.5 * (self.left + self.right)
        return middle - self.half_gap, middle + self.half_gap


def _third_generation(p: Columns, at_q: _AtQ) -> tuple[_Mixed, _Mixed]:
    """Stops and sbottoms."""
    top, bottom, d_term = at_q.top, at_q.bottom, at_q.d_term
    stops = _Mixed(
        p["mQ3"] ** 2 + top**2 + d_term * (0.5 - 2 / 3 * _SIN2_W),
        p["mtR"] ** 2 + top**2 + d_term * 2 / 3 * _SIN2_W,
        top * (p["At"] - p["mu"] / p["tan_beta"]),
    )
    sbottoms = _Mixed(
        p["mQ3"] ** 2 + bottom**2 + d_term * (-0.5 + _SIN2_W / 3),
        p["mbR"] ** 2 + bottom**2 - d_term * _SIN2_W / 3,
        bottom * (p["Ab"] - p["mu"] * p["tan_beta"]),
    )
    return stops, sbottoms


def _pole_squarks(p: Columns, at_q: _AtQ, stops: _Mixed, sbottoms: _Mixed) -> dict[str, FloatArray]:
    m3, d_term = np.abs(p["M3"]), at_q.d_term

    def pole(square: FloatArray) -> FloatArray:
        return square + gluon_gluino(square, m3, at_q.scale)

    def mixed(squarks: _Mixed) -> tuple[FloatArray, FloatArray]:
        return _Mixed(pole(squarks.left), pole(squarks.right), squarks.off).masses

    squares = {
        "up_left": pole(p["mqL12"] ** 2 + d_term * (0.5 - 2 / 3 * _SIN2_W)),
        "down_left": pole(p["mqL12"] ** 2 + d_term * (-0.5 + _SIN2_W / 3)),
        "up_right": pole(p["muR12"] ** 2 + d_term * 2 / 3 * _SIN2_W),
        "down_right": pole(p["mdR12"] ** 2 - d_term * _SIN2_W / 3),
        "stop1": mixed(stops)[0],
        "stop2": mixed(stops)[1],
        "sbottom1": mixed(sbottoms)[0],
    }
    return {f"pole_m_{name}": _root(square) for name, square in squares.items()}


def _sleptons(p: Columns, at_q: _AtQ) -> dict[str, FloatArray]:
    d_term = at_q.d_term
    staus = _Mixed(
        p["mL3"] ** 2 + d_term * (-0.5 + _SIN2_W),
        p["mtauR"] ** 2 - d_term * _SIN2_W,
        _M_TAU * (p["Atau"] - p["mu"] * p["tan_beta"]),
    )
    squares = {
        "stau1": staus.masses[0],
        "tau_sneutrino": p["mL3"] ** 2 + 0.5 * d_term,
        "sneutrino": p["mlL12"] ** 2 + 0.5 * d_term,
        "selectron_left": p["mlL12"] ** 2 + d_term * (-0.5 + _SIN2_W),
        "selectron_right": p["meR12"] ** 2 - d_term * _SIN2_W,
    }
    return {f"running_m_{name}": _root(square) for name, square in squares.items()}


def _mixings(p: Columns, at_q: _AtQ, stops: _Mixed, sbottoms: _Mixed) -> dict[str, FloatArray]:
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


def _scales(p: Columns, at_q: _AtQ) -> dict[str, FloatArray]:
    """Ratios and logarithms."""
    m3 = np.abs(p["M3"])
    return {
        "gluino_ratio": m3 / at_q.scale,
        "higgsino_ratio": np.abs(p["mu"]) / at_q.scale,
        "log_scale": np.log(at_q.scale / 1000.0),
        "log_MA": np.log(np.maximum(p["MA"], 50.0)),
        "tree_m_higgs": np.abs(at_q.d_term) / _M_Z,
        "abs_M1": np.abs(p["M1"]),
        "abs_M2": np.abs(p["M2"]),
        "abs_M3": m3,
        "negative_M3": np.where(p["M3"] < 0, 1.0, 0.0),
    }


def _higgs(p: Columns, at_q: _AtQ, stops: _Mixed, sbottoms: _Mixed) -> dict[str, FloatArray]:
    """Light Higgs boson, and what bottom squarks add to its matrix."""
    tan_beta, mu, sin2_beta = p["tan_beta"], p["mu"], at_q.sin2_beta
    cos2_beta = 1.0 - sin2_beta
    other, mix, own = potential(
        at_q.top, stops.masses, p["At"], p["At"] - mu / tan_beta, mu, sin2_beta
    )
    other_b, mix_b, own_b = potential(
        np.abs(at_q.bottom), sbottoms.masses, p["Ab"], p["Ab"] - mu * tan_beta, mu, cos2_beta
    )
    m_a2 = p["MA"] ** 2
    matrix = _Mixed(
        m_a2 * sin2_beta + _M_Z**2 * cos2_beta + other + own_b,
        m_a2 * cos2_beta + _M_Z**2 * sin2_beta + own + other_b,
        -(m_a2 + _M_Z**2) * np.sqrt(sin2_beta * cos2_beta) + mix + mix_b,
    )
    light = np.clip(_root(matrix.masses[0]), _LIGHTEST_HIGGS, _HEAVIEST_HIGGS)
    phase = gluino_phase_term(at_q.top, stops.masses, stops.sine, p["M3"], p["At"])
    # the rest of the two-loop terms and the running of couplings leave about 0.8 of it
    shifted = np.sqrt(np.clip(light**2 + 0.8 * phase, 50.0**2, 300.0**2))
    return {
        "running_m_higgs": light,
        "gluino_phase_shift": shifted - light,
        "bottom_in_higgs": np.sign(other_b) * np.log1p(np.abs(other_b)),
    }


def _away_from_zero(values: FloatArray) -> FloatArray:
    return np.asarray(np.where(np.abs(values) < 0.05, np.copysign(0.05, values), values))


def _root(square: FloatArray) -> FloatArray:
    return np.asarray(np.sign(square) * np.sqrt(np.abs(square)))


_ONE = {name: np.array([1000.0 + 37.0 * i]) for i, name in enumerate(PARAMETERS)}
NAMES = tuple(running(_ONE))
"""What `running` gives."""

INPUTS = (*PARAMETERS, "abs_mu", "inverse_tan_beta", *NAMES)
"""What masses and validity of the pMSSM are well learned from: ``inputs: pmssm`` in a scan file."""
