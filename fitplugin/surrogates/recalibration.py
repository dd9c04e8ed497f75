"""Corrections of predicted errors, fitted on points that were held out of the training.

One factor per target multiplies its predicted standard deviation. Three ways to choose it:
``scale`` makes the pulls have unit mean square (the Birge ratio), which is efficient if they are
Gaussian; ``conformal`` puts 68.27 % of the truths inside one standard deviation whatever the law
of the residuals, and says nothing about their tails; ``coverage`` looks at 1, 2 and 3 standard
deviations, and brings the worst of the three shares of truths as near as it can to a Gaussian's.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from fitplugin.arrays import FloatArray, require_finite
from fitplugin.errors import InputError, one_of
from fitplugin.stats.gaussian import SHARES_WITHIN

Method = Literal["none", "scale", "conformal", "coverage"]

MIN_POINTS = 20
MIN_FACTOR = 0.05


def fit_factor(
    mean: ArrayLike,
    std: ArrayLike,
    truth: ArrayLike,
    truth_error: ArrayLike | None,
    method: Method,
) -> FloatArray:
    """Return the factors by which predicted errors of held-out points have to be multiplied.

    Parameters
    ----------
    mean, std : (n_points, n_targets) arrays
        Predictions; std > 0. At least 20 points, none of them used in the training.
    truth : (n_points, n_targets) array
    truth_error : (n_points, n_targets) array or None
        Standard deviation of each truth where it is itself a measurement (Monte Carlo
        statistics), >= 0. The residual r then scatters by sqrt(f^2 std^2 + error^2), and only
        f is fitted.
    method : {"none", "scale", "conformal", "coverage"}
        ``none``: ones. ``scale``: sum of r^2 / (f^2 std^2 + error^2) = n_points, by bracketing.
        ``conformal``: the smallest f with |r| <= sqrt(f^2 std^2 + error^2) for
        ceil(0.6827 (n_points + 1)) of the points; a fresh point is then inside with a
        probability of at least 0.6827, and at most 1 / (n_points + 1) more unless scores tie.
        ``coverage``: the smallest f with the smallest largest difference between the shares of
        points with |r| <= k sqrt(f^2 std^2 + error^2) and 0.6827, 0.9545, 0.9973 for k = 1, 2, 3.

    Returns
    -------
    (n_targets,) array
        At least 0.05: where the errors of the truths explain the residuals alone, the data
        cannot tell f from zero, and an error of zero is never right.

    Raises
    ------
    InputError
        If there are fewer than 20 points, shapes differ, a value is not finite, a predicted
        error is not > 0, an error of a truth is negative, or the method is unknown.

    Source: R. T. Birge, Phys. Rev. 40 (1932) 207 (scale); Lei et al., arXiv:1604.04173,
    Algorithm 2 with locally weighted residuals, after Vovk, Gammerman and Shafer, Algorithmic
    Learning in a Random World (2005) (conformal). An error of the truth enters the latter through
    the score sqrt(max(0, r^2 - error^2)) / std: the f at which a point comes inside, so that an
    order statistic of the scores is f, without iteration.

    >>> residuals = np.arange(1.0, 25.0)[:, np.newaxis]
    >>> fit_factor(residuals, np.ones((24, 1)), np.zeros((24, 1)), None, "conformal")
    array([18.])
    """
    if method == "none":
        return np.ones(np.shape(mean)[-1])
    solve = {"scale": _scale, "conformal": _conformal, "coverage": _coverage}
    if method not in solve:
        raise InputError("method", one_of(method, ["none", *solve], "a recalibration"))
    columns = _checked(mean, std, truth, truth_error)
    factors = [solve[method](*column) for column in zip(*(a.T for a in columns), strict=True)]
    return np.asarray(np.maximum(factors, MIN_FACTOR))


def _scale(residual: FloatArray, std: FloatArray, error: FloatArray) -> float:
    largest = float(np.sqrt(np.square(residual / std).mean()))
    if not error.any():
        return largest

    def excess(factor: float) -> float:
        # falls with the factor, and is negative beyond the one that needs no other error
        variance = np.square(factor * std) + np.square(error)
        return float((np.square(residual) / variance).mean()) - 1.0

    if excess(MIN_FACTOR) <= 0:
        return MIN_FACTOR
    return float(brentq(excess, MIN_FACTOR, 2.0 * largest, xtol=1e-12, rtol=1e-12))


def _conformal(residual: FloatArray, std: FloatArray, error: FloatArray) -> float:
    score = _score(residual, std, error, 1)
    # a product that is a whole number may come out a rounding error above it
    rank = int(np.ceil(SHARES_WITHIN[1] * (len(score) + 1) - 1e-9))
    return float(np.partition(score, rank - 1)[rank - 1])


def _coverage(residual: FloatArray, std: FloatArray, error: FloatArray) -> float:
    scores = {n_sd: np.sort(_score(residual, std, error, n_sd)) for n_sd in SHARES_WITHIN}
    factors = np.unique(np.concatenate(list(scores.values())))
    worst = np.zeros(len(factors))
    for n_sd, share in SHARES_WITHIN.items():
        inside = np.searchsorted(scores[n_sd], factors, side="right") / len(residual)
        worst = np.maximum(worst, np.abs(inside - share))
    return float(factors[np.argmin(worst)])


def _score(residual: FloatArray, std: FloatArray, error: FloatArray, n_sd: int) -> FloatArray:
    """Return the factor at which each point comes inside ``n_sd`` standard deviations."""
    beyond = np.square(residual / n_sd) - np.square(error)
    return np.asarray(np.sqrt(np.maximum(beyond, 0.0)) / std)


def _checked(
    mean: ArrayLike, std: ArrayLike, truth: ArrayLike, truth_error: ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return residuals, predicted errors and errors of the truths, all of one shape."""
    truths = np.asarray(truth, dtype=float)
    errors = np.zeros_like(truths) if truth_error is None else truth_error
    arrays = {"mean": mean, "std": std, "truth": truths, "truth_error": errors}
    found = {name: np.asarray(values, dtype=float) for name, values in arrays.items()}
    for name, values in found.items():
        if values.ndim != 2 or values.shape != truths.shape:
            raise InputError(
                name,
                f"has shape {values.shape}, the truth {truths.shape}; "
                "all must be (n_points, n_targets) alike",
            )
        require_finite(values, name)
    if len(truths) < MIN_POINTS:
        raise InputError(
            "held_out",
            f"{len(truths)} points are too few to correct errors with; "
            f"hold out at least {MIN_POINTS}, or leave the errors as they are "
            "(calibration: none)",
        )
    if not (found["std"] > 0).all():
        row = np.argwhere(found["std"] <= 0)[0][0]
        raise InputError("std", f"is not above 0 in row {row}; predicted errors must be")
    if (found["truth_error"] < 0).any():
        row = np.argwhere(found["truth_error"] < 0)[0][0]
        raise InputError("truth_error", f"is negative in row {row}; give standard deviations")
    return found["mean"] - truths, found["std"], found["truth_error"]
