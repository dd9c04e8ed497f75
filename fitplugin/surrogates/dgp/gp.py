"""Exact Gaussian processes, many small ones at a time: evidence, factors, latent predictions.

Experts share hyper-parameters and may share their covariance between several targets. Arrays of
experts have the axes (n_factors, n_experts, size, ...): one factor where all targets have the
same noise, so that every solve is done once, else one per target.

Experts whose sizes differ are padded; a padded row is uncorrelated with everything, has target 0
and unit variance, and so contributes nothing to the evidence or to a prediction.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dtrtri
from scipy.optimize import minimize

from fitplugin.arrays import BoolArray, FloatArray, IntArray
from fitplugin.errors import InputError
from fitplugin.surrogates.kernels import Hyperparameters, squared_exponential

# In standardised units. A length scale far above 50 makes a feature irrelevant: growing it
# further changes nothing but the conditioning; a noise below 1e-3 is beyond any simulation.
_LOG_BOUNDS = {"length_scale": (-3.0, 4.0), "signal_std": (-4.0, 4.0), "noise_std": (-7.0, 1.0)}
_START = {"length_scale": 0.7, "signal_std": 0.0, "noise_std": -2.0}
_NO_NOISE = -7.0

# bounds the memory of training: doubles in one (experts, size, size) array, 64 MB
_CHUNK_ENTRIES = 8_000_000
# the same where experts are only factorised: what stays near the processor, 2 MB
_NEAR_ENTRIES = 250_000
# pairs that are not worth sorting into runs
_FEW = 8


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
    for chunk in _chunks(len(rows), rows.shape[1] ** 2):
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


@dataclass(frozen=True)
class Experts:
    """Factorised experts, ready to predict.

    Every product is one of a matrix with a vector, so that a point has the same digits alone and
    in any batch; those of one expert follow each other, while its matrix is near the processor.

    Attributes
    ----------
    centres : (n_experts, n_features) array
        Middle of each expert's inputs, in length scales.
    radius : (n_experts,) array
        Distance from there to its farthest input.
    inputs : (n_experts, size, n_features + 2) array
        Rows (z, ln signal_std^2 - |z|^2 / 2, 1) of the training inputs z, in length scales and
        relative to the centre: the product with (x, 1, -|x|^2 / 2) is the log covariance.
    solve : (n_factors, n_experts, size + n_targets / n_factors, size) array
        L^-1, with L L^T the full covariance, and below it the rows (K^-1 y)^T: one product with
        the covariance of a new point gives its whitened covariance and its means.
    hyper : Hyperparameters
    """

    centres: FloatArray
    radius: FloatArray
    inputs: FloatArray
    solve: FloatArray
    hyper: Hyperparameters

    @classmethod
    def factorise(cls, training: Training, rows: IntArray, hyper: Hyperparameters) -> Experts:
        """Do once what every prediction needs."""
        n_factors = training.noise_variance.shape[1]
        n_experts, size = rows.shape
        n_features = training.points.shape[1]
        n_means = training.targets.shape[1] // n_factors
        centres = np.empty((n_experts, n_features))
        inputs = np.ones((n_experts, size, n_features + 2))
        solve = np.empty((n_factors, n_experts, size + n_means, size))
        for chunk in _chunks(n_experts, size**2, _NEAR_ENTRIES):
            blocks = Blocks.deal(training, rows[chunk])
            scaled = blocks.inputs / hyper.length_scale
            weight = blocks.is_real / blocks.is_real.sum(axis=1, keepdims=True)
            centres[chunk] = (weight[..., np.newaxis] * scaled).sum(axis=1)
            scaled -= centres[chunk, np.newaxis]
            scaled *= blocks.is_real[..., np.newaxis]  # padding is not far from anything
            inputs[chunk, :, :n_features] = scaled
            factor = np.linalg.cholesky(blocks.covariance(hyper)[1])
            inverse_factor = _inverse_of_lower(factor)
            inverse_factor *= blocks.is_real[:, :, np.newaxis]
            means = inverse_factor.swapaxes(-1, -2) @ (inverse_factor @ blocks.targets)
            solve[:, chunk, :size] = inverse_factor
            solve[:, chunk, size:] = means.swapaxes(-1, -2)
        squares = np.square(inputs[..., :n_features]).sum(axis=2)
        inputs[..., n_features] = 2.0 * np.log(hyper.signal_std) - 0.5 * squares
        return cls(centres, np.sqrt(squares.max(axis=1)), inputs, solve, hyper)

    def latent(self, chosen: IntArray, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Latent moments of one expert at several points, for many such pairs at a time.

        Parameters
        ----------
        chosen : (n_tiles,) array
            An expert for each tile of points; fastest where the same ones are neighbours.
        points : (n_tiles, width, n_features) array
            In length scales.

        Returns
        -------
        mean, variance : (n_targets, n_tiles, width) and (n_factors, n_tiles, width) arrays
        """
        n_factors, _, height, _ = self.solve.shape
        asked = self._asked(points, self.centres[chosen][:, np.newaxis])
        # these matrices are small: to copy them costs less than a call for each
        covariance = self.inputs[chosen][:, np.newaxis] @ asked
        np.exp(covariance, out=covariance)
        solved = np.empty((n_factors, *asked.shape[:2], height, 1))
        runs = list(_runs(chosen))
        for solve, out in zip(self.solve, solved, strict=True):
            for expert, run in runs:
                np.matmul(solve[expert], covariance[run], out=out[run])
        return self._moments(solved)

    def latent_of_all(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """As `latent`, of every expert at (n_tiles, 1, width, n_features) points.

        Returns (n_targets, n_tiles, n_experts, width) and the like with n_factors; fastest with
        all points in one tile.
        """
        asked = self._asked(points, self.centres[:, np.newaxis])
        covariance = self.inputs[:, np.newaxis] @ asked
        np.exp(covariance, out=covariance)
        return self._moments(self.solve[:, np.newaxis, :, np.newaxis] @ covariance)

    def _asked(self, points: FloatArray, centres: FloatArray) -> FloatArray:
        """Columns (x, 1, -|x|^2 / 2) for points x relative to the centres."""
        relative = points - centres
        asked = np.ones((*relative.shape[:-1], relative.shape[-1] + 2, 1))
        asked[..., :-2, 0] = relative
        squares = relative[..., np.newaxis, :] @ relative[..., np.newaxis]
        np.multiply(squares[..., 0], -0.5, out=asked[..., -1, :])
        return asked

    def _moments(self, solved: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Moments from (n_factors, ..., height, 1) products."""
        size = self.solve.shape[-1]
        white = solved[..., :size, :]
        signal = self.hyper.signal_std**2
        variance = signal - (white.swapaxes(-1, -2) @ white)[..., 0, 0]
        # positive in exact arithmetic; rounding must not turn a precision negative
        np.maximum(variance, 1e-12 * signal, out=variance)
        means = solved[..., size:, 0]
        last = means.ndim - 1
        mean = means.transpose(0, last, *range(1, last))
        return mean.reshape(-1, *variance.shape[1:]), variance


def left_out(
    training: Training, rows: IntArray, hyper: Hyperparameters
) -> tuple[FloatArray, FloatArray]:
    """Predict every training point from the others of its expert, in closed form.

    Returns
    -------
    residual, variance : (n_targets, n_experts, size) arrays
        Target minus prediction, and the variance of that prediction with the noise of the point;
        0 and 1 in padded rows. Source: Rasmussen & Williams (2006), eqs. 5.10-5.12.
    """
    n_factors = training.noise_variance.shape[1]
    n_targets = training.targets.shape[1]
    residual = np.empty((n_targets, *rows.shape))
    variance = np.empty_like(residual)
    for chunk in _chunks(len(rows), rows.shape[1] ** 2):
        blocks = Blocks.deal(training, rows[chunk])
        inverse = np.linalg.inv(blocks.covariance(hyper)[1])
        diagonal = np.diagonal(inverse, axis1=-2, axis2=-1)[..., np.newaxis]
        shape = (n_targets, *rows[chunk].shape)
        residual[:, chunk] = np.moveaxis(inverse @ blocks.targets / diagonal, 3, 1).reshape(shape)
        spread = np.repeat(1.0 / diagonal, n_targets // n_factors, axis=3)
        variance[:, chunk] = np.moveaxis(spread, 3, 1).reshape(shape)
    return residual, variance


def _inverse_of_lower(factors: np.ndarray) -> FloatArray:
    """Invert (..., size, size) lower triangles: a third of the work of any matrix's inverse."""
    inverses = np.empty(factors.shape)
    for index in np.ndindex(factors.shape[:-2]):
        # to a library that counts columns first, a lower triangle is an upper one
        inverses[index] = dtrtri(factors[index].T)[0].T
    return inverses


def _chunks(n_experts: int, entries: int, most: int = _CHUNK_ENTRIES) -> Iterator[slice]:
    step = max(1, most // entries)
    return (slice(start, start + step) for start in range(0, n_experts, step))


def _runs(values: IntArray) -> Iterator[tuple[int, slice]]:
    """Equal neighbours: their value and where they are."""
    each = values.tolist()
    if len(each) <= _FEW:
        return ((value, slice(i, i + 1)) for i, value in enumerate(each))
    edges = [0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist(), len(each)]
    return ((each[i], slice(i, j)) for i, j in itertools.pairwise(edges))
