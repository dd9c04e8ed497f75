"""One convention for the evidence, whatever the sampler measures.

Some of the prior box holds no valid point: no spectrum, or outside a hard bound. ``log_z_box`` is
the mean likelihood over the whole box, where such points count as zero; ``log_z`` is the mean over
the valid part; ``log_z_box = log_z + ln(valid_fraction)``. A sampler measures one of the two, and
the fraction gives the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np


class ValidFraction(NamedTuple):
    """Share of the prior whose points are valid, with its standard error."""

    value: float
    error: float

    @classmethod
    def measured(cls, n_valid: int, n_draws: int, stopped_at_valid: bool = True) -> ValidFraction:
        """Estimate from ``n_valid`` of ``n_draws``.

        Draws that stop at the n-th valid point are negative binomial: (n - 1)/(draws - 1) has
        no bias, while n/draws is too large on average.

        >>> ValidFraction.measured(51, 101).value
        0.5
        """
        if stopped_at_valid and n_valid > 1:
            value = (n_valid - 1) / (n_draws - 1)
        else:
            value = n_valid / n_draws
        return cls(value, value * math.sqrt((1.0 - value) / n_valid) if n_valid else 0.0)

    @classmethod
    def pooled(cls, fractions: Sequence[ValidFraction], sizes: Sequence[int]) -> ValidFraction:
        """Average independent measurements, weighted by the number of points behind each.

        Weights from the errors would be a bias: a fraction that came out small has a small one.

        >>> ValidFraction.pooled([ValidFraction(0.4, 0.03), ValidFraction(0.6, 0.04)], [1, 1])
        ValidFraction(value=0.5, error=0.025)
        """
        weights = np.asarray(sizes, dtype=float) / sum(sizes)
        values, errors = np.array(fractions).T
        return cls(float(weights @ values), float(np.sqrt(np.square(weights * errors).sum())))


@dataclass(frozen=True)
class Evidence:
    """The evidence over the valid prior and over the whole box.

    Parameters
    ----------
    log_measured, log_measured_error : float
        What the sampler measures.
    over_box : bool
        Whether that is over the whole box, or over the valid prior.
    fraction : ValidFraction
        Measured independently of it.

    >>> whole = Evidence(-3.0, 0.1, over_box=False, fraction=ValidFraction(0.5, 0.0))
    >>> round(whole.log_z_box, 4)
    -3.6931
    """

    log_measured: float
    log_measured_error: float
    over_box: bool
    fraction: ValidFraction

    @property
    def log_z(self) -> float:
        """Natural log of the evidence over the valid prior."""
        return self.log_measured - (math.log(self.fraction.value) if self.over_box else 0.0)

    @property
    def log_z_error(self) -> float:
        """Standard error of ``log_z``."""
        return self._with_fraction_error() if self.over_box else self.log_measured_error

    @property
    def log_z_box(self) -> float:
        """Natural log of the evidence over the whole box."""
        return self.log_measured + (0.0 if self.over_box else math.log(self.fraction.value))

    @property
    def log_z_box_error(self) -> float:
        """Standard error of ``log_z_box``."""
        return self.log_measured_error if self.over_box else self._with_fraction_error()

    def with_fraction(self, fraction: ValidFraction) -> Evidence:
        """Return the same measurement with a better valid fraction."""
        return replace(self, fraction=fraction)

    def _with_fraction_error(self) -> float:
        return math.hypot(self.log_measured_error, self.fraction.error / self.fraction.value)
