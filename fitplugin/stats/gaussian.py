"""Gaussian terms: intervals, hard or not, and moments of a Gaussian with a physical bound."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfcx, log_ndtr, ndtr

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError

HALF_LOG_2PI = 0.5 * float(np.log(2.0 * np.pi))
SHARES_WITHIN: Mapping[int, float] = MappingProxyType({1: 0.6827, 2: 0.9545, 3: 0.9973})
"""Of a Gaussian within so many standard deviations, as they are quoted."""


def rectified(mean: ArrayLike, std: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of max(x, 0) for Gaussian x.

    Parameters
    ----------
    mean, std : arrays that broadcast
        Moments of x; std > 0.

    Returns
    -------
    mean, std : arrays
        Both >= 0, and equal to the input far above zero.

    Source: E[max(x,0)] = m Phi(z) + s phi(z), E[max(x,0)^2] = (m^2 + s^2) Phi(z) + m s phi(z)
    with z = m/s (first two moments of the rectified normal distribution).

    >>> rectified(0.0, 1.0)[0].round(4)   # 1/sqrt(2 pi)
    np.float64(0.3989)
    """
    mean, std = np.asarray(mean, dtype=float), np.asarray(std, dtype=float)
    z = mean / std
    density = np.exp(-0.5 * np.square(z)) / np.sqrt(2.0 * np.pi)
    # Below zero both terms nearly cancel; relative to the density there, with the Mills ratio
    # Phi(z) / phi(z), they keep their digits.
    below = np.minimum(z, 0.0)
    mills = np.exp(log_ndtr(below) + 0.5 * np.square(below)) * np.sqrt(2.0 * np.pi)
    share = np.where(z < 0, density * mills, ndtr(z))
    first = np.where(z < 0, density * (1.0 + z * mills), z * share + density)
    second = np.where(
        z < 0,
        density * ((1.0 + np.square(z)) * mills + z),
        (1.0 + np.square(z)) * share + z * density,
    )
    # rounding alone could turn any of these negative
    first = np.maximum(first, 0.0)
    variance = np.maximum(second - np.square(first), 0.0)
    return std * first, std * np.sqrt(variance)


def log_mean_exp_half(mean: ArrayLike, std: ArrayLike) -> FloatArray:
    """Ln of the mean of exp(-x/2) over a Gaussian x that is known not to be negative.

    The likelihood that goes with a chi2 which is known up to an error.

    Parameters
    ----------
    mean, std : arrays that broadcast
        Moments of the Gaussian before the bound; std >= 0.

    Returns
    -------
    array
        At most 0; without an error -max(mean, 0)/2.

    Source: completing the square in the integral of exp(-x/2) phi((x - m)/s) from 0 on gives
    exp(-m/2 + s^2/8) Phi(m/s - s/2) / Phi(m/s).

    >>> log_mean_exp_half([4.0, 4.0], [0.0, 0.1]).round(5)
    array([-2.     , -1.99875])
    """
    m, s = np.broadcast_arrays(np.asarray(mean, dtype=float), np.asarray(std, dtype=float))
    known = s > 0
    scale = np.where(known, s, 1.0)
    z = m / scale
    shifted = z - 0.5 * scale
    far = -0.5 * m + np.square(scale) / 8.0 + log_ndtr(shifted) - log_ndtr(z)
    # near the bound these terms are huge and cancel; their common exponents left out, not
    near = _log_scaled_tail(shifted) - _log_scaled_tail(z)
    averaged = np.minimum(np.where(shifted > 0, far, near), 0.0)
    return np.asarray(np.where(known, averaged, -0.5 * np.maximum(m, 0.0)))


def _log_scaled_tail(z: FloatArray) -> FloatArray:
    """ln(Phi(z) exp(z^2/2))."""
    below = np.log(0.5 * erfcx(-np.minimum(z, 0.0) / np.sqrt(2.0)))
    return np.asarray(np.where(z < 0, below, log_ndtr(z) + 0.5 * np.square(z)))


def hard_interval(value: ArrayLike, low: float = -np.inf, high: float = np.inf) -> FloatArray:
    """Log-likelihood of a hard interval: 0 inside [low, high], -inf outside, same shape.

    >>> hard_interval([120.0, 125.0], 121.0, 129.0)
    array([-inf,   0.])
    """
    value = np.asarray(value, dtype=float)
    return np.where((value >= low) & (value <= high), 0.0, -np.inf)


def log_gaussian(value: ArrayLike, mean: ArrayLike, std: ArrayLike) -> FloatArray:
    """Log of the normal density, constants kept.

    Parameters
    ----------
    value, mean, std : arrays that broadcast
        In the same units; std > 0, independent errors already added in quadrature.

    Returns
    -------
    array
        Natural log, of the broadcast shape.

    Raises
    ------
    InputError
        If an error is not > 0.

    >>> log_gaussian(125.2, 125.09, np.hypot(0.24, 2.0)).round(4)
    np.float64(-1.6207)
    """
    value, mean, std = (np.asarray(x, dtype=float) for x in (value, mean, std))
    if std.size and not std.min() > 0.0:
        raise InputError("std", f"is {std.min()}; must be > 0")
    return np.asarray(-0.5 * np.square((value - mean) / std) - np.log(std) - HALF_LOG_2PI)[()]


def log_interval(
    mean: ArrayLike, std: ArrayLike, low: ArrayLike = -np.inf, high: ArrayLike = np.inf
) -> FloatArray:
    """Log-probability that a Gaussian quantity lies in [low, high].

    ``ln(Phi((high - mean) / std) - Phi((low - mean) / std))``, with all digits in both tails
    and for narrow intervals.

    Parameters
    ----------
    mean, std : arrays that broadcast
        Predicted mean and error. A std of 0 is the limit: that of `hard_interval` inside and
        outside, ln(1/2) on an end.
    low, high : arrays that broadcast
        Ends of the interval, low <= high; either may be infinite.

    Returns
    -------
    array
        Natural log, of the broadcast shape, <= 0.

    Raises
    ------
    InputError
        If an error is negative, a mean is not finite, or low > high.

    >>> log_interval([125.0, 100.0], 2.0, 121.0, 129.0).round(4)
    array([-4.66000e-02, -5.84042e+01])
    >>> log_interval(100.0, [0.0, 5.0], low=103.5).round(4)
    array([  -inf, -1.419])
    """
    mean, std, low, high = np.broadcast_arrays(
        *(np.asarray(x, dtype=float) for x in (mean, std, low, high))
    )
    for name, array, is_good in (
        ("mean", mean, np.isfinite(mean)),
        ("std", std, (std >= 0.0) & (std < np.inf)),
        ("low", low, low <= high),
    ):
        if not is_good.all():
            place = int(np.argmin(is_good))
            why = "must be <= high" if name == "low" else "must be finite"
            why = why + " and >= 0" if name == "std" else why
            raise InputError(name, f"is {array.ravel()[place]}; {why}")
    with np.errstate(all="ignore"):  # 0/0 and inf - inf belong to limits chosen below
        z_low, z_high = _pull(low, mean, std), _pull(high, mean, std)
        # by symmetry measure in the tail where the interval is
        is_above = z_low + z_high > 0
        left, right = np.where(is_above, -z_high, z_low), np.where(is_above, -z_low, z_high)
        # in one tail the difference of the logs decides; astride the mean, what lies outside
        log_left, log_right = log_ndtr(left), log_ndtr(right)
        ratio = np.where(left == right, 0.0, log_left - log_right)
        in_tail = log_right + np.log(-np.expm1(ratio))
        astride = np.log1p(-(ndtr(left) + ndtr(-right)))
        # over a narrow interval: the density times the width, to second order
        width = np.where(std == 0, right - left, (high - low) / std)
        middle = 0.5 * (left + right)
        narrow = -0.5 * middle * middle - HALF_LOG_2PI + np.log(width)
        narrow += width * width * (middle * middle - 1.0) / 24.0
        is_narrow = width * (1.0 + np.abs(middle)) < 1e-3
        result = np.where(right > 0, np.where(left < 0, astride, in_tail), in_tail)
        result = np.where(is_narrow & (width > 0), narrow, result)
        result = np.where(width == 0, -np.inf, result)
    return np.asarray(np.minimum(result, 0.0))[()]


def _pull(end: FloatArray, mean: FloatArray, std: FloatArray) -> FloatArray:
    """Return (end - mean) / std; exact predictions give +-inf, or 0 on the end itself."""
    pull = (end - mean) / std
    return np.where((std == 0) & (end == mean), 0.0, pull)
