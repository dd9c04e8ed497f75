"""Training points dealt to experts, and their covariances.

Experts share hyper-parameters and may share their covariance between several targets. Arrays of
experts have the axes (n_factors, n_experts, size, ...): one factor where all targets have the
same noise, so that every solve is done once, else one per target.

Experts whose sizes differ are padded; a padded row is uncorrelated with everything, has target 0
and unit variance, and so contributes nothing to the evidence or to a prediction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fitplugin.arrays import BoolArray, FloatArray, IntArray
from fitplugin.surrogates.kernels import Hyperparameters, squared_exponential

# bounds the memory of training: doubles in one (experts, size, size) array, 64 MB
_CHUNK_ENTRIES = 8_000_000


@dataclass(frozen=True)
class Training:
    """Standardised training points.

    Attributes
    ----------
    points : (n_points, n_features) array
    targets : (n_points, n_targets) array
    noise_variance : (n_points, n_factors) array
        Known variance of each target, or one column of it that all targets share.
    """

    points: FloatArray
    targets: FloatArray
    noise_variance: FloatArray

    def take(self, rows: IntArray) -> Training:
        """Return the given rows, in that order."""
        return Training(self.points[rows], self.targets[rows], self.noise_variance[rows])

    def only(self, columns: IntArray) -> Training:
        """Return the given targets alone."""
        noise = self.noise_variance
        noise = noise[:, columns] if noise.shape[1] > 1 else noise
        return Training(self.points, self.targets[:, columns], noise)


@dataclass(frozen=True)
class Blocks:
    """Training points dealt to experts.

    Attributes
    ----------
    inputs : (n_experts, size, n_features) array
    targets : (n_factors, n_experts, size, n_targets / n_factors) array
    noise_variance : (n_factors, n_experts, size) array
    is_real : (n_experts, size) array
    """

    inputs: FloatArray
    targets: FloatArray
    noise_variance: FloatArray
    is_real: BoolArray

    @classmethod
    def deal(cls, training: Training, rows: IntArray) -> Blocks:
        """Deal the points by rows (n_experts, size); -1 pads."""
        is_real = rows >= 0
        n_factors = training.noise_variance.shape[1]
        targets = np.where(is_real[..., np.newaxis], training.targets[rows], 0.0)
        columns = np.split(targets, n_factors, axis=2)
        noise = np.moveaxis(training.noise_variance[rows], 2, 0)
        return cls(training.points[rows], np.stack(columns), noise, is_real)

    def covariance(self, hyper: Hyperparameters) -> tuple[FloatArray, FloatArray]:
        """Latent (n_experts, size, size) and full (n_factors, n_experts, size, size) covariance."""
        scaled = self.inputs / hyper.length_scale
        # about the middle of each expert, where squares are small and differences keep digits
        scaled -= scaled.mean(axis=1, keepdims=True)
        latent = squared_exponential(scaled, scaled, hyper.signal_std)
        if not self.is_real.all():
            latent *= self.is_real[:, :, np.newaxis] & self.is_real[:, np.newaxis, :]
        full = np.repeat(latent[np.newaxis], len(self.noise_variance), axis=0)
        diagonal = np.arange(full.shape[-1])
        noise = self.noise_variance + hyper.noise_std**2
        full[..., diagonal, diagonal] += np.where(self.is_real, noise, 1.0)
        return latent, full


def chunks(n_experts: int, entries: int, most: int = _CHUNK_ENTRIES) -> Iterator[slice]:
    """Cut experts into runs whose arrays, of so many entries each, hold ``most`` together."""
    step = max(1, most // entries)
    return (slice(start, start + step) for start in range(0, n_experts, step))
