"""How well probabilities tell two classes apart, and at which threshold to part them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fitplugin.arrays import BoolArray, FloatArray, IntArray
from fitplugin.errors import InputError
from fitplugin.stats.decisions import mistakes

_SMALLEST_PROBABILITY = 1e-12


class Classification(NamedTuple):
    """How well probabilities tell two classes apart, at a threshold and without one.

    ``n_false_valid`` counts points of class 0 that were said to be 1, ``n_false_invalid`` the
    reverse. ``brier`` (mean squared difference of probability and class) and ``log_loss`` (mean
    negative log probability of the class that came, nats) are proper scores: smaller is
    better, and least in expectation for the true probabilities.
    """

    n_points: int
    threshold: float
    recall: float
    precision: float
    f1: float
    brier: float
    log_loss: float
    n_false_valid: int
    n_false_invalid: int


def classify(probability: ArrayLike, truth: ArrayLike, threshold: float = 0.5) -> Classification:
    """Compare probabilities with classes.

    Parameters
    ----------
    probability : (n_points,) array
        Of class 1. The Brier score takes it as it is, also beyond [0, 1], where a regression of
        classes may go; the log loss takes the probability of the class that came, clipped to
        [1e-12, 1].
    truth : (n_points,) array
        0 or 1.
    threshold : float
        A probability above it is said to be class 1.

    Source: Gneiting and Raftery, J. Am. Stat. Assoc. 102 (2007) 359 (proper scores).

    >>> c = classify([0.9, 0.8, 0.2], [1.0, 0.0, 1.0])
    >>> c.threshold, c.recall, c.precision, c.f1, c.n_false_valid, c.n_false_invalid
    (0.5, 0.5, 0.5, 0.5, 1, 1)
    """
    p = np.asarray(probability, dtype=float)
    true = np.asarray(truth, dtype=float) == 1.0
    found = mistakes(p > threshold, true)
    of_what_came = np.clip(np.where(true, p, 1.0 - p), _SMALLEST_PROBABILITY, 1.0)
    return Classification(
        n_points=len(true),
        threshold=threshold,
        # as in `threshold_curve`, 0 where there is no point of class 1
        recall=found.n_hits / max(1, found.n_valid),
        precision=found.precision,
        f1=found.f1,
        brier=float(np.square(p - true).mean()),
        log_loss=float(-np.log(of_what_came).mean()),
        n_false_valid=found.n_false_valid,
        n_false_invalid=found.n_false_invalid,
    )


class ThresholdCurve(NamedTuple):
    """Recall, precision and F1 at every threshold, each (n,)."""

    threshold: FloatArray
    recall: FloatArray
    precision: FloatArray
    f1: FloatArray


def threshold_curve(probability: ArrayLike, truth: ArrayLike, n: int = 99) -> ThresholdCurve:
    """Return what `classify` says at n equidistant thresholds inside (0, 1).

    Parameters
    ----------
    probability, truth : (n_points,) arrays
        As for `classify`.
    n : int
        Number of thresholds: k / (n + 1) for k = 1 ... n.

    Raises
    ------
    InputError
        If there are no points, shapes differ, a truth is not a class, or n < 1.

    >>> threshold_curve([0.9, 0.8, 0.3], [1.0, 0.0, 1.0], n=3).recall
    array([1. , 0.5, 0.5])
    """
    if n < 1:
        raise InputError("n", f"must be at least 1 threshold, not {n}")
    p, true = _classes(probability, truth)
    threshold = np.arange(1, n + 1) / (n + 1)
    n_hits, n_said = _above(p[true], threshold), _above(p, threshold)
    n_true = true.sum()
    return ThresholdCurve(
        threshold,
        recall=n_hits / max(1, n_true),
        precision=n_hits / np.maximum(1, n_said),
        f1=2.0 * n_hits / np.maximum(1, n_said + n_true),
    )


def best_threshold(
    probability: ArrayLike,
    truth: ArrayLike,
    cost_of_false_valid: float = 1.0,
    cost_of_false_invalid: float = 1.0,
) -> float:
    """Return the threshold with the least mean cost on these points.

    Parameters
    ----------
    probability, truth : (n_points,) arrays
        As for `classify`; held out, and enough of them: the threshold is fitted.
    cost_of_false_valid, cost_of_false_invalid : float
        Cost of a 0 that is said to be 1, and of a 1 that is said to be 0; > 0, in any unit.

    Returns
    -------
    float
        Half-way between two neighbours among 0, the probabilities and 1; or the last of them,
        where it costs least to say 1 to nobody. Among equal costs the nearest to
        cost_of_false_valid / (cost_of_false_valid + cost_of_false_invalid), which is best if
        the probabilities are right.

    Raises
    ------
    InputError
        If there are no points, shapes differ, a truth is not a class, or a cost is not > 0.

    Source: C. Elkan, The foundations of cost-sensitive learning, IJCAI 2001, Eq. 2.

    >>> best_threshold([0.1, 0.3, 0.7, 0.9], [0.0, 0.0, 1.0, 1.0])
    0.5
    """
    for name, cost in (
        ("cost_of_false_valid", cost_of_false_valid),
        ("cost_of_false_invalid", cost_of_false_invalid),
    ):
        if not 0 < cost < np.inf:
            raise InputError(name, f"must be a finite number above 0, not {cost:g}")
    p, true = _classes(probability, truth)
    edges = np.unique([0.0, *p, 1.0])
    # the cost changes at the probabilities only; beyond the last edge nothing is valid
    candidates = np.append(0.5 * (edges[:-1] + edges[1:]), edges[-1])
    n_false_valid = _above(p[~true], candidates)
    n_false_invalid = true.sum() - _above(p[true], candidates)
    cost = cost_of_false_valid * n_false_valid + cost_of_false_invalid * n_false_invalid
    cheapest = candidates[cost == cost.min()]
    ideal = cost_of_false_valid / (cost_of_false_valid + cost_of_false_invalid)
    return float(cheapest[np.argmin(np.abs(cheapest - ideal))])


def _classes(probability: ArrayLike, truth: ArrayLike) -> tuple[FloatArray, BoolArray]:
    p, classes = np.asarray(probability, dtype=float), np.asarray(truth, dtype=float)
    if p.ndim != 1 or p.shape != classes.shape or not len(p):
        raise InputError(
            "probability", f"has shape {p.shape} for truths of shape {classes.shape}; "
            "both must be (n_points,) with a point at least",
        )  # fmt: skip
    if not np.isfinite(p).all():
        raise InputError("probability", "must be finite")
    if not is_binary(classes):
        raise InputError("truth", "must be 0 or 1 at every point")
    return p, classes == 1.0


def _above(probability: FloatArray, threshold: FloatArray) -> IntArray:
    """How many probabilities are above each (n,) threshold."""
    at_most = np.searchsorted(np.sort(probability), threshold, side="right")
    return np.asarray(len(probability) - at_most, dtype=np.int64)


def is_binary(truth: ArrayLike) -> bool:
    """Whether the values are classes: 0 and 1 only."""
    return bool(np.isin(truth, (0.0, 1.0)).all())
