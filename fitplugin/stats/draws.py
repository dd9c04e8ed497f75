"""Draw counts from the model that `fitplugin.stats.counts` integrates: mock experiments.

The mean count is ``lambda = S f(nu_S) + B f(nu_B)`` with standard normal nuisances, and the count
is Poisson. What f means is the *mode*; the limits are those of `fitplugin.stats.counts`: a yield
of zero contributes nothing whatever its error, an error of zero fixes its yield.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.stats.arguments import checked_arrays, checked_entries
from fitplugin.stats.correlated import checked_covariance
from fitplugin.stats.counts import Mode, lognormal, require_mode

LARGEST_MEAN = 1e15
"""Larger means count as this: beyond, a float no longer holds every integer."""
_MOST_ROUNDS = 10_000


def draw_counts(
    rng: Generator,
    n_signal: ArrayLike,
    signal_error: ArrayLike,
    n_background: ArrayLike,
    background_error: ArrayLike,
    mode: Mode = "mean",
) -> FloatArray:
    """Draw one count for every entry: nuisances first, then Poisson.

    Parameters
    ----------
    rng : Generator
    n_signal, signal_error : array
        Expected signal and its error [events]. All arrays broadcast together.
    n_background, background_error : array
        Expected background and its error [events].
    mode : {"mean", "median", "scynet", "histfactory", "gamma"}
        What the errors mean; see `fitplugin.stats.counts`.

    Returns
    -------
    array
        Whole numbers, as floats, of the broadcast shape; a float for scalars. Their distribution
        is ``exp(log_marginal)``.

    Raises
    ------
    InputError
        If an argument is negative, NaN or infinite (named, with its index), if the shapes do not
        broadcast, or if the mode is unknown.

    >>> rng = np.random.default_rng(1)
    >>> draw_counts(rng, [0.0, 21.0, 50.0], [3.0, 4.2, 0.0], 12.2, 3.9).shape
    (3,)
    >>> float(draw_counts(rng, 0.0, 1.0, 0.0, 1.0))
    0.0
    """
    require_mode(mode)
    entries = checked_entries(
        ("n_signal", "signal_error", "n_background", "background_error"),
        (n_signal, signal_error, n_background, background_error),
    )
    mean = _draw_yields(rng, entries.columns[0::2], entries.columns[1::2], mode).sum(axis=0)
    counts = rng.poisson(np.minimum(mean, LARGEST_MEAN)).astype(float)
    return np.asarray(counts.reshape(entries.shape)) if entries.shape else counts[0]


def draw_factors(rng: Generator, relative_error: ArrayLike, mode: Mode = "mean") -> FloatArray:
    """Draw the factor that all signals of a point have in common: lognormal in every mode.

    Parameters
    ----------
    rng : Generator
    relative_error : (n_points,) array
        Its mean is 1 in ``mean`` and ``gamma``, its median in the others, as in
        `fitplugin.stats.shared.log_marginal_shared`.

    Returns
    -------
    (n_points,) array

    Raises
    ------
    InputError
        If an error is negative, NaN or infinite, or if the mode is unknown.

    >>> draw_factors(np.random.default_rng(1), [0.0, 0.0])
    array([1., 1.])
    """
    require_mode(mode)
    entries = checked_entries(["relative_error"], [relative_error])
    error = entries.columns[0]
    kept = "mean" if mode == "gamma" else mode
    return _draw_yields(rng, np.ones_like(error), error, kept).reshape(entries.shape)


def draw_counts_correlated(
    rng: Generator,
    n_signal: ArrayLike,
    signal_error: ArrayLike,
    n_background: ArrayLike,
    background_covariance: ArrayLike,
) -> FloatArray:
    """Draw counts of regions with correlated Gaussian backgrounds, one row per point.

    The expected counts of a point are Gaussian with the covariance of the backgrounds plus the
    squares of the signal errors on its diagonal, and are drawn again until none is negative. The
    likelihood cuts them there without normalising anew, so the two agree as far as that is rare.

    Parameters
    ----------
    rng : Generator
    n_signal, signal_error : (n_points, n_regions) arrays
    n_background : (n_regions,) array
    background_covariance : (n_regions, n_regions) array
        [events^2]; as for `fitplugin.stats.correlated.log_marginal_correlated`.

    Returns
    -------
    (n_points, n_regions) array
        Whole numbers, as floats.

    Raises
    ------
    InputError
        If a shape does not fit, a number is bad, the covariance is not symmetric and positive
        definite, or hardly any draw is without negative means.

    Source: arXiv:1809.05548.

    >>> draw_counts_correlated(np.random.default_rng(1), [[2.0]], [[0.2]], [1.0], [[0.01]]).shape
    (1, 1)
    """
    given = checked_arrays(
        n_signal=(n_signal, ("n_points", "n_regions")),
        signal_error=(signal_error, ("n_points", "n_regions")),
        n_background=(n_background, ("n_regions",)),
    )
    error, center = given["signal_error"], given["n_signal"] + given["n_background"]
    covariance = checked_covariance(background_covariance, center.shape[1])
    root = np.linalg.cholesky(covariance)
    mean = np.full_like(center, -1.0)
    left = np.arange(len(center))
    for _ in range(_MOST_ROUNDS):
        common = rng.standard_normal((len(left), center.shape[1])) @ root.T
        mean[left] = center[left] + common + error[left] * rng.standard_normal(common.shape)
        left = left[(mean[left] < 0.0).any(axis=1)]
        if not len(left):
            return rng.poisson(np.minimum(mean, LARGEST_MEAN)).astype(float)
    raise InputError(
        "background_covariance", "leaves hardly any draw without negative expected counts"
    )


def _draw_yields(rng: Generator, count: FloatArray, error: FloatArray, mode: str) -> FloatArray:
    """Draw a yield for each entry, of the same shape."""
    with np.errstate(all="ignore"):  # the limits pass through 0/0 and exp of large numbers
        if mode != "gamma":
            log_median, k = lognormal(count, error, mode)
            return np.exp(log_median + k * rng.standard_normal(count.shape))
        is_fixed = (count == 0) | (error == 0)
        shape = np.where(is_fixed, 1.0, np.square(count / error))
        # a gamma of shape 1e20 has no width that a float could hold
        draws = rng.standard_gamma(np.clip(shape, 1e-300, 1e20)) / np.clip(shape, 1e-300, 1e20)
        return np.where(is_fixed, count, count * draws)
