"""Constraints on predicted observables; hard ones also define the prior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, Field, model_validator

from fitplugin.arrays import FloatArray
from fitplugin.options import Options
from fitplugin.stats.gaussian import hard_interval


class IntervalOptions(Options):
    """A hard interval on one observable."""

    observable: str = Field(description="Name of the observable, e.g. m_higgs.")
    low: float | None = Field(None, description="Lower end; open if left out.")
    high: float | None = Field(None, description="Upper end; open if left out.")

    @model_validator(mode="after")
    def _ends_in_order(self) -> IntervalOptions:
        if self.low is None and self.high is None:
            raise ValueError("needs 'low', 'high' or both")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low {self.low:g} must be below high {self.high:g}")
        return self


class Interval:
    """Hard interval on one observable: points outside are not valid."""

    Options: ClassVar[type[BaseModel]] = IntervalOptions
    citations: ClassVar[tuple[str, ...]] = ()

    def __init__(self, options: Any) -> None:
        self._observable: str = options.observable
        self._low = -np.inf if options.low is None else options.low
        self._high = np.inf if options.high is None else options.high

    @property
    def name(self) -> str:
        """The observable it constrains."""
        return self._observable

    @property
    def needs(self) -> tuple[str, ...]:
        """The observable it constrains."""
        return (self._observable,)

    def log_likelihood(self, observables: Mapping[str, FloatArray]) -> FloatArray:
        """Return 0 inside and -inf outside, (n_points,)."""
        return hard_interval(observables[self._observable], self._low, self._high)


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
