"""Exact Gaussian processes, many small ones at a time: evidence and latent predictions.

Every array of experts has the shape (n_experts, expert_size, ...). Experts whose sizes differ
are padded; a padded row is uncorrelated with everything, has target 0 and unit variance, and so
contributes nothing to the evidence or to a prediction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from fitplugin.arrays import BoolArray, FloatArray, IntArray
from fitplugin.surrogates.kernels import Hyperparameters, pair_covariance, squared_exponential

# In standardised units. A length scale far above 50 makes a feature irrelevant: growing it
# further changes nothing but the conditioning; a noise below 1e-3 is beyond any simulation.
_LOG_BOUNDS = {"length_scale": (-3.0, 4.0), "signal_std": (-4.0, 4.0), "noise_std": (-7.0, 1.0)}
_START = {"length_scale": 0.7, "signal_std": 0.0, "noise_std": -2.0}


@dataclass(frozen=True)
class TrainingBlocks:
    """Training points dealt to experts: inputs, targets and which rows are real."""

    inputs: FloatArray
    targets: FloatArray
    is_real: BoolArray

    @classmethod
    def deal(cls, inputs: FloatArray, targets: FloatArray, rows: IntArray) -> TrainingBlocks:
        """Deal (n_points, d) inputs and (n_points,) targets by rows (n_experts, size); -1 pads."""
        is_real = rows >= 0
        return cls(inputs[rows], np.where(is_real, targets[rows], 0.0), is_real)

    def covariance(self, hyper: Hyperparameters) -> tuple[FloatArray, FloatArray]:
        """Return the latent and the full covariance, each (n_experts, size, size)."""
        scaled = self.inputs / hyper.length_scale
        latent = squared_exponential(scaled, scaled, hyper.signal_std)
        if not self.is_real.all():
            latent *= self.is_real[:, :, np.newaxis] & self.is_real[:, np.newaxis, :]
        full = latent.copy()
        diagonal = np.arange(full.shape[1])
        full[:, diagonal, diagonal] += np.where(self.is_real, hyper.noise_std**2, 1.0)
        return latent, full


def negative_log_evidence(
    log_hyper: FloatArray, blocks: TrainingBlocks
) -> tuple[float, FloatArray]:
    """Sum of -ln p(y_k | X_k, hyper) over experts that share hyper-parameters, per point.

    Parameters
    ----------
    log_hyper : (n_features + 2,) array
        As `Hyperparameters.to_log`.
    blocks : TrainingBlocks

    Returns
    -------
    value : float
    gradient : (n_features + 2,) array
        With respect to ``log_hyper``.

    Source: Deisenroth & Ng, arXiv:1502.02843, eq. 9; Rasmussen & Williams (2006), eq. 5.9.
    """
    hyper = Hyperparameters.from_log(log_hyper)
    latent, full = blocks.covariance(hyper)
    factor = np.linalg.cholesky(full)
    inverse = np.linalg.inv(full)
    alpha = (inverse @ blocks.targets[..., np.newaxis])[..., 0]
    n_real = int(blocks.is_real.sum())
    log_determinant = 2.0 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum()
    value = 0.5 * ((blocks.targets * alpha).sum() + log_determinant + n_real * np.log(2.0 * np.pi))

    # dL/dK = (K^-1 - alpha alpha^T)/2; its product with the latent kernel serves every derivative
    outer = inverse - alpha[:, :, np.newaxis] * alpha[:, np.newaxis, :]
    weighted = outer * latent
    scaled = blocks.inputs / hyper.length_scale
    # sum_ij W_ij (z_i - z_j)^2 = 2 sum_i (sum_j W_ij) z_i^2 - 2 z^T W z, for every feature at once
    row_sums = weighted.sum(axis=2)[..., np.newaxis]
    by_feature = (row_sums * scaled**2 - scaled * (weighted @ scaled)).sum(axis=(0, 1))
    noise_trace = (np.diagonal(outer, axis1=1, axis2=2) * blocks.is_real).sum()
    gradient = np.concatenate([by_feature, [weighted.sum(), hyper.noise_std**2 * noise_trace]])
    return float(value) / n_real, gradient / n_real


def maximise_evidence(blocks: TrainingBlocks, max_steps: int = 60) -> Hyperparameters:
    """Find the hyper-parameters shared by all experts, from one fixed start (deterministic)."""
    n_features = blocks.inputs.shape[2]
    kinds = ["length_scale"] * n_features + ["signal_std", "noise_std"]
    result = minimize(
        negative_log_evidence,
        np.array([_START[kind] for kind in kinds]),
        args=(blocks,),
        jac=True,
        method="L-BFGS-B",
        bounds=[_LOG_BOUNDS[kind] for kind in kinds],
        options={"maxiter": max_steps},
    )
    return Hyperparameters.from_log(np.asarray(result.x))


@dataclass(frozen=True)
class Experts:
    """Factorised experts, ready to predict.

    Attributes
    ----------
    scaled_inputs : (n_experts, size, n_features) array
        Training inputs divided by the length scales.
    inverse_factor : (n_experts, size, size) array
        L^-1 with L L^T the full covariance; zero in padded rows.
    alpha : (n_experts, size) array
        Full covariance^-1 times the targets.
    hyper : Hyperparameters
    """

    scaled_inputs: FloatArray
    inverse_factor: FloatArray
    alpha: FloatArray
    hyper: Hyperparameters

    @classmethod
    def factorise(cls, blocks: TrainingBlocks, hyper: Hyperparameters) -> Experts:
        """Do once what every prediction needs."""
        _, full = blocks.covariance(hyper)
        inverse_factor = np.linalg.inv(np.linalg.cholesky(full))
        inverse_factor *= blocks.is_real[:, :, np.newaxis]
        whitened = inverse_factor @ blocks.targets[..., np.newaxis]
        alpha = (inverse_factor.swapaxes(1, 2) @ whitened)[..., 0]
        scaled = blocks.inputs / hyper.length_scale
        return cls(scaled, inverse_factor, alpha, hyper)

    def latent_of(self, scaled: FloatArray, chosen: IntArray) -> tuple[FloatArray, FloatArray]:
        """Latent mean and variance of chosen experts at each point.

        Parameters
        ----------
        scaled : (n_points, n_features) array
            Features divided by the length scales.
        chosen : (n_points, n_chosen) array
            Which experts each point asks.

        Returns
        -------
        mean, variance : (n_points, n_chosen) arrays
        """
        offset = self.scaled_inputs[chosen] - scaled[:, np.newaxis, np.newaxis, :]
        covariance = np.exp(-0.5 * np.einsum("pesf,pesf->pes", offset, offset))
        covariance *= self.hyper.signal_std**2
        return self._moments(covariance, self.alpha[chosen], self.inverse_factor[chosen])

    def latent_of_all(self, scaled: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Latent mean and variance of every expert: two (n_points, n_experts) arrays."""
        covariance = pair_covariance(
            scaled, self.scaled_inputs.reshape(-1, scaled.shape[1]), self.hyper.signal_std
        ).reshape(len(scaled), *self.alpha.shape)
        return self._moments(covariance, self.alpha, self.inverse_factor)

    def _moments(
        self, covariance: FloatArray, alpha: FloatArray, inverse_factor: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        mean = (covariance * alpha).sum(axis=-1)
        explained = inverse_factor @ covariance[..., np.newaxis]
        variance = self.hyper.signal_std**2 - np.square(explained[..., 0]).sum(axis=-1)
        # positive in exact arithmetic; rounding must not turn a precision negative
        return mean, np.maximum(variance, 1e-12 * self.hyper.signal_std**2)
