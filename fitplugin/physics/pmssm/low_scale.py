"""What makes a spectrum program give up: squared masses run to M_Z, one-loop sleptons, Yukawas.

A program starts from the Z mass: it runs the parameters there, and refuses the point if a scalar
has become a tachyon, if a threshold turns a Yukawa coupling over, or if a loop drives a squared
pole mass below zero. Each quantity here is one of these reasons, at leading order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fitplugin.arrays import Columns, FloatArray
from fitplugin.physics.pmssm.constants import G1, G2, G3, M_TAU, M_Z, VEV
from fitplugin.physics.pmssm.loops import FLOOR, down_shift, higgsino_shift
from fitplugin.physics.pmssm.quantities import light_higgs, pole_squarks, slepton_squares
from fitplugin.physics.pmssm.tree import (
    AtQ,
    Mixed,
    away_from_zero,
    root,
    staus,
    third_generation,
)

_LOOP = 16.0 * np.pi**2
_TOP_LOW, _BOTTOM_LOW = 165.0, 2.8  # running masses at M_Z [GeV]
_ALPHA_S_LOW = 0.118
_SCALARS = ("mqL12", "muR12", "mdR12", "mlL12", "meR12", "mQ3", "mtR", "mbR", "mL3", "mtauR")
_HYPERCHARGE = {"q": 1 / 6, "u": -2 / 3, "d": 1 / 3, "l": -1 / 2, "e": 1.0}
_STATES = {"q": 6, "u": 3, "d": 3, "l": 2, "e": 1}  # of one generation
_KIND = dict(zip(_SCALARS, "qudlequdle", strict=True))
_GENERATIONS = dict(zip(_SCALARS, (2,) * 5 + (1,) * 5, strict=True))
# of each squared mass in the trace of hypercharge
_WEIGHTS = {
    name: _GENERATIONS[name] * _STATES[kind] * _HYPERCHARGE[kind] for name, kind in _KIND.items()
}


def low_scale(parameters: Columns) -> dict[str, FloatArray]:
    """Reasons for a point to have no spectrum, by name.

    Parameters
    ----------
    parameters : mapping of str to (n_points,) arrays
        All of `pmssm.PARAMETERS`.

    Returns
    -------
    dict
        ``low_X`` [GeV]: soft masses X, ``low_mHu``, ``low_mHd``, ``low_m_A``, ``low_mu`` and
        third-generation masses at M_Z, by their one-loop slopes at Q. ``loop_m_X`` [GeV]: sleptons
        and first-generation squarks with electroweak loops at Q. A negative mass stands for a
        negative square. ``lowest`` is the smallest of all, ``near_zero`` and ``nearer_zero`` are
        that squashed by tanh(m / 300 GeV) and tanh(m / 100 GeV). ``down_shift``,
        ``low_down_shift`` and ``low_bottom_shift`` are thresholds of Yukawa couplings,
        ``hypercharge`` the trace S [GeV, signed root], ``signed_m_higgs`` the light Higgs boson
        of SPheno 4.0.5 without the limits of ``running_m_higgs``.

    Source: S. Martin, hep-ph/9709356, section 6.5 (running of soft masses); M. Carena et al.,
    hep-ph/9912516 (thresholds). Loops of sleptons follow from their running: each logarithm of Q
    becomes that of the mass in the loop.
    """
    p = parameters
    at_q = AtQ.of(p)
    soft = _Soft.of(p, at_q)
    low = soft.run(np.log(M_Z / at_q.scale))
    gluino = p["M3"] * (1.0 + 0.076 * np.log(at_q.scale / M_Z))  # grows towards M_Z
    bottom_shift = _threshold(p, gluino, low["mQ3"], low["mbR"])
    bottom_shift += _from_stops(p, at_q, low)
    third = _third_generation(p, low, bottom_shift, at_q.d_term)
    loops = _electroweak_loops(p, at_q)
    higgs = light_higgs(p, at_q, *third_generation(p, at_q))
    masses = {name: root(square) for name, square in {**third, **loops}.items()}
    first = [root(low[name]) for name in ("mqL12", "muR12", "mdR12", "mlL12", "meR12")]
    lowest = np.minimum.reduce([*masses.values(), *first])
    return {
        **{f"low_{name}": root(square) for name, square in low.items()},
        **masses,
        "lowest": lowest,
        "near_zero": np.tanh(lowest / 300.0),
        "nearer_zero": np.tanh(lowest / 100.0),
        "hypercharge": root(soft.hypercharge),
        "down_shift": np.clip(down_shift(p), -3.0, 3.0),
        "low_down_shift": np.clip(_threshold(p, gluino, low["mqL12"], low["mdR12"]), -3.0, 3.0),
        "low_bottom_shift": np.clip(bottom_shift, -3.0, 3.0),
        "signed_m_higgs": np.clip(root(higgs.square + higgs.phase), -500.0, 300.0),
    }


class _Soft(NamedTuple):
    """Squared soft masses at Q, and their slopes, 16 pi^2 dm^2/dlnQ, by name."""

    squares: Columns
    slopes: Columns
    hypercharge: FloatArray
    mu_squared: FloatArray
    tan_beta: FloatArray

    @classmethod
    def of(cls, p: Columns, at_q: AtQ) -> _Soft:
        sin2, cos2 = at_q.sin2_beta, 1.0 - at_q.sin2_beta
        m_a2, half_d = p["MA"] ** 2, 0.5 * at_q.d_term
        squares = {name: p[name] ** 2 for name in _SCALARS}
        squares["mHu"] = m_a2 * cos2 - p["mu"] ** 2 + half_d
        squares["mHd"] = m_a2 * sin2 - p["mu"] ** 2 - half_d
        trace = squares["mHu"] - squares["mHd"]
        for name, weight in _WEIGHTS.items():
            trace = trace + weight * squares[name]
        y_top = at_q.top / (VEV * np.sqrt(sin2))
        y_bottom = np.clip(at_q.bottom, -50.0, 50.0) / (VEV * np.sqrt(cos2))
        y_tau = M_TAU / (VEV * np.sqrt(cos2))
        up, down = squares["mHu"], squares["mHd"]
        top, bottom, tau = (
            2.0 * y**2 * (higgs + squares[left] + squares[right] + p[trilinear] ** 2)
            for y, higgs, left, right, trilinear in (
                (y_top, up, "mQ3", "mtR", "At"),
                (y_bottom, down, "mQ3", "mbR", "Ab"),
                (y_tau, down, "mL3", "mtauR", "Atau"),
            )
        )
        yukawa = {"mQ3": top + bottom, "mtR": 2.0 * top, "mbR": 2.0 * bottom, "mL3": tau,
                  "mtauR": 2.0 * tau, "mHu": 3.0 * top, "mHd": 3.0 * bottom + tau}  # fmt: skip
        kinds = {**_KIND, "mHu": "hu", "mHd": "l"}
        slopes = {
            name: yukawa.get(name, 0.0) - _gauginos(p, kind) + _pull(kind) * trace
            for name, kind in kinds.items()
        }
        return cls(squares, slopes, trace, p["mu"] ** 2, p["tan_beta"])

    def run(self, log_ratio: FloatArray) -> dict[str, FloatArray]:
        """Squares at another scale, by their slopes at Q, and what follows from them."""
        low = {
            name: square + log_ratio / _LOOP * self.slopes[name]
            for name, square in self.squares.items()
        }
        up, down, tan2 = low["mHu"], low["mHd"], self.tan_beta**2
        low["m_A"] = up + down + 2.0 * self.mu_squared
        low["mu"] = -0.5 * M_Z**2 + (down - up * tan2) / away_from_zero(tan2 - 1.0)
        return low


def _gauginos(p: Columns, kind: str) -> FloatArray:
    """What gaugino masses take from a slope."""
    charge = 0.5 if kind == "hu" else _HYPERCHARGE[kind]
    found = 24 / 5 * charge**2 * G1**2 * p["M1"] ** 2
    if kind in ("q", "l", "hu"):
        found = found + 6.0 * G2**2 * p["M2"] ** 2
    if kind in ("q", "u", "d"):
        found = found + 32 / 3 * G3**2 * p["M3"] ** 2
    return np.asarray(found)


def _pull(kind: str) -> float:
    """Weight of the trace of hypercharge in a slope."""
    return 6 / 5 * G1**2 * (0.5 if kind == "hu" else _HYPERCHARGE[kind])


def _third_generation(
    p: Columns, low: Columns, bottom_shift: FloatArray, d_term: FloatArray
) -> dict[str, FloatArray]:
    """Squared masses at M_Z."""
    bottom = _BOTTOM_LOW / away_from_zero(1.0 + bottom_shift)
    stops = Mixed(low["mQ3"], low["mtR"], _TOP_LOW * (p["At"] - p["mu"] / p["tan_beta"]))
    sbottoms = Mixed(low["mQ3"], low["mbR"], bottom * (p["Ab"] - p["mu"] * p["tan_beta"]))
    stau_pair = Mixed(low["mL3"], low["mtauR"], M_TAU * (p["Atau"] - p["mu"] * p["tan_beta"]))
    return {
        "low_m_stop1": stops.masses[0],
        "low_m_sbottom1": sbottoms.masses[0],
        "low_m_stau1": stau_pair.masses[0],
        "low_m_tau_sneutrino": low["mL3"] + 0.5 * d_term,
        "low_m_sneutrino": low["mlL12"] + 0.5 * d_term,
    }


def _electroweak_loops(p: Columns, at_q: AtQ) -> dict[str, FloatArray]:
    """Squared masses of sleptons and first-generation squarks, with electroweak loops at Q."""

    def logarithm(square: FloatArray) -> FloatArray:
        size = np.maximum(np.abs(square), FLOOR)
        return np.asarray(square * (np.log(size / at_q.scale**2) - 1.0))

    trace = at_q.d_term / M_Z**2 * logarithm(p["MA"] ** 2)
    for name, weight in _WEIGHTS.items():
        trace = trace + weight * logarithm(p[name] ** 2)
    bino, wino = logarithm(p["M1"] ** 2), logarithm(p["M2"] ** 2)

    def corrected(square: FloatArray, kind: str) -> FloatArray:
        charge = _HYPERCHARGE[kind]
        found = 3 / 5 * G1**2 * (charge * trace - 4.0 * charge**2 * bino)
        if kind in ("q", "l"):
            found = found - 3.0 * G2**2 * wino
        return np.asarray(square + found / _LOOP)

    mixed = staus(p, at_q)
    mixed = Mixed(corrected(mixed.left, "l"), corrected(mixed.right, "e"), mixed.off)
    sleptons = slepton_squares(p, at_q)
    squarks = pole_squarks(p, at_q, *third_generation(p, at_q))
    kinds = {"up_left": "q", "down_left": "q", "up_right": "u", "down_right": "d"}
    return {
        "loop_m_stau1": mixed.masses[0],
        **{
            f"loop_m_{name}": corrected(square, "e" if name.endswith("right") else "l")
            for name, square in sleptons.items()
        },
        **{
            f"loop_m_{name}": corrected(np.sign(mass) * mass**2, kind)
            for name, kind in kinds.items()
            for mass in (squarks[f"pole_m_{name}"],)
        },
    }


def _threshold(p: Columns, gluino: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
    """Threshold of a down-type Yukawa coupling at M_Z, of squared squark masses there."""
    return down_shift(p, np.maximum(left, 2500.0), np.maximum(right, 2500.0), gluino, _ALPHA_S_LOW)


def _from_stops(p: Columns, at_q: AtQ, low: Columns) -> FloatArray:
    """What stops and higgsinos add to that of the bottom quark."""
    left, right = (np.maximum(low[name], 2500.0) for name in ("mQ3", "mtR"))
    return higgsino_shift(p, at_q.top / (VEV * np.sqrt(at_q.sin2_beta)), left, right)
