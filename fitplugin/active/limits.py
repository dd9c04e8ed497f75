"""From efficiencies and cross-sections to upper limits on the signal strength, point by point."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field, PositiveFloat

from fitplugin.active.regions import CountingRegion, needs_of
from fitplugin.arrays import FloatArray
from fitplugin.options import Options
from fitplugin.physics.yields import expected_signal
from fitplugin.stats.counts import Mode
from fitplugin.stats.limits import UpperLimits, upper_limits

NAMES = tuple(f"log_mu_{name}" for name in UpperLimits._fields)
"""What `Limits` gives: natural logarithms; a point is excluded where they are below 0."""

_LEAST_SIGNAL = 1e-6  # events: less has no limit, and a logarithm that teaches nothing


class LimitOptions(Options):
    """Counting regions and the luminosity."""

    regions: tuple[CountingRegion, ...] = Field(min_length=1)
    luminosity: PositiveFloat = Field(description="[1/fb]")
    mode: Mode = Field("mean", description="Of the lognormal nuisances.")
    span: PositiveFloat = Field(
        3.0,
        description="Logarithms y become span tanh(y / span): the contour at 0 stays, and points "
        "far from it, where a limit is of no interest, cannot bend the surrogate.",
    )

    @property
    def needs(self) -> tuple[str, ...]:
        """What an oracle must answer."""
        return needs_of(self.regions)

    def log_limits(self, values: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Limits of the region with the smallest expected one, and their Monte Carlo error.

        Parameters
        ----------
        values : mapping of str to (n_points,) arrays
            What `needs` names.

        Returns
        -------
        dict of (n_points,) arrays
            `NAMES`, squashed beyond `span`, and ``NAME_error``: what the error of the efficiency
            makes of them. The logarithm of a limit falls as that of the efficiency grows.
        """
        found, relative = [], []
        for region in self.regions:
            efficiency = values[f"efficiency[{region.name}]"]
            error = values[f"efficiency_error[{region.name}]"]
            signal, signal_error = expected_signal(
                efficiency, np.zeros_like(efficiency), values["cross_section"],
                values["cross_section_error"], self.luminosity,
            )  # fmt: skip
            limits = upper_limits(
                region.n_observed, np.maximum(signal, _LEAST_SIGNAL), signal_error,
                region.background, region.background_error, mode=self.mode,
            )  # fmt: skip
            found.append(np.log(np.array(limits)))
            relative.append(error / np.maximum(np.maximum(efficiency, error), 1e-300))
        every = np.array(found)  # (n_regions, n_limits, n_points)
        best = np.argmin(every[:, 1], axis=0)
        columns = np.arange(every.shape[2])
        chosen, spread = every[best, :, columns].T, np.array(relative)[best, columns]
        squashed = self.span * np.tanh(chosen / self.span)
        slope = 1.0 - np.square(squashed / self.span)
        logs = dict(zip(NAMES, squashed, strict=True))
        errors = {f"{n}_error": e * spread for n, e in zip(NAMES, slope, strict=True)}
        return {**logs, **errors}
