"""Evidence of many small exact Gaussian processes with common hyper-parameters."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.errors import InputError
from fitplugin.surrogates.dgp.blocks import Blocks, Training, chunks
from fitplugin.surrogates.kernels import Hyperparameters

# In standardised units. A length scale far above 50 makes a feature irrelevant: growing it
# further changes nothing but the conditioning; a noise below 1e-3 is beyond any simulation.
_LOG_BOUNDS = {"length_scale": (-3.0, 4.0), "signal_std": (-4.0, 4.0), "noise_std": (-7.0, 1.0)}
_START = {"length_scale": 0.7, "signal_std": 0.0, "noise_std": -2.0}
_NO_NOISE = -7.0


def negative_log_evidence(
    log_hyper: FloatArray, training: Training, rows: IntArray
) -> tuple[float, FloatArray]:
    """Sum of -ln p(y_k | X_k, hyper) over experts and targets, per point and target.

    Parameters
    ----------
    log_hyper : (n_features + 2,) array
        As `Hyperparameters.to_log`.
    training : Training
    rows : (n_experts, size) array
        Rows of the training points that each expert holds; -1 pads.

    Returns
    -------
    value : float
    gradient : (n_features + 2,) array
        With respect to ``log_hyper``.

    Source: Deisenroth & Ng, arXiv:1502.02843, eq. 9; Rasmussen & Williams (2006), eq. 5.9.
    """
    hyper = Hyperparameters.from_log(log_hyper)
    value, gradient = 0.0, np.zeros(len(log_hyper))
    for chunk in chunks(len(rows), rows.shape[1] ** 2):
        part = _block_evidence(hyper, Blocks.deal(training, rows[chunk]))
        value, gradient = value + part[0], gradient + part[1]
    n_values = int((rows >= 0).sum()) * training.targets.shape[1]
    value += 0.5 * n_values * np.log(2.0 * np.pi)
    return value / n_values, gradient / n_values


def _block_evidence(hyper: Hyperparameters, blocks: Blocks) -> tuple[float, FloatArray]:
    latent, full = blocks.covariance(hyper)
    per_factor = blocks.targets.shape[-1]
    factor = np.linalg.cholesky(full)
    inverse = np.linalg.inv(full)
    alpha = inverse @ blocks.targets
    log_determinant = 2.0 * np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum()
    value = 0.5 * float((blocks.targets * alpha).sum() + per_factor * log_determinant)

    # dL/dK = (K^-1 - alpha alpha^T)/2; its product with the latent kernel serves every derivative
    outer = per_factor * inverse - alpha @ alpha.swapaxes(-1, -2)
    weighted = (outer * latent).sum(axis=0)
    scaled = blocks.inputs / hyper.length_scale
    # sum_ij W_ij (z_i - z_j)^2 = 2 sum_i (sum_j W_ij) z_i^2 - 2 z^T W z, for every feature at once
    row_sums = weighted.sum(axis=2)[..., np.newaxis]
    by_feature = (row_sums * scaled**2 - scaled * (weighted @ scaled)).sum(axis=(0, 1))
    noise_trace = (np.diagonal(outer, axis1=-2, axis2=-1) * blocks.is_real).sum()
    gradient = np.concatenate([by_feature, [weighted.sum(), hyper.noise_std**2 * noise_trace]])
    return value, gradient


def maximise_evidence(
    training: Training, rows: IntArray, fit_noise: bool = True, max_steps: int = 60
) -> Hyperparameters:
    """Find the hyper-parameters shared by all experts, from one fixed start (deterministic).

    Without ``fit_noise`` the known noise of the training points is all there is.

    Raises
    ------
    InputError
        If the covariance cannot be factorised: many training points coincide without noise.
    """
    kinds = ["length_scale"] * training.points.shape[1] + ["signal_std", "noise_std"]
    start = np.array([_START[kind] for kind in kinds])
    bounds = [_LOG_BOUNDS[kind] for kind in kinds]
    if not fit_noise:
        start[-1], bounds[-1] = _NO_NOISE, (_NO_NOISE, _NO_NOISE)
    try:
        result = minimize(
            negative_log_evidence,
            start,
            args=(training, rows),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            # in nats per value: what is below changes no prediction that can be noticed
            options={"maxiter": max_steps, "ftol": 1e-6},
        )
    except np.linalg.LinAlgError as error:
        raise InputError("training points", "nearly coincide; remove the repeated rows") from error
    return Hyperparameters.from_log(np.asarray(result.x))
