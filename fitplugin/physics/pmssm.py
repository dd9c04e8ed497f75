"""Quantities derived from the 19 parameters of the pMSSM, at leading order.

As in `derived`, nothing here is a prediction: everything is an input, or a baseline, of a learned
map that is tested against a spectrum program. Couplings and masses of the Standard Model are rough
on purpose; what is learned makes up for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from fitplugin.arrays import FloatArray

PARAMETERS = (
    "M1", "M2", "M3", "mu", "MA", "tan_beta", "At", "Ab", "Atau",
    "mqL12", "muR12", "mdR12", "mlL12", "meR12", "mQ3", "mtR", "mbR", "mL3", "mtauR",
)  # fmt: skip
"""Parameters [GeV], given at the scale Q = max(200 GeV, sqrt(mQ3 mtR)); MA is a pole mass."""

_M_Z, _SIN2_W, _VEV = 91.19, 0.2312, 174.1  # [GeV]
_ALPHA_S, _ALPHA_2 = 0.0885, 0.0335  # near 1 TeV
_M_TOP, _M_BOTTOM, _M_TAU = 150.0, 2.45, 1.75  # running, there [GeV]
_FLOOR = 1e4  # squared masses below it have no sensible logarithm [GeV^2]
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

Columns = Mapping[str, FloatArray]


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
        ``lightest_slepton``; ``mixing_ratio`` X_t / M_S, and logarithms and ratios of scales.

    Source: S. Martin, hep-ph/9709356, section 8.4 (mass matrices); D. Pierce et al.,
    hep-ph/9606211, Eq. 34 (gluon-gluino shift); M. Carena et al., hep-ph/9912516 (Delta_b);
    J. Ellis, G. Ridolfi and F. Zwirner, Phys. Lett. B 262 (1991) 477 (Higgs boson).
    """
    p = parameters
    tan_beta, mu, m3 = p["tan_beta"], p["mu"], np.abs(p["M3"])
    cos_2beta = (1.0 - tan_beta**2) / (1.0 + tan_beta**2)
    sin2_beta = tan_beta**2 / (1.0 + tan_beta**2)
    scale = np.maximum(200.0, np.sqrt(p["mQ3"] * p["mtR"]))
    log_scale = np.log(scale / 1000.0)
    top = _M_TOP * (1.0 - 0.04 * log_scale)
    shift = _bottom_shift(p, top / (_VEV * np.sqrt(sin2_beta)))
    bottom = _M_BOTTOM * (1.0 - 0.06 * log_scale) / _away_from_zero(1.0 + shift)
    d_term = cos_2beta * _M_Z**2

    def pole(square: FloatArray) -> FloatArray:
        return square + _gluon_gluino(square, m3, scale)

    x_top = p["At"] - mu / tan_beta
    x_bottom, x_tau = p["Ab"] - mu * tan_beta, p["Atau"] - mu * tan_beta
    left, right = (
        p["mQ3"] ** 2 + top**2 + d_term * (0.5 - 2 / 3 * _SIN2_W),
        p["mtR"] ** 2 + top**2 + d_term * 2 / 3 * _SIN2_W,
    )
    left_b, right_b = (
        p["mQ3"] ** 2 + d_term * (-0.5 + _SIN2_W / 3) + bottom**2,
        p["mbR"] ** 2 - d_term * _SIN2_W / 3 + bottom**2,
    )
    stops, sbottoms = _mixed(left, right, top * x_top), _mixed(left_b, right_b, bottom * x_bottom)
    staus = _mixed(
        p["mL3"] ** 2 + d_term * (-0.5 + _SIN2_W),
        p["mtauR"] ** 2 - d_term * _SIN2_W,
        _M_TAU * x_tau,
    )
    light = {
        "up_left": p["mqL12"] ** 2 + d_term * (0.5 - 2 / 3 * _SIN2_W),
        "down_left": p["mqL12"] ** 2 + d_term * (-0.5 + _SIN2_W / 3),
        "up_right": p["muR12"] ** 2 + d_term * 2 / 3 * _SIN2_W,
        "down_right": p["mdR12"] ** 2 - d_term * _SIN2_W / 3,
    }
    squarks = {f"pole_m_{name}": _root(pole(square)) for name, square in light.items()}
    for name, square in zip(
        ("stop1", "stop2", "sbottom1"),
        (
            *_mixed(pole(left), pole(right), top * x_top),
            _mixed(pole(left_b), pole(right_b), bottom * x_bottom)[0],
        ),
        strict=True,
    ):
        squarks[f"pole_m_{name}"] = _root(square)
    sleptons = {
        "running_m_stau1": _root(staus[0]),
        "running_m_tau_sneutrino": _root(p["mL3"] ** 2 + 0.5 * d_term),
        "running_m_sneutrino": _root(p["mlL12"] ** 2 + 0.5 * d_term),
        "running_m_selectron_left": _root(p["mlL12"] ** 2 + d_term * (-0.5 + _SIN2_W)),
        "running_m_selectron_right": _root(p["meR12"] ** 2 - d_term * _SIN2_W),
    }
    stop_scale = np.sqrt(np.sqrt(np.maximum(stops[0], _FLOOR) * np.maximum(stops[1], _FLOOR)))
    higgs, from_bottom = _higgs(p, top, np.abs(bottom), stops, sbottoms, sin2_beta)
    return {
        **squarks,
        **sleptons,
        "running_m_stop1": _root(stops[0]),
        "running_m_stop2": _root(stops[1]),
        "running_m_sbottom1": _root(sbottoms[0]),
        "running_m_sbottom2": _root(sbottoms[1]),
        "running_m_higgs": np.clip(_root(higgs), _LIGHTEST_HIGGS, _HEAVIEST_HIGGS),
        "lightest_squark": np.minimum.reduce(list(squarks.values())),
        "lightest_slepton": np.minimum.reduce(list(sleptons.values())),
        "bottom_shift": np.clip(shift, -2.0, 2.0),
        "bottom_mass": np.clip(bottom, -50.0, 50.0),
        "bottom_in_higgs": np.sign(from_bottom) * np.log1p(np.abs(from_bottom)),
        "mixing_ratio": x_top / stop_scale,
        "mixing_ratio_squared": (x_top / stop_scale) ** 2,
        "mixing_with_gluino": x_top / stop_scale * np.sign(p["M3"]),
        "sbottom_mixing": np.clip(bottom * x_bottom / scale**2, -20.0, 20.0),
        "gluino_ratio": m3 / scale,
        "higgsino_ratio": np.abs(mu) / scale,
        "log_scale": log_scale,
        "log_MA": np.log(np.maximum(p["MA"], 50.0)),
        "tree_m_higgs": _M_Z * np.abs(cos_2beta),
        "abs_M1": np.abs(p["M1"]),
        "abs_M2": np.abs(p["M2"]),
        "abs_M3": m3,
    }


def _gluon_gluino(square: FloatArray, m3: FloatArray, scale: FloatArray) -> FloatArray:
    """One-loop shift of a squared squark mass by QCD, from its running one at a scale [GeV^2]."""
    m2 = np.maximum(square, _FLOOR)
    x = m3**2 / m2
    loop = 1.0 + 3.0 * x + (x - 1.0) ** 2 * np.log(np.abs(x - 1.0) + 1e-12)
    loop += -(x**2) * np.log(np.maximum(x, 1e-12)) + 2.0 * x * np.log(scale**2 / m2)
    return np.asarray(2.0 * _ALPHA_S / (3.0 * np.pi) * m2 * loop)


def _bottom_shift(p: Columns, y_top: FloatArray) -> FloatArray:
    """Delta_b from gluinos, higgsinos and winos."""
    mu, tan_beta, m_q2 = p["mu"], p["tan_beta"], p["mQ3"] ** 2
    gluino = 2 * _ALPHA_S / (3 * np.pi) * p["M3"] * _loop(m_q2, p["mbR"] ** 2, p["M3"] ** 2)
    higgsino = y_top**2 / (16 * np.pi**2) * p["At"] * _loop(m_q2, p["mtR"] ** 2, mu**2)
    wino = -3 * _ALPHA_2 / (8 * np.pi) * p["M2"] * _loop(m_q2, p["M2"] ** 2, mu**2)
    return np.asarray(mu * tan_beta * (gluino + higgsino + wino))


def _loop(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    """I(a, b, c) of three squared masses; equal ones are moved apart by a hair."""
    a, b, c = np.maximum(a, 1.0), 1.0003 * np.maximum(b, 1.0), 0.9997 * np.maximum(c, 1.0)
    above = a * b * np.log(a / b) + b * c * np.log(b / c) + c * a * np.log(c / a)
    return np.asarray(above / ((a - b) * (b - c) * (a - c)))


def _mixed(left: FloatArray, right: FloatArray, off: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues of a symmetric 2 x 2 matrix, ascending."""
    half, middle = np.hypot(0.5 * (left - right), off), 0.5 * (left + right)
    return middle - half, middle + half


def _higgs(
    p: Columns,
    top: FloatArray,
    bottom: FloatArray,
    stops: tuple[FloatArray, FloatArray],
    sbottoms: tuple[FloatArray, FloatArray],
    sin2_beta: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Squared mass of the light Higgs boson, and what bottom squarks add to its matrix / GeV^2."""
    tan_beta, mu = p["tan_beta"], p["mu"]
    cos2_beta = 1.0 - sin2_beta
    other, mix, own = _potential(top, stops, p["At"], p["At"] - mu / tan_beta, mu, sin2_beta)
    other_b, mix_b, own_b = _potential(
        bottom, sbottoms, p["Ab"], p["Ab"] - mu * tan_beta, mu, cos2_beta
    )
    m_a2 = p["MA"] ** 2
    down = m_a2 * sin2_beta + _M_Z**2 * cos2_beta + other + own_b
    up = m_a2 * cos2_beta + _M_Z**2 * sin2_beta + own + other_b
    off = -(m_a2 + _M_Z**2) * np.sqrt(sin2_beta * cos2_beta) + mix + mix_b
    return _mixed(down, up, off)[0], other_b


def _potential(
    quark: FloatArray,
    squarks: tuple[FloatArray, FloatArray],
    trilinear: FloatArray,
    mixing: FloatArray,
    mu: FloatArray,
    share: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One-loop terms of a quark's squarks in the Higgs matrix: other doublet, mixed, own."""
    light, heavy = (np.maximum(square, 0.1 * _FLOOR) for square in squarks)
    gap = np.maximum(heavy - light, 1.0)
    log_ratio = np.log((light + gap) / light)
    g = 2.0 - (2.0 * light + gap) / gap * log_ratio
    # a difference of nearly equal numbers: its expansion
    g = np.where(gap < 1e-3 * light, -np.square(gap / light) / 6.0, g)
    front = 3.0 * quark**4 / (8.0 * np.pi**2 * _VEV**2 * share)
    a, m = trilinear * mixing / gap, mu * mixing / gap
    own = np.log(light * heavy / quark**4) + 2.0 * a * log_ratio + a**2 * g
    return front * m**2 * g, -front * m * (log_ratio + a * g), front * own


def _away_from_zero(values: FloatArray) -> FloatArray:
    return np.asarray(np.where(np.abs(values) < 0.05, np.copysign(0.05, values), values))


def _root(square: FloatArray) -> FloatArray:
    return np.asarray(np.sign(square) * np.sqrt(np.abs(square)))


_ONE = {name: np.array([1000.0 + 37.0 * i]) for i, name in enumerate(PARAMETERS)}
NAMES = tuple(running(_ONE))
"""What `running` gives."""

INPUTS = (*PARAMETERS, "abs_mu", "inverse_tan_beta", *NAMES)
"""What masses and validity of the pMSSM are well learned from: ``inputs: pmssm`` in a scan file."""
