"""Which candidates to ask for next: scores of single points, and batches that do not repeat them.

Scores are arrays of predictions; nothing here knows an oracle or a file.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtr

from fitplugin.arrays import FloatArray, IntArray

_SHRINK = 0.8  # of the radius, when no candidate is left outside all discs
_LEAST = 0.1  # share of the highest score that is still interesting


def probability_below(mean: ArrayLike, std: ArrayLike, level: float = 0.0) -> FloatArray:
    """Probability that the function is below a level: with log mu_UL and 0, of exclusion.

    >>> probability_below([0.0, -3.0], [1.0, 1.0]).round(4)
    array([0.5   , 0.9987])
    """
    return np.asarray(ndtr((level - np.asarray(mean, float)) / np.asarray(std, float)))


def exclusion_entropy(mean: ArrayLike, std: ArrayLike, level: float = 0.0) -> FloatArray:
    """Entropy of the question on which side of a contour points are, in nats.

    H = -p ln p - (1 - p) ln(1 - p): at most ln 2, on the contour. Of several contours, give arrays
    with a last axis and add up.

    Parameters
    ----------
    mean, std : arrays that broadcast
        Predictions; std > 0.
    level : float
        Value of the function on the contour.

    Source: I. Espejo et al., ATL-PHYS-PUB-2022-045.

    >>> exclusion_entropy([0.0, 9.0], [1.0, 1.0]).round(4)
    array([0.6931, 0.    ])
    """
    z = (level - np.asarray(mean, float)) / np.asarray(std, float)
    # ln p of a p near 1 has lost its digits
    return np.asarray(-ndtr(z) * log_ndtr(z) - ndtr(-z) * log_ndtr(-z))


def posterior_change(std: ArrayLike, slope: ArrayLike, weight: ArrayLike) -> FloatArray:
    """Expected change of a posterior if the function were known: weight std |d ln L / df|.

    Parameters
    ----------
    std, slope, weight : arrays that broadcast
        Error of the function, slope of the log-likelihood in it, posterior weight of the points.
    """
    return np.asarray(np.abs(np.asarray(std) * np.asarray(slope)) * np.asarray(weight))


def best(scores: FloatArray, n: int) -> IntArray:
    """Rows of the n highest scores, highest first; the first of equals first.

    >>> best(np.array([1.0, 3.0, 3.0]), 2)
    array([1, 2])
    """
    return np.argsort(-scores, kind="stable")[:n]


def poisson_disc(scores: FloatArray, points: FloatArray, n: int, least: float = _LEAST) -> IntArray:
    """Choose n rows of high scores that keep a distance from each other.

    Candidates are those with at least a share ``least`` of the highest score; the highest is
    taken, and all within a radius of it are left out, and so on. The radius is the largest, in
    steps of a fifth, at which n rows are found: a Poisson-disc sample of the interesting region.

    Parameters
    ----------
    scores : (n_points,) array
    points : (n_points, n_features) array
        In units in which distances make sense: standardised, or in length scales.
    n : int
    least : float
        Between 0 and 1.

    Returns
    -------
    (n,) array of int
        Fewer where there are fewer points.

    Source: R. Bridson, SIGGRAPH 2007 sketches (discs); ATL-PHYS-PUB-2022-045 (in the region of
    high entropy).
    """
    n = min(n, len(scores))
    order = best(scores, len(scores))
    interesting = order[scores[order] >= least * scores[order[0]]] if n else order
    if len(interesting) <= n:
        return order[:n]
    spread = np.ptp(points[interesting], axis=0)
    radius = float(np.linalg.norm(spread))
    while True:
        chosen = _spaced(points[interesting], radius, n)
        if len(chosen) == n:
            return interesting[chosen]
        radius *= _SHRINK
        if radius < 1e-9:  # points that coincide
            return interesting[:n]


def _spaced(points: FloatArray, radius: float, n: int) -> IntArray:
    """Rows, in order, each farther than a radius from those before; at most n."""
    chosen: list[int] = []
    is_free = np.ones(len(points), dtype=bool)
    while len(chosen) < n and is_free.any():
        row = int(np.argmax(is_free))
        chosen.append(row)
        is_free &= np.square(points - points[row]).sum(axis=1) > radius**2
    return np.array(chosen, dtype=int)


def greedy_variance(weight: FloatArray, covariance: FloatArray, noise: float, n: int) -> IntArray:
    """Choose n rows one after the other, as if each were answered at once.

    Each time the row with the largest weight times variance is taken, and all variances are
    conditioned on it. With the entropy as weight the batch stays in the interesting region and
    does not ask twice what one answer tells.

    Parameters
    ----------
    weight : (n_points,) array
        At least 0.
    covariance : (n_points, n_points) array
    noise : float
        Variance of an answer about the function.
    n : int

    Returns
    -------
    (n,) array of int
        Fewer where there are fewer points.

    Source: A. Krause and C. Guestrin, UAI 2005 (greedy choice by conditional variance).
    """
    n = min(n, len(weight))
    variance = np.diagonal(covariance).copy()
    seen = np.zeros((n, len(weight)))
    chosen: list[int] = []
    for step in range(n):
        scores = weight * np.maximum(variance, 0.0)
        scores[chosen] = -np.inf
        row = int(np.argmax(scores))
        chosen.append(row)
        # a row of the Cholesky factor of the chosen ones, extended to all points
        rest = covariance[row] - seen[:step, row] @ seen[:step]
        seen[step] = rest / np.sqrt(max(variance[row] + noise, 1e-300))
        variance = variance - np.square(seen[step])
    return np.array(chosen, dtype=int)


def variance_elsewhere(
    weight: FloatArray, crossed: FloatArray, covariance: FloatArray, noise: FloatArray, n: int
) -> IntArray:
    """Choose n rows one after the other that take most of the weighted variance at other points.

    Each time the row whose answer lowers sum_tj weight_tj variance_tj most is taken, and everything
    is conditioned on it; one answer tells all functions t there. With the posterior times the
    squared slope of ln L as weight, these are the answers after which the log-likelihood of a scan
    is known best.

    Parameters
    ----------
    weight : (n_functions, n_targets) array
        At least 0.
    crossed : (n_functions, n_points, n_targets) array
        Covariance of candidates and targets.
    covariance : (n_functions, n_points, n_points) array
        Of the candidates.
    noise : (n_functions,) array
        Variance of an answer about each function, > 0.
    n : int

    Returns
    -------
    (n,) array of int
        Fewer where there are fewer points.

    Source: D. Cohn, Neural Networks 9 (1996) 1071 (active learning of a reduced variance).
    """
    n = min(n, covariance.shape[1])
    crossed, covariance = crossed.copy(), covariance.copy()
    chosen: list[int] = []
    for _ in range(n):
        variance = np.diagonal(covariance, axis1=1, axis2=2)
        total = np.maximum(variance, 0.0) + noise[:, np.newaxis]
        taken = np.square(crossed) @ weight[:, :, np.newaxis]
        gain = (taken[:, :, 0] / total).sum(axis=0)
        gain[chosen] = -np.inf
        row = int(np.argmax(gain))
        chosen.append(row)
        for own, other, width in zip(covariance, crossed, np.sqrt(total[:, row]), strict=True):
            seen, seen_there = own[row] / width, other[row] / width
            other -= seen[:, np.newaxis] * seen_there
            own -= seen[:, np.newaxis] * seen
    return np.array(chosen, dtype=int)


def total_entropy(
    mean: FloatArray, std: FloatArray, levels: Sequence[float] | float = 0.0
) -> FloatArray:
    """Sum of the entropies of several contours, (n_points,), of (n_points, n_contours) arrays."""
    values = [
        exclusion_entropy(mean[:, index], std[:, index], level)
        for index, level in enumerate(np.broadcast_to(levels, mean.shape[1]))
    ]
    return np.asarray(np.sum(values, axis=0))
