"""Exclusive counting regions: their likelihoods multiply, some uncertainties are common to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.likelihoods.signal_region import SignalRegion
from fitplugin.options import Options
from fitplugin.stats.correlated import log_marginal_correlated
from fitplugin.stats.draws import draw_counts, draw_counts_correlated, draw_factors
from fitplugin.stats.shared import log_marginal_shared

_LEAST_COUNT = 3


class Nuisances(Options):
    """Which uncertainties the regions of a product have in common."""

    cross_section: Literal["shared", "independent"] = Field(
        "shared", description="Whether the cross-section error is common to all regions."
    )
    background_covariance: tuple[tuple[float, ...], ...] | None = Field(
        None, description="Covariance of the backgrounds [events^2], in the order of the regions."
    )


class Product:
    """Product of exclusive regions, the cross-section error common to all of them.

    With a background covariance: the simplified likelihood of arXiv:1809.05548, Gaussian in the
    backgrounds and integrated over them, with the signal errors added to its diagonal. The
    integral is Laplace's to second order, good to 1e-3 in ln L from three observed events on;
    fewer are refused.
    """

    class Options(Options):
        """No options: what is shared stands under ``nuisances``."""

    citations: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, options: Options, regions: Sequence[SignalRegion], nuisances: Nuisances
    ) -> None:
        self._nuisances = nuisances
        self._regions = tuple(regions)
        rows = nuisances.background_covariance
        self._covariance = None if rows is None else _covariance(rows, self._regions)
        data = [region.options for region in self._regions]
        self._n_observed = np.array([one.n_observed for one in data])
        self._background = np.array([one.background for one in data])
        self._background_error = np.array([one.background_error for one in data])
        self._modes = tuple(one.mode for one in data)
        modes = sorted(set(self._modes))
        if self._is_shared and len(modes) > 1:
            raise InputError(
                "nuisances.cross_section",
                f"cannot be shared by regions of different modes ({', '.join(modes)}); "
                "give all of them one mode, or make it independent",
            )
        for region in self._regions if rows is not None else ():
            if region.options.n_observed < _LEAST_COUNT:
                raise InputError(
                    "nuisances.background_covariance",
                    f"needs at least {_LEAST_COUNT} observed events per region; "
                    f"{region.name!r} has {region.options.n_observed:g}",
                )

    @property
    def name(self) -> str:
        """How errors call it."""
        return "combination"

    @property
    def needs(self) -> tuple[str, ...]:
        """What the regions read, and the cross-section where its error is shared."""
        own = tuple(name for region in self._regions for name in region.needs)
        shared = ("cross_section", "cross_section_error") if self._is_shared else ()
        return (*own, *shared)

    @property
    def _is_shared(self) -> bool:
        return self._nuisances.cross_section == "shared" and self._covariance is None

    def log_likelihood(self, observables: Mapping[str, FloatArray]) -> FloatArray:
        """Natural log of the joint likelihood, (n_points,)."""
        if self._covariance is not None:
            n_signal, error = self._signals(observables)
            return np.asarray(
                log_marginal_correlated(
                    self._n_observed, n_signal, error, self._background, self._covariance
                )
            )
        if not self._is_shared or len(self._regions) == 1:
            values = [observables[f"log_likelihood[{region.name}]"] for region in self._regions]
            return np.asarray(np.sum(values, axis=0))
        n_signal, own, relative = self._common_and_own(observables)
        return np.asarray(
            log_marginal_shared(
                self._n_observed, n_signal, own, relative, self._background,
                self._background_error, mode=self._modes[0],
            )
        )  # fmt: skip

    def draw(self, observables: Mapping[str, FloatArray], rng: Generator) -> FloatArray:
        """Draw mock counts of all regions, (n_points, n_regions), as the likelihood has it.

        What the regions have in common is common to the counts of a point.
        """
        n_signal, own = self._signals(observables)
        if self._covariance is not None:
            return draw_counts_correlated(rng, n_signal, own, self._background, self._covariance)
        if self._is_shared and len(self._regions) > 1:
            n_signal, own, relative = self._common_and_own(observables)
            factor = draw_factors(rng, relative, self._modes[0])[:, np.newaxis]
            n_signal, own = n_signal * factor, own * factor
        columns = [
            draw_counts(rng, n_signal[:, i], own[:, i], background, error, mode=mode)
            for i, (background, error, mode) in enumerate(
                zip(self._background, self._background_error, self._modes, strict=True)
            )
        ]
        return np.stack(columns, axis=1)

    def observing(self, regions: Sequence[SignalRegion]) -> Product:
        """Return the same product of regions with other counts."""
        return Product(self.Options(), regions, self._nuisances)

    @property
    def least_count(self) -> int:
        """Fewest events in a region for which there is a likelihood."""
        return 0 if self._covariance is None else _LEAST_COUNT

    def _common_and_own(
        self, observables: Mapping[str, FloatArray]
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the signals, the errors of their own, and the relative error of all of them."""
        n_signal, error = self._signals(observables)
        relative = observables["cross_section_error"] / observables["cross_section"]
        # undo the product of independent factors: err^2 = own^2 (1 + r^2) + (N r)^2
        common = np.square(relative)[:, np.newaxis]
        own = np.maximum(np.square(error) - np.square(n_signal) * common, 0.0) / (1.0 + common)
        return n_signal, np.sqrt(own), relative

    def _signals(self, observables: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
        names = [region.needs for region in self._regions]
        n_signal = np.stack([observables[name] for name, _ in names], axis=1)
        return n_signal, np.stack([observables[error] for _, error in names], axis=1)


def _covariance(rows: Sequence[Sequence[float]], regions: Sequence[SignalRegion]) -> FloatArray:
    where = "nuisances.background_covariance"
    n = len(regions)
    if len(rows) != n or any(len(row) != n for row in rows):
        raise InputError(where, f"must be {n} x {n}, one row per region")
    matrix = np.array(rows, dtype=float)
    if not np.allclose(matrix, matrix.T, rtol=1e-9):
        i, j = np.argwhere(~np.isclose(matrix, matrix.T, rtol=1e-9))[0]
        raise InputError(where, f"is not symmetric: [{i}][{j}] = {matrix[i, j]:g}, "
                         f"[{j}][{i}] = {matrix[j, i]:g}")  # fmt: skip
    lowest = float(np.linalg.eigvalsh(matrix)[0])
    if lowest <= 0:
        raise InputError(where, f"is not positive definite: its lowest eigenvalue is {lowest:g}")
    return matrix
