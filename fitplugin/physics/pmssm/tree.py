"""Tree-level mass matrices of the pMSSM, and the scale and couplings that they need."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fitplugin.arrays import Columns, FloatArray
from fitplugin.physics.pmssm.constants import M_BOTTOM, M_TAU, M_TOP, M_Z, SIN2_W, VEV
from fitplugin.physics.pmssm.loops import bottom_shift


class AtQ(NamedTuple):
    """What all masses need, at the scale Q of the parameters; each (n_points,)."""

    sin2_beta: FloatArray
    d_term: FloatArray  # M_Z^2 cos(2 beta)
    scale: FloatArray  # Q [GeV]
    top: FloatArray  # running masses [GeV]
    bottom: FloatArray
    bottom_shift: FloatArray  # Delta_b

    @classmethod
    def of(cls, p: Columns) -> AtQ:
        """Read it off the parameters."""
        tan_beta = p["tan_beta"]
        sin2_beta = tan_beta**2 / (1.0 + tan_beta**2)
        scale = np.maximum(200.0, np.sqrt(p["mQ3"] * p["mtR"]))
        log_scale = np.log(scale / 1000.0)
        top = M_TOP * (1.0 - 0.04 * log_scale)
        shift = bottom_shift(p, top / (VEV * np.sqrt(sin2_beta)))
        bottom = M_BOTTOM * (1.0 - 0.06 * log_scale) / away_from_zero(1.0 + shift)
        return cls(sin2_beta, (1.0 - 2.0 * sin2_beta) * M_Z**2, scale, top, bottom, shift)


class Mixed(NamedTuple):
    """Squares of two states that mix [GeV^2]: diagonal, off-diagonal, eigenvalues ascending."""

    left: FloatArray
    right: FloatArray
    off: FloatArray

    @property
    def half_gap(self) -> FloatArray:
        """Half the difference of the eigenvalues."""
        return np.hypot(0.5 * (self.left - self.right), self.off)

    @property
    def sine(self) -> FloatArray:
        """Of twice the mixing angle."""
        return np.asarray(self.off / np.maximum(self.half_gap, 1.0))

    @property
    def masses(self) -> tuple[FloatArray, FloatArray]:
        """Squared masses, ascending."""
        middle = 0.5 * (self.left + self.right)
        return middle - self.half_gap, middle + self.half_gap


def third_generation(p: Columns, at_q: AtQ) -> tuple[Mixed, Mixed]:
    """Stops and sbottoms."""
    top, bottom, d_term = at_q.top, at_q.bottom, at_q.d_term
    stops = Mixed(
        p["mQ3"] ** 2 + top**2 + d_term * (0.5 - 2 / 3 * SIN2_W),
        p["mtR"] ** 2 + top**2 + d_term * 2 / 3 * SIN2_W,
        top * (p["At"] - p["mu"] / p["tan_beta"]),
    )
    sbottoms = Mixed(
        p["mQ3"] ** 2 + bottom**2 + d_term * (-0.5 + SIN2_W / 3),
        p["mbR"] ** 2 + bottom**2 - d_term * SIN2_W / 3,
        bottom * (p["Ab"] - p["mu"] * p["tan_beta"]),
    )
    return stops, sbottoms


def staus(p: Columns, at_q: AtQ) -> Mixed:
    """Staus, without the electroweak loops."""
    return Mixed(
        p["mL3"] ** 2 + at_q.d_term * (-0.5 + SIN2_W),
        p["mtauR"] ** 2 - at_q.d_term * SIN2_W,
        M_TAU * (p["Atau"] - p["mu"] * p["tan_beta"]),
    )


def away_from_zero(values: FloatArray) -> FloatArray:
    """Keep 0.05 away from zero, on the side where it is."""
    return np.asarray(np.where(np.abs(values) < 0.05, np.copysign(0.05, values), values))


def root(square: FloatArray) -> FloatArray:
    """Square root; that of a negative square is negative."""
    return np.asarray(np.sign(square) * np.sqrt(np.abs(square)))
