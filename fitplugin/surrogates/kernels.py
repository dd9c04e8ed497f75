"""Covariance functions of the latent function, without noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from fitplugin.arrays import FloatArray


class Hyperparameters(NamedTuple):
    """Hyper-parameters of a squared-exponential kernel with noise, in standardised units."""

    length_scale: FloatArray
    """(n_features,) distances over which the function changes."""
    signal_std: float
    """Prior standard deviation of the latent function."""
    noise_std: float
    """Standard deviation of the targets about the latent function."""

    def to_log(self) -> FloatArray:
        """Return (n_features + 2,) natural logarithms, the coordinates of the optimiser."""
        values = np.concatenate([self.length_scale, [self.signal_std, self.noise_std]])
        return np.asarray(np.log(values))

    @classmethod
    def from_log(cls, log_values: FloatArray) -> Hyperparameters:
        """Undo `to_log`."""
        values = np.exp(log_values)
        return cls(values[:-2], float(values[-2]), float(values[-1]))


def pair_covariance(a: FloatArray, b: FloatArray, signal_std: float) -> FloatArray:
    """Squared exponential between the rows of (m, d) and (n, d): (m, n).

    Each entry depends on its pair alone, to the last digit, whatever the size of the batch.
    """
    return np.asarray(signal_std**2 * np.exp(-0.5 * cdist(a, b, "sqeuclidean")))


def squared_distance(a: FloatArray, b: FloatArray) -> FloatArray:
    """Squared distances between the rows of (..., m, d) and (..., n, d): (..., m, n)."""
    square = (
        np.square(a).sum(axis=-1)[..., :, np.newaxis]
        + np.square(b).sum(axis=-1)[..., np.newaxis, :]
        - 2.0 * a @ b.swapaxes(-1, -2)
    )
    # zero in exact arithmetic for equal rows; rounding must not make it negative
    return np.asarray(np.maximum(square, 0.0))


def squared_exponential(a: FloatArray, b: FloatArray, signal_std: float) -> FloatArray:
    """Anisotropic squared exponential of inputs already divided by their length scales.

    k(a, b) = signal_std^2 exp(-|a - b|^2 / 2), (..., m, n). Source: arXiv:1611.02704, p. 2.
    """
    covariance: FloatArray = squared_distance(a, b)
    covariance *= -0.5
    np.exp(covariance, out=covariance)
    covariance *= signal_std**2
    return covariance
