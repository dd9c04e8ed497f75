"""Covariance functions of the latent function, without noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray


class Hyperparameters(NamedTuple):
    """Hyper-parameters of a squared-exponential kernel with noise, in standardised units."""

    length_scale: FloatArray
    """(n_features,) distances over which the function changes."""
    signal_std: float
    """Prior standard deviation of the latent function."""
    noise_std: float
    """Standard deviation of the targets about the latent function, beyond their known errors."""

    def to_log(self) -> FloatArray:
        """Return (n_features + 2,) natural logarithms, the coordinates of the optimiser."""
        values = np.concatenate([self.length_scale, [self.signal_std, self.noise_std]])
        return np.asarray(np.log(values))

    @classmethod
    def from_log(cls, log_values: FloatArray) -> Hyperparameters:
        """Undo `to_log`."""
        values = np.exp(log_values)
        return cls(values[:-2], float(values[-2]), float(values[-1]))


def squared_exponential(a: FloatArray, b: FloatArray, signal_std: float) -> FloatArray:
    """Anisotropic squared exponential of inputs already divided by their length scales.

    k(a, b) = signal_std^2 exp(-|a - b|^2 / 2) between the rows of (..., m, d) and (..., n, d),
    (..., m, n). Source: arXiv:1611.02704, p. 2.
    """
    covariance: FloatArray = a @ b.swapaxes(-1, -2)
    covariance -= 0.5 * np.square(a).sum(axis=-1)[..., :, np.newaxis]
    covariance -= 0.5 * np.square(b).sum(axis=-1)[..., np.newaxis, :]
    # zero in exact arithmetic for equal rows; rounding must not exceed the prior
    np.minimum(covariance, 0.0, out=covariance)
    np.exp(covariance, out=covariance)
    covariance *= signal_std**2
    return covariance
