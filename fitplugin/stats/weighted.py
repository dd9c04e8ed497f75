"""Quantiles, moments and effective size of weighted samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fitplugin.arrays import FloatArray, IntArray


class MarginalSummary(NamedTuple):
    """Summary of one marginal posterior; intervals are equal-tailed."""

    mean: float
    std: float
    median: float
    interval68: tuple[float, float]
    interval95: tuple[float, float]


def effective_size(weights: ArrayLike) -> float:
    """Kish effective sample size, (sum w)^2 / sum w^2, of (n_samples,) weights >= 0.

    >>> effective_size([1.0, 1.0, 0.0])
    2.0
    """
    weights = np.asarray(weights, dtype=float)
    return float(weights.sum() ** 2 / np.square(weights).sum())


def equal_weight_rows(
    weights: ArrayLike, rng: np.random.Generator, n_draws: int | None = None
) -> IntArray:
    """Rows of an equal-weight draw, (n_draws,) and ascending, by systematic resampling.

    No row is drawn twice before the weights demand it.

    Parameters
    ----------
    weights : (n_samples,) array
        At least 0.
    rng : numpy.random.Generator
    n_draws : int, optional
        Default: the effective sample size, so that repeated rows stay few.

    >>> equal_weight_rows([0.0, 1.0, 1.0], np.random.default_rng(1))
    array([1, 2])
    """
    weights = np.asarray(weights, dtype=float)
    if n_draws is None:
        n_draws = max(1, int(effective_size(weights)))
    positions = (rng.random() + np.arange(n_draws)) / n_draws
    cumulative = np.cumsum(weights) / weights.sum()
    # a rounding deficit in the last cumulative sum must not point past the end
    return np.minimum(np.searchsorted(cumulative, positions), len(weights) - 1)


def quantile(values: ArrayLike, weights: ArrayLike, probability: Sequence[float]) -> FloatArray:
    """Weighted quantiles by interpolating the empirical distribution at mid-weights.

    Parameters
    ----------
    values, weights : (n_samples,) arrays
    probability : sequence of float in [0, 1]

    >>> quantile([1.0, 2.0, 3.0], [1.0, 1.0, 1.0], [0.5])
    array([2.])
    """
    values, weights = np.asarray(values, dtype=float), np.asarray(weights, dtype=float)
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[order])
    middle = (cumulative - 0.5 * weights[order]) / cumulative[-1]
    return np.asarray(np.interp(probability, middle, values[order]))


def summarise(values: ArrayLike, weights: ArrayLike) -> MarginalSummary:
    """Summarise (n_samples,) values with (n_samples,) weights."""
    values, weights = np.asarray(values, dtype=float), np.asarray(weights, dtype=float)
    mean = float(np.average(values, weights=weights))
    std = float(np.sqrt(np.average(np.square(values - mean), weights=weights)))
    q = quantile(values, weights, [0.025, 0.15865525, 0.5, 0.84134475, 0.975]).tolist()
    return MarginalSummary(mean, std, q[2], (q[1], q[3]), (q[0], q[4]))
