"""Overlapping counting regions: those that count are chosen by expected sensitivity.

``best_expected`` takes one region of each group, ``best_set`` the best set without common events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import BaseModel, Field

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.errors import InputError, one_of
from fitplugin.likelihoods.overlaps import (
    compatible_sets,
    groups_of,
    normalised_groups,
    overlap_matrix,
)
from fitplugin.likelihoods.product import Nuisances
from fitplugin.likelihoods.signal_region import SignalRegion
from fitplugin.options import Options
from fitplugin.stats.counts import q_mu
from fitplugin.stats.limits import expected_limit


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
            [options.s95_expected.get(region.name) or _expected_limit(region) for region in regions]
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
            found = q_mu(
                data.n_observed, n_signal, error, data.background, data.background_error,
                mode=data.mode,
            )  # fmt: skip
            columns.append(np.asarray(found))
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


def _expected_limit(region: SignalRegion) -> float:
    data = region.options
    return float(expected_limit(data.background, data.background_error, data.mode))
