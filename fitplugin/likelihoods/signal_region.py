"""A counting region: observed events against background and predicted signal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, Field

from fitplugin.arrays import FloatArray
from fitplugin.options import Options
from fitplugin.stats.counts import Mode, log_marginal


class SignalRegionOptions(Options):
    """Data of one counting region."""

    name: str = Field(min_length=1)
    n_observed: float = Field(ge=0, description="Observed events; mock data need not be integers.")
    background: float = Field(gt=0, description="Expected background [events].")
    background_error: float = Field(gt=0, description="Its error [events].")
    mode: Mode = Field(
        "mean", description="What the lognormal nuisances keep; see fitplugin.stats.counts."
    )


class SignalRegion:
    """Poisson counts with lognormal signal and background errors, marginalised.

    Reads ``n_signal[NAME]`` and ``n_signal_error[NAME]``.
    """

    Options: ClassVar[type[BaseModel]] = SignalRegionOptions
    citations: ClassVar[tuple[str, ...]] = ("ATL-PHYS-PUB-2013-011",)

    def __init__(self, options: SignalRegionOptions) -> None:
        self.options = options

    @property
    def name(self) -> str:
        """Name of the region."""
        return self.options.name

    @property
    def needs(self) -> tuple[str, ...]:
        """The predicted signal and its error."""
        return (f"n_signal[{self.name}]", f"n_signal_error[{self.name}]")

    def log_likelihood(self, observables: Mapping[str, FloatArray]) -> FloatArray:
        """Natural log of the marginal likelihood, (n_points,)."""
        n_signal, error = (observables[name] for name in self.needs)
        return np.asarray(
            log_marginal(
                self.options.n_observed,
                n_signal,
                error,
                self.options.background,
                self.options.background_error,
                mode=self.options.mode,
            )
        )
