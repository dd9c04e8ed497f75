"""Many small exact Gaussian processes: factors, latent predictions, points left out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dtrtri

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.surrogates.dgp.blocks import Blocks, Training, chunks
from fitplugin.surrogates.kernels import Hyperparameters

# doubles in a chunk of experts that are only factorised: what stays near the processor, 2 MB
_NEAR_ENTRIES = 250_000
# pairs that are not worth sorting into runs
_FEW = 8


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
        for chunk in chunks(n_experts, size**2, _NEAR_ENTRIES):
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
    for chunk in chunks(len(rows), rows.shape[1] ** 2):
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


def _runs(values: IntArray) -> Iterator[tuple[int, slice]]:
    """Equal neighbours: their value and where they are."""
    each = values.tolist()
    if len(each) <= _FEW:
        return ((value, slice(i, i + 1)) for i, value in enumerate(each))
    edges = [0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist(), len(each)]
    return ((each[i], slice(i, j)) for i, j in itertools.pairwise(edges))
