"""Constraints on predicted observables; hard ones also define the prior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, Field, model_validator

from fitplugin.arrays import FloatArray
from fitplugin.options import Options
from fitplugin.stats.gaussian import hard_interval, log_gaussian, log_interval


class ErrorOptions(Options):
    """Errors of the comparison of a predicted observable; they add in quadrature."""

    experimental_error: float = Field(0.0, ge=0, description="In the unit of the observable.")
    theory_error: float = Field(0.0, ge=0, description="Error of the theory prediction.")
    surrogate_error: bool = Field(
        False, description="Add the predicted error OBSERVABLE_error of each point."
    )

    @property
    def has_error(self) -> bool:
        """Whether any error is given."""
        return self.surrogate_error or self.experimental_error > 0 or self.theory_error > 0

    def needs(self, observable: str) -> tuple[str, ...]:
        """The observable, and its predicted error where it counts."""
        return (observable, f"{observable}_error") if self.surrogate_error else (observable,)

    def std(self, observable: str, observables: Mapping[str, FloatArray]) -> FloatArray:
        """Total error at each point, (n_points,)."""
        fixed = np.hypot(self.experimental_error, self.theory_error)
        if not self.surrogate_error:
            return np.full_like(observables[observable], fixed)
        return np.hypot(observables[f"{observable}_error"], fixed)


class IntervalOptions(ErrorOptions):
    """An interval on one observable, hard if no error is given."""

    observable: str = Field(description="Name of the observable, e.g. m_higgs.")
    low: float | None = Field(None, description="Lower end; open if left out.")
    high: float | None = Field(None, description="Upper end; open if left out.")
    hard: bool | None = Field(None, description="Cut at the ends; default: if there is no error.")

    @model_validator(mode="after")
    def _consistent(self) -> IntervalOptions:
        if self.low is None and self.high is None:
            raise ValueError("needs 'low', 'high' or both")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low {self.low:g} must be below high {self.high:g}")
        if self.hard and self.has_error:
            raise ValueError("is hard and has an error; leave one of them out")
        if self.hard is False and not self.has_error:
            raise ValueError("is not hard and has no error; give one")
        return self


class Interval:
    """Interval on one observable: a hard cut, or the probability to lie inside it.

    With errors the observable is Gaussian about its prediction, and the likelihood is the
    probability of the interval; one-sided where an end is open. Without errors, points outside
    are not valid, and the cut is a part of the prior.
    """

    Options: ClassVar[type[BaseModel]] = IntervalOptions
    citations: ClassVar[tuple[str, ...]] = ()

    def __init__(self, options: IntervalOptions) -> None:
        self._options = options
        self._observable = options.observable
        self._low = -np.inf if options.low is None else options.low
        self._high = np.inf if options.high is None else options.high

    @property
    def name(self) -> str:
        """The observable it constrains."""
        return self._observable

    @property
    def is_hard(self) -> bool:
        """Whether it cuts the prior."""
        return not self._options.has_error

    @property
    def needs(self) -> tuple[str, ...]:
        """The observable, and its predicted error where it counts."""
        return self._options.needs(self._observable)

    def log_likelihood(self, observables: Mapping[str, FloatArray]) -> FloatArray:
        """0 inside and -inf outside if hard, else ln of the probability, (n_points,)."""
        value = observables[self._observable]
        if self.is_hard:
            return hard_interval(value, self._low, self._high)
        std = self._options.std(self._observable, observables)
        return log_interval(value, std, self._low, self._high)


class GaussianOptions(ErrorOptions):
    """A measured value of one observable."""

    observable: str = Field(description="Name of the observable, e.g. m_higgs.")
    value: float = Field(description="Measured value.")

    @model_validator(mode="after")
    def _consistent(self) -> GaussianOptions:
        if not self.has_error:
            raise ValueError("needs 'experimental_error', 'theory_error' or 'surrogate_error'")
        return self


class Gaussian:
    """A measured value with experimental, theory and surrogate errors in quadrature."""

    Options: ClassVar[type[BaseModel]] = GaussianOptions
    citations: ClassVar[tuple[str, ...]] = ()
    is_hard = False

    def __init__(self, options: GaussianOptions) -> None:
        self._options = options

    @property
    def name(self) -> str:
        """The observable it constrains."""
        return self._options.observable

    @property
    def needs(self) -> tuple[str, ...]:
        """The observable, and its predicted error where it counts."""
        return self._options.needs(self._options.observable)

    def log_likelihood(self, observables: Mapping[str, FloatArray]) -> FloatArray:
        """Natural log of the Gaussian density, (n_points,)."""
        std = self._options.std(self._options.observable, observables)
        return log_gaussian(self._options.value, observables[self._options.observable], std)


class HiggsMassOptions(IntervalOptions):
    """Two-sigma window of the measured mass with 2 GeV of theory error (arXiv:1611.02704)."""

    observable: str = "m_higgs"
    low: float | None = 121.0
    high: float | None = 129.0


class HiggsMass(Interval):
    """Higgs mass within [121, 129] GeV: 125.09 +- 0.24 with 2 GeV of theory error."""

    Options = HiggsMassOptions
    citations = ("ATLAS and CMS, combined Higgs mass, arXiv:1503.07589",)


class CharginoMassOptions(IntervalOptions):
    """LEP-2 limit on the lightest chargino."""

    observable: str = "m_chargino1"
    low: float | None = 103.5


class CharginoMass(Interval):
    """Lightest chargino above 103.5 GeV: the LEP-2 limit."""

    Options = CharginoMassOptions
    citations = ("LEP2 SUSY Working Group, LEPSUSYWG/01-03.1",)
