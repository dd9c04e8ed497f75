"""Combine counting regions: exclusive products with shared nuisances, or a selection.

A combination is built from the regions of a scan; it reads what they read and their own values
``log_likelihood[REGION]``, and gives one number per point. The group of these plugins is
``fitplugin.combinations``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator
from pydantic import BaseModel, Field

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.errors import InputError, one_of
from fitplugin.likelihoods.selection import (
    compatible_sets,
    groups_of,
    normalised_groups,
    overlap_matrix,
)
from fitplugin.likelihoods.signal_region import SignalRegion
from fitplugin.options import Options
from fitplugin.stats.correlated import log_marginal_correlated
from fitplugin.stats.counts import q_mu
from fitplugin.stats.draws import draw_counts, draw_counts_correlated, draw_factors
from fitplugin.stats.limits import expected_limit
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
        modes = sorted({region.options.mode for region in self._regions})
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
            return self._correlated(observables, self._covariance)
        if not self._is_shared or len(self._regions) == 1:
            values = [observables[f"log_likelihood[{region.name}]"] for region in self._regions]
            return np.asarray(np.sum(values, axis=0))
        n_signal, own, relative = self._common_and_own(observables)
        data = [region.options for region in self._regions]
        return np.asarray(
            log_marginal_shared(
                np.array([one.n_observed for one in data]),
                n_signal,
                own,
                relative,
                np.array([one.background for one in data]),
                np.array([one.background_error for one in data]),
                mode=data[0].mode,
            )
        )

    def draw(self, observables: Mapping[str, FloatArray], rng: Generator) -> FloatArray:
        """Draw mock counts of all regions, (n_points, n_regions), as the likelihood has it.

        What the regions have in common is common to the counts of a point.
        """
        data = [region.options for region in self._regions]
        background = np.array([one.background for one in data])
        error = np.array([one.background_error for one in data])
        if self._covariance is not None:
            signals = self._signals(observables)
            return draw_counts_correlated(rng, *signals, background, self._covariance)
        n_signal, own = self._signals(observables)
        if self._is_shared and len(data) > 1:
            n_signal, own, relative = self._common_and_own(observables)
            factor = draw_factors(rng, relative, data[0].mode)[:, np.newaxis]
            n_signal, own = n_signal * factor, own * factor
        columns = [
            draw_counts(
                rng, n_signal[:, i], own[:, i], background[i], error[i], mode=one.mode
            )
            for i, one in enumerate(data)
        ]  # fmt: skip
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

    def _correlated(
        self, observables: Mapping[str, FloatArray], covariance: FloatArray
    ) -> FloatArray:
        n_signal, error = self._signals(observables)
        data = [region.options for region in self._regions]
        return np.asarray(
            log_marginal_correlated(
                np.array([one.n_observed for one in data]),
                n_signal,
                error,
                np.array([one.background for one in data]),
                covariance,
            )
        )

    def _signals(self, observables: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
        names = [region.needs for region in self._regions]
        n_signal = np.stack([observables[name] for name, _ in names], axis=1)
        return n_signal, np.stack([observables[error] for _, error in names], axis=1)


class SelectionOptions(Options):
    """Options common to the selections of regions."""

    overlap: tuple[tuple[bool, ...], ...] | None = Field(
        None, description="Symmetric matrix, true where two regions share events."
    )
    s95_expected: dict[str, float] = Field(
        {}, description="Expected limit on signal events per region; computed where left out."
    )
    cap: float = Field(100.0, gt=0, description="Largest chi2 that a scan need tell apart.")
    cap_kind: Literal["hard", "smooth", "none"] = Field(
        "hard", description="hard: min(chi2, cap); smooth: chi2 cap/(chi2 + cap)."
    )


class Selection:
    """Sets of regions chosen at each point by expected sensitivity, never by the data.

    The result is -chi2/2 with chi2 = sum of q_mu over the chosen regions, which compares each
    point with the best signal strength and so means the same in every region.
    """

    citations: ClassVar[tuple[str, ...]] = (
        "P. Bechtle et al., SCYNet, arXiv:1703.01309",
        "G. Cowan et al., Asymptotic formulae, arXiv:1007.1727",
    )

    def __init__(
        self,
        options: SelectionOptions,
        regions: Sequence[SignalRegion],
        alternatives: Sequence[BoolArray],
    ) -> None:
        # of each (n_sets, n_regions) array the best set counts
        self._alternatives = tuple(alternatives)
        self._options = options
        self._regions = tuple(regions)
        names = [region.name for region in regions]
        for name, limit in options.s95_expected.items():
            if name not in names:
                raise InputError("combination.s95_expected", one_of(name, names, "a region"))
            if limit <= 0:
                raise InputError(f"combination.s95_expected.{name}", f"must be > 0, not {limit:g}")
        self._limits = np.array(
            [
                options.s95_expected.get(region.name)
                or float(
                    expected_limit(
                        region.options.background,
                        region.options.background_error,
                        region.options.mode,
                    )
                )
                for region in regions
            ]
        )

    @property
    def name(self) -> str:
        """How errors call it."""
        return "combination"

    @property
    def needs(self) -> tuple[str, ...]:
        """What the regions read."""
        return tuple(name for region in self._regions for name in region.needs)

    def log_likelihood(self, observables: Mapping[str, FloatArray]) -> FloatArray:
        """-chi2/2 of the chosen regions, (n_points,)."""
        n_signal = np.stack([observables[r.needs[0]] for r in self._regions], axis=1)
        sensitivity = np.square(n_signal / self._limits)
        chosen = np.zeros(n_signal.shape, dtype=bool)
        for sets in self._alternatives:
            chosen |= sets[(sensitivity @ sets.T).argmax(axis=1)]
        return -0.5 * self._capped(np.where(chosen, self._q(observables), 0.0).sum(axis=1))

    def _q(self, observables: Mapping[str, FloatArray]) -> FloatArray:
        columns = []
        for region in self._regions:
            n_signal, error = (observables[name] for name in region.needs)
            data = region.options
            columns.append(
                np.asarray(
                    q_mu(
                        data.n_observed,
                        n_signal,
                        error,
                        data.background,
                        data.background_error,
                        mode=data.mode,
                    )
                )
            )
        return np.stack(columns, axis=1)

    def _capped(self, chi2: FloatArray) -> FloatArray:
        cap = self._options.cap
        if self._options.cap_kind == "none":
            return chi2
        if self._options.cap_kind == "smooth":
            return chi2 * cap / (chi2 + cap)
        return np.minimum(chi2, cap)


class BestExpectedOptions(SelectionOptions):
    """Options of the best expected region per group."""

    groups: tuple[tuple[str, ...], ...] | None = Field(
        None, description="Disjoint groups of regions by name; default: from the overlap."
    )


class BestExpected(Selection):
    """One region per disjoint group: that with the largest signal over its expected limit."""

    Options: ClassVar[type[BaseModel]] = BestExpectedOptions

    def __init__(
        self, options: BestExpectedOptions, regions: Sequence[SignalRegion], nuisances: Nuisances
    ) -> None:
        names = [region.name for region in regions]
        if options.groups is not None:
            groups = normalised_groups(options.groups, names)
        else:
            groups = groups_of(overlap_matrix(options.overlap, names))
        # the alternatives of each group: sets of one region
        alone = np.eye(len(names), dtype=bool)
        super().__init__(options, regions, [alone[list(group)] for group in groups])


class BestSet(Selection):
    """The compatible set of regions with the largest expected sensitivity, exactly.

    Sensitivities add in quadrature, so the set maximises the sum of (signal/limit)^2 over all
    sets of regions without a common event: a maximum-weight independent set, found among all
    maximal ones (extra ``combination``).
    """

    Options: ClassVar[type[BaseModel]] = SelectionOptions

    def __init__(
        self, options: SelectionOptions, regions: Sequence[SignalRegion], nuisances: Nuisances
    ) -> None:
        overlap = overlap_matrix(options.overlap, [region.name for region in regions])
        super().__init__(options, regions, [compatible_sets(overlap)])


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
