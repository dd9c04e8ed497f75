"""What the ranks of all mocks say: quantity by quantity, and all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fitplugin.errors import InputError
from fitplugin.stats.uniformity import FEWEST_RANKS, Uniformity, holm, uniformity
from fitplugin.studies.coverage.mocks import Mock

SIGNIFICANCE = 0.01
"""A p-value below this, corrected for the number of quantities, is evidence against."""


class Judgement(NamedTuple):
    """The outcome of a coverage study."""

    found: dict[str, Uniformity]
    """By quantity."""
    p_corrected: dict[str, float]
    """p-values after Holm's correction for the number of quantities; NaN for too few mocks."""
    is_calibrated: bool | None
    """Whether none of these is below `SIGNIFICANCE`; None if there are too few mocks to tell."""

    @property
    def verdict(self) -> str:
        """The outcome in one line."""
        n_quantities = len(self.found)
        if self.is_calibrated is None:
            n = next(iter(self.found.values())).n_ranks
            return f"no verdict: chi2 means nothing for {n} mocks; make {FEWEST_RANKS} at least"
        if self.is_calibrated:
            least = min(one.p_value for one in self.found.values())
            return f"calibrated: no evidence against (smallest p = {least:.2g} of {n_quantities})"
        bad = [name for name in self.found if self.p_corrected[name] < SIGNIFICANCE]
        named = ", ".join(f"{name} p = {self.found[name].p_value:.1g}" for name in bad)
        return f"NOT calibrated: {named} (of {n_quantities})"


def judge(mocks: Sequence[Mock]) -> Judgement:
    """Judge the positions of the truth in every quantity.

    Raises
    ------
    InputError
        If there are no mocks.
    """
    if not mocks:
        raise InputError("mocks", "there are none to be judged")
    names = list(mocks[0].position)
    found = {name: uniformity([mock.position[name] for mock in mocks]) for name in names}
    if len(mocks) < FEWEST_RANKS:
        return Judgement(found, dict.fromkeys(names, float("nan")), None)
    corrected = holm([found[name].p_value for name in names])
    by_name = dict(zip(names, corrected.tolist(), strict=True))
    return Judgement(found, by_name, bool(corrected.min() >= SIGNIFICANCE))
