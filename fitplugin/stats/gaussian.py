"""Gaussian terms: hard intervals, and moments of a Gaussian with a physical bound."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtr

from fitplugin.arrays import FloatArray


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


def hard_interval(value: ArrayLike, low: float = -np.inf, high: float = np.inf) -> FloatArray:
    """Log-likelihood of a hard interval: 0 inside [low, high], -inf outside, same shape.

    >>> hard_interval([120.0, 125.0], 121.0, 129.0)
    array([-inf,   0.])
    """
    value = np.asarray(value, dtype=float)
    return np.where((value >= low) & (value <= high), 0.0, -np.inf)
