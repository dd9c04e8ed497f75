"""How well predicted errors describe actual ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from fitplugin.arrays import BoolArray, FloatArray, IntArray
from fitplugin.errors import InputError

_MIN_IN_SLICE = 20
_SMALLEST_PROBABILITY = 1e-12


class Calibration(NamedTuple):
    """Summary of predictions against truths on held-out points.

    ``coverageXX`` is the share of truths inside the central XX % of the predicted Gaussian;
    ``log_score`` the mean log density (nats per point, larger is better); ``pull_mean`` and
    ``pull_std`` are 0 and 1 if the errors are right; ``excess_rmse`` is the error of the
    prediction beyond the noise of the truths themselves, equal to ``rmse`` if they have none.
    """

    n_points: int
    rmse: float
    mean_relative_error: float
    chi2_per_point: float
    coverage68: float
    coverage95: float
    coverage997: float
    log_score: float
    pull_mean: float
    pull_std: float
    excess_rmse: float


def pulls(
    mean: ArrayLike, std: ArrayLike, truth: ArrayLike, truth_error: ArrayLike | None = None
) -> FloatArray:
    """Return (mean - truth) / error: standard normal if the errors are right.

    The error is ``std``, with ``truth_error`` in quadrature where it is given.

    >>> pulls([10.0], [3.0], [0.0], [4.0])
    array([2.])
    """
    error = _in_quadrature(std, truth_error)
    return np.asarray((np.asarray(mean) - np.asarray(truth)) / error, dtype=float)


def calibrate(
    mean: ArrayLike, std: ArrayLike, truth: ArrayLike, truth_error: ArrayLike | None = None
) -> Calibration:
    """Compare Gaussian predictions with the truths.

    Parameters
    ----------
    mean, std, truth : (n_points,) arrays
        In the same unit; std > 0.
    truth_error : (n_points,) array or None
        Standard deviation of each truth, where it is itself a measurement (Monte Carlo
        statistics). Pulls, coverage and log score are those of the noisy truths then: with
        sqrt(std^2 + truth_error^2).

    >>> c = calibrate([0.0, 0.0], [1.0, 1.0], [0.5, -1.5])
    >>> c.chi2_per_point, c.coverage68, c.coverage95
    (1.25, 0.5, 1.0)
    >>> calibrate([5.0], [4.0], [0.0], [3.0]).excess_rmse
    4.0
    """
    mean, truth = np.asarray(mean, dtype=float), np.asarray(truth, dtype=float)
    error = _in_quadrature(std, truth_error)
    signed = pulls(mean, error, truth)
    pull = np.abs(signed)
    inside = [float((pull < ndtri(0.5 + 0.5 * level)).mean()) for level in (0.6827, 0.95, 0.9973)]
    log_density = -0.5 * np.square(pull) - np.log(error) - 0.5 * np.log(2.0 * np.pi)
    nonzero = truth != 0
    relative = np.abs(mean - truth)[nonzero] / np.abs(truth[nonzero])
    squares = np.square(mean - truth)
    noise = np.square(0.0 if truth_error is None else np.asarray(truth_error, dtype=float))
    return Calibration(
        n_points=len(truth),
        rmse=float(np.sqrt(squares.mean())),
        mean_relative_error=float(relative.mean()) if nonzero.any() else float("nan"),
        chi2_per_point=float(np.square(pull).mean()),
        coverage68=inside[0],
        coverage95=inside[1],
        coverage997=inside[2],
        log_score=float(log_density.mean()),
        pull_mean=float(signed.mean()),
        pull_std=float(signed.std()),
        # noise that happens to exceed the residuals leaves nothing to the prediction
        excess_rmse=float(np.sqrt(max(0.0, (squares - noise).mean()))),
    )


def _in_quadrature(std: ArrayLike, truth_error: ArrayLike | None) -> FloatArray:
    if truth_error is None:
        return np.asarray(std, dtype=float)
    return np.asarray(np.hypot(std, truth_error), dtype=float)


class Slice(NamedTuple):
    """Calibration of the points with ``low`` <= value < ``high`` (the last: <=)."""

    low: float
    high: float
    calibration: Calibration


def in_slices(
    values: ArrayLike,
    mean: ArrayLike,
    std: ArrayLike,
    truth: ArrayLike,
    truth_error: ArrayLike | None = None,
    n_slices: int = 5,
) -> list[Slice]:
    """Calibrate apart in slices of a quantity: an input, the truth, the remoteness.

    Parameters
    ----------
    values : (n_points,) array
        The quantity; the slices end at its quantiles.
    mean, std, truth, truth_error : (n_points,) arrays
        As for `calibrate`.
    n_slices : int
        At most so many; neighbours are merged until each has at least 20 points. Fewer than 20
        points in all, or values that are all equal, are one slice.

    Raises
    ------
    InputError
        If there are no points, shapes differ, a value is not finite or n_slices < 1.

    >>> values = np.arange(100.0)
    >>> found = in_slices(values, values, np.ones(100), values, n_slices=2)
    >>> [(s.low, s.high, s.calibration.n_points) for s in found]
    [(0.0, 49.5, 50), (49.5, 99.0, 50)]
    """
    if n_slices < 1:
        raise InputError("n_slices", f"must be at least 1, not {n_slices}")
    values = np.asarray(values, dtype=float)
    columns = [np.asarray(column, dtype=float) for column in (mean, std, truth)]
    if truth_error is not None:
        columns.append(np.asarray(truth_error, dtype=float))
    shapes = {column.shape for column in (values, *columns)}
    if len(shapes) > 1 or values.ndim != 1 or not len(values):
        raise InputError("values", f"must be (n_points,) like the predictions; came: {shapes}")
    if not np.isfinite(values).all():
        raise InputError("values", "must be finite to be cut into slices")
    edges = np.quantile(values, np.linspace(0.0, 1.0, n_slices + 1))
    cuts = [edges[0]]
    for edge in edges[1:-1]:
        above = values >= edge
        if min((~above & (values >= cuts[-1])).sum(), above.sum()) >= _MIN_IN_SLICE:
            cuts.append(edge)
    slices = []
    for low, high in zip(cuts, [*cuts[1:], np.inf], strict=True):
        rows = (values >= low) & (values < high)
        end = min(high, edges[-1])
        found = calibrate(*(column[rows] for column in columns))
        slices.append(Slice(float(low), float(end), found))
    return slices


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
    said = p > threshold
    true = np.asarray(truth, dtype=float) == 1.0
    hits = float((said & true).sum())
    recall, precision = hits / max(1, true.sum()), hits / max(1, said.sum())
    f1 = 2.0 * hits / max(1, said.sum() + true.sum())
    of_what_came = np.clip(np.where(true, p, 1.0 - p), _SMALLEST_PROBABILITY, 1.0)
    return Classification(
        n_points=len(true),
        threshold=threshold,
        recall=float(recall),
        precision=float(precision),
        f1=float(f1),
        brier=float(np.square(p - true).mean()),
        log_loss=float(-np.log(of_what_came).mean()),
        n_false_valid=int((said & ~true).sum()),
        n_false_invalid=int((~said & true).sum()),
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
