"""A goal: on which side of a contour points are, by the entropy of that question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fitplugin.active.goal import Learned, Metric, Picture, StopOptions
from fitplugin.active.limits import NAMES, LimitOptions
from fitplugin.arrays import FloatArray, IntArray
from fitplugin.stats.decisions import mistakes
from fitplugin.surrogates import acquisition

_UNDECIDED = (0.05, 0.95)
_GREEDY = 1500  # candidates whose joint covariance is affordable


class Contour:
    """Where the targets have a level: with limits, where points are just excluded.

    Parameters
    ----------
    names : tuple of str
        Targets; the first one is judged.
    level : float
        Value of the targets on the contour.
    limits : LimitOptions, optional
        Makes targets out of efficiencies and cross-sections.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("undecided", "undecided", "undecided share"),
        Metric("mean_entropy", "entropy", "mean entropy [nats]"),
        Metric("contour_std", "contour sd", "sd on the contour"),
        Metric("sharpness", "sharpness", "sd over half the $\\pm1\\sigma$ band"),
        Metric("test.accuracy", "accuracy", "accuracy, test points"),
        Metric("test.f1", "F1", ""),
        Metric("test.near_contour", "", "truth on the contour"),
    )
    choices: ClassVar[tuple[str, ...]] = ("entropy_discs", "entropy", "greedy")
    reached: ClassVar[str] = "the contour is sharp: both stop tests hold"

    def __init__(
        self, names: tuple[str, ...], level: float, limits: LimitOptions | None = None
    ) -> None:
        self._names, self._level, self._limits = names, level, limits

    @property
    def names(self) -> tuple[str, ...]:
        """Targets that are learned."""
        return self._names

    @property
    def needs(self) -> tuple[str, ...]:
        """Numbers that the oracle must answer."""
        return self._names if self._limits is None else self._limits.needs

    def targets(self, answers: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Targets, (n_points,) each, and ``NAME_error`` where there are errors."""
        return dict(answers) if self._limits is None else self._limits.log_limits(answers)

    def entropy(self, model: Learned, theta: FloatArray) -> FloatArray:
        """Sum of the exclusion entropies of all contours, (n_points,) [nats]."""
        mean, std = model.examine(theta)
        return acquisition.total_entropy(mean, std, self._level)

    def pick(
        self, kind: str, model: Learned, theta: FloatArray, cube: FloatArray, n: int
    ) -> IntArray:
        """Rows of the n candidates to ask next, by one of `choices`."""
        scores = self.entropy(model, theta)
        if kind == "entropy":
            return acquisition.best(scores, n)
        if kind == "entropy_discs":
            return acquisition.poisson_disc(scores, cube, n)
        rows = acquisition.best(scores, _GREEDY)
        _, covariance = model.joint(theta[rows], self._names[0])
        noise = 1e-2 * float(np.median(np.diagonal(covariance)))
        return rows[acquisition.greedy_variance(scores[rows], covariance, noise, n)]

    def judge(
        self,
        model: Learned,
        theta: FloatArray,
        test: FloatArray | None,
        truth: FloatArray | None,
    ) -> dict[str, Any]:
        """Metrics of a round, JSON-ready.

        Returns
        -------
        dict
            ``mean_entropy`` [nats per contour]; ``undecided``, share of candidates with a
            probability of 5 to 95 % to be below the level; ``contour_std``, median error of the
            first target where it is within one error of the level; ``sharpness``, that over half
            the +-1 sd band of the expected limit, where both edges are learned; ``test``: mistakes
            of the first contour, and ``near_contour``, mean and spread of the truths where the
            contour is predicted.

        Source: the stop tests of ATL-PHYS-PUB-2022-045.
        """
        mean, std = model.examine(theta)
        names, level = self._names, self._level
        p = acquisition.probability_below(mean[:, 0], std[:, 0], level)
        low, high = _UNDECIDED
        on_contour = np.abs(mean[:, 0] - level) < std[:, 0]
        entropy = acquisition.total_entropy(mean, std, level)
        found: dict[str, Any] = {
            "mean_entropy": float(entropy.mean() / len(names)),
            "undecided": float(((p > low) & (p < high)).mean()),
            "contour_std": float(np.median(std[on_contour, 0])) if on_contour.any() else 0.0,
        }
        edges = [NAMES[2], NAMES[3]]
        if set(edges) <= set(names) and on_contour.any():
            minus, plus = (mean[on_contour, names.index(name)] for name in edges)
            band = 0.5 * float(np.median(plus - minus))
            found["sharpness"] = found["contour_std"] / max(band, 1e-12)
        if test is not None and truth is not None and len(test):
            found["test"] = _confusion(model, test, truth[:, 0], level)
        return found

    def is_reached(self, metrics: Mapping[str, Any], stop: StopOptions) -> bool:
        """Whether both stop tests hold; a sharpness that is not known is none."""
        return bool(
            metrics["undecided"] <= stop.undecided
            and metrics.get("sharpness", 0.0) <= stop.sharpness
        )

    def picture(self, model: Learned, theta: FloatArray) -> Picture:
        """Entropy as the shade, the contours as lines."""
        mean, std = model.examine(theta)
        entropy = acquisition.total_entropy(mean, std, self._level)
        lines = tuple(
            (name, column, (self._level,)) for name, column in zip(self._names, mean.T, strict=True)
        )
        return Picture(entropy, "entropy [nats]", lines)


def _confusion(model: Learned, test: FloatArray, truth: FloatArray, level: float) -> dict[str, Any]:
    """Mistakes about the side of the first contour, and truths where it is predicted."""
    mean, std = model.examine(test)
    said, is_below = mean[:, 0] < level, truth < level
    counted = mistakes(said, is_below)
    near = np.abs(mean[:, 0] - level) < std[:, 0]
    found: dict[str, Any] = {
        "n": len(truth),
        "accuracy": float((said == is_below).mean()),
        "f1": counted.f1,
        "n_false_excluded": counted.n_false_valid,
        "n_false_allowed": counted.n_false_invalid,
    }
    if near.any():
        found["near_contour"] = {
            "n": int(near.sum()),
            "mean": float(truth[near].mean()),
            "std": float(truth[near].std()),
        }
    return found
