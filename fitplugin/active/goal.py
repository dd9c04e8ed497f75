"""What a loop is after: a contour, or a posterior. Which numbers it learns, and where to ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from pydantic import Field, PositiveFloat

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.options import Options
from fitplugin.physics.derived import Derived
from fitplugin.surrogates.multitask_gp import MultitaskGP


class Learned(NamedTuple):
    """A surrogate of the targets, asked by parameters."""

    model: MultitaskGP
    inputs: Derived
    n_targets: int
    """Of the goal; a cheap task of a warm start comes after them."""

    def examine(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and error of the targets, (n_points, n_targets) each, without the cheap task."""
        mean, std, _ = self.model.examine(self.inputs(theta))
        return mean[:, : self.n_targets], std[:, : self.n_targets]

    def joint(self, theta: FloatArray, target: str) -> tuple[FloatArray, FloatArray]:
        """Mean (n_points,) and covariance (n_points, n_points) of one target."""
        return self.model.joint(self.inputs(theta), target)


class Picture(NamedTuple):
    """What a figure shows of a surrogate at points: a shade, and lines."""

    shade: FloatArray
    """(n_points,)."""
    label: str
    lines: tuple[tuple[str, FloatArray, tuple[float, ...]], ...]
    """What they are, values (n_points,) and their levels; one for each colour."""


class Metric(NamedTuple):
    """A number of every round, in its metrics under a key (``test.f1``: within ``test``)."""

    key: str
    head: str
    """Of a column of text; empty: not told."""
    words: str
    """Of an axis; empty: not drawn."""

    def of(self, metrics: Mapping[str, Any]) -> Any:
        """Return it, or None where a round has none."""
        found: Any = metrics
        for part in self.key.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found


class StopOptions(Options):
    """When to stop before the last round: all tests of the goal must hold."""

    undecided: PositiveFloat = Field(
        0.02,
        lt=1,
        description="Of contours: share of the candidates with 5 to 95 % probability of exclusion.",
    )
    sharpness: PositiveFloat = Field(
        0.5,
        description="Of contours: posterior standard deviation there, over half the +-1 sd band "
        "where that is learned too.",
    )
    log_likelihood_std: PositiveFloat = Field(
        0.2, description="Of posteriors: error of ln L in the posterior."
    )


class Goal(Protocol):
    """A contour or a posterior."""

    metrics: ClassVar[tuple[Metric, ...]]
    choices: ClassVar[tuple[str, ...]]
    """Kinds of batches that only this goal has; the first is its default."""
    reached: ClassVar[str]
    """In words, when the stop tests hold."""

    @property
    def names(self) -> tuple[str, ...]:
        """Targets that are learned."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Numbers that the oracle must answer."""

    def targets(self, answers: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Targets, (n_points,) each, and ``NAME_error`` where there are errors."""

    def pick(
        self, kind: str, model: Learned, theta: FloatArray, cube: FloatArray, n: int
    ) -> IntArray:
        """Rows of the n candidates to ask next, by one of `choices`."""

    def judge(
        self,
        model: Learned,
        theta: FloatArray,
        test: FloatArray | None,
        truth: FloatArray | None,
    ) -> dict[str, Any]:
        """Metrics of a round, JSON-ready.

        ``theta`` are (n_points, n_dim) candidates; ``test`` and ``truth`` points that are never
        asked, and their targets (n_test, n_targets).
        """

    def is_reached(self, metrics: Mapping[str, Any], stop: StopOptions) -> bool:
        """Whether the stop tests hold."""

    def picture(self, model: Learned, theta: FloatArray) -> Picture:
        """What a figure shows at (n_points, n_dim) points."""


def stacked(goal: Goal, answers: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Targets (n_points, n_targets) of answers, and their errors (0 where unknown)."""
    found = goal.targets(answers)
    values = np.stack([found[name] for name in goal.names], axis=1)
    errors = [found.get(f"{name}_error", np.zeros(len(values))) for name in goal.names]
    return values, np.stack(errors, axis=1)
