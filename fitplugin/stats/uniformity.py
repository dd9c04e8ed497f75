"""Whether posteriors are calibrated: ranks of true values among posterior draws are uniform.

If theta comes from the prior and data from the likelihood, the rank of theta among L independent
draws of its posterior is uniform on 0 ... L: simulation-based calibration. A posterior that is too
narrow piles ranks up at both ends, one that is too wide in the middle, a bias on one side.

Source: Talts et al., arXiv:1804.06788.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike
from scipy.special import bdtr, chdtrc

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError

LEVELS = (0.6827, 0.95)
FEWEST_RANKS = 20
"""Fewer ranks than this say nothing by their chi2."""
_MOST_BINS = 20
_EXPECTED_PER_BIN = 10
_MOST_GRID_POINTS = 100


class Uniformity(NamedTuple):
    """What ranks say of a posterior.

    ``chi2`` is that of the rank histogram in ``n_bins`` equal bins, with n_bins - 1 degrees of
    freedom, and ``p_value`` the probability of a larger one, if all is well; both are NaN for
    fewer than 20 ranks. ``coverage68`` is the share of truths in the central 68.27 % interval;
    its error is binomial, at the level that is claimed.
    """

    n_ranks: int
    n_bins: int
    chi2: float
    p_value: float
    coverage68: float
    coverage68_error: float
    coverage95: float
    coverage95_error: float


def rank(truth: float, draws: ArrayLike, rng: Generator) -> int:
    """Return how many of (n_draws,) posterior draws are below the truth; ties broken at random.

    >>> rank(2.5, [1.0, 2.0, 3.0], np.random.default_rng(1))
    2
    """
    draws = np.asarray(draws, dtype=float)
    n_equal = int((draws == truth).sum())
    return int((draws < truth).sum()) + int(rng.integers(n_equal + 1))


def positions(ranks: ArrayLike, n_draws: int, rng: Generator) -> FloatArray:
    """Spread (n_ranks,) ranks of 0 ... n_draws over (0, 1), each evenly over its own cell.

    Uniform ranks become uniform numbers exactly, so that any interval or bin has the probability
    that is its width.

    Raises
    ------
    InputError
        If a rank is not one of 0 ... n_draws.
    """
    ranks = np.asarray(ranks, dtype=float)
    if ranks.ndim != 1 or not ((ranks >= 0) & (ranks <= n_draws)).all():
        raise InputError("ranks", f"must be (n_ranks,) whole numbers from 0 to {n_draws}")
    return np.asarray((ranks + rng.random(ranks.shape)) / (n_draws + 1.0))


def n_bins_of(n_ranks: int) -> int:
    """Return how many bins the histogram of so many ranks has: 10 expected in each, 20 at most.

    >>> n_bins_of(200), n_bins_of(50), n_bins_of(5)
    (20, 5, 1)
    """
    return max(1, min(_MOST_BINS, n_ranks // _EXPECTED_PER_BIN))


def uniformity(at: ArrayLike) -> Uniformity:
    """Judge (n_ranks,) positions in [0, 1].

    Raises
    ------
    InputError
        If there are none, or one lies elsewhere.

    >>> found = uniformity((np.arange(100) + 0.5) / 100)
    >>> found.n_bins, found.chi2, found.p_value, found.coverage68, found.coverage95
    (10, 0.0, 1.0, 0.68, 0.94)
    """
    at = np.asarray(at, dtype=float)
    if at.ndim != 1 or not len(at) or not ((at >= 0.0) & (at <= 1.0)).all():
        raise InputError("positions", "must be (n_ranks,) numbers in [0, 1], one at least")
    n = len(at)
    n_bins = n_bins_of(n)
    statistic = p_value = float("nan")
    if n >= FEWEST_RANKS:
        counts = np.histogram(at, n_bins, (0.0, 1.0))[0]
        statistic = float(np.square(counts - n / n_bins).sum() / (n / n_bins))
        p_value = float(chdtrc(n_bins - 1.0, statistic))
    found = [
        value
        for level in LEVELS
        for value in (
            float((np.abs(at - 0.5) < 0.5 * level).mean()),
            float(np.sqrt(level * (1.0 - level) / n)),
        )
    ]
    return Uniformity(n, n_bins, statistic, p_value, *found)


def holm(p_values: ArrayLike) -> FloatArray:
    """Return p-values corrected for being several: each may be compared with the level itself.

    Source: S. Holm, Scand. J. Stat. 6 (1979) 65. No assumption on how they depend on each other.

    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(steps, 1.0)
    return corrected


class Band(NamedTuple):
    """Where the empirical distribution of uniform numbers stays, all at once; each (n_grid,)."""

    grid: FloatArray
    low: FloatArray
    high: FloatArray


def ecdf_band(n_ranks: int, rng: Generator, level: float = 0.99, n_trials: int = 4000) -> Band:
    """Return the simultaneous band of the empirical distribution of uniform numbers.

    Pointwise binomial intervals, widened until so many of ``n_trials`` simulated samples stay
    within all of them.

    Parameters
    ----------
    n_ranks : int
    rng : Generator
    level : float
        Probability of uniform numbers to stay inside everywhere.
    n_trials : int

    Source: Säilynoja, Bürkner and Vehtari, arXiv:2103.10522, algorithm 1.
    """
    n_cells = min(n_ranks, _MOST_GRID_POINTS)
    grid = np.arange(1, n_cells) / n_cells
    cells = rng.multinomial(n_ranks, np.full(n_cells, 1.0 / n_cells), n_trials)
    counts = np.cumsum(cells, axis=1)[:, :-1].astype(float)
    tails = _tail(counts, n_ranks, grid).min(axis=1, initial=1.0)
    least = np.quantile(tails, 1.0 - level)
    every = np.arange(n_ranks + 1.0)[:, np.newaxis]
    is_inside = _tail(every, n_ranks, grid) >= least
    low = is_inside.argmax(axis=0) / n_ranks
    high = (n_ranks - is_inside[::-1].argmax(axis=0)) / n_ranks
    return Band(grid, np.asarray(low), np.asarray(high))


def _tail(counts: FloatArray, n: int, grid: FloatArray) -> FloatArray:
    """Twice the smaller tail probability of binomial counts at each grid point."""
    below = bdtr(counts, n, grid)
    above = np.where(counts > 0, 1.0 - bdtr(np.maximum(counts - 1.0, 0.0), n, grid), 1.0)
    return np.asarray(2.0 * np.minimum(below, above))
