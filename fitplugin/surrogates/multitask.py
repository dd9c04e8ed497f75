"""Gaussian process over several tasks: fidelities of one quantity, or outputs that go together.

A value y of task t at a point x has the covariance

    K = B[t, t'] (k(x, x') + a^2 (1 + x.x')) + (known variance + noise_t^2) delta,

with a squared exponential k and B = L L^T: what one task shows of the function, the others learn
from. The second term is a linear mean with Gaussian weights, integrated out; far from all points
predictions follow it. Any task may be missing at any point.

Source: E. Bonilla, K. M. A. Chai and C. Williams, Multi-task Gaussian Process Prediction, NIPS 20
(2007); Rasmussen and Williams (2006), Eqs. 2.40 (linear mean), 5.9 (gradients).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from fitplugin.arrays import FloatArray, IntArray, tiled
from fitplugin.errors import InputError
from fitplugin.surrogates.kernels import squared_exponential

_LENGTHS, _TRENDS, _TASKS, _NOISES = (-3.0, 4.0), (-5.0, 2.0), (-3.0, 3.0), (-7.0, 1.0)
_COUPLING = (-20.0, 20.0)
_TILE = 32  # points that are solved for together
_JITTER = 1e-8  # of a prior variance, on the diagonal: keeps near copies apart


class Observations(NamedTuple):
    """Values of tasks at points, one row each, standardised.

    Attributes
    ----------
    points : (n, n_features) array
    tasks : (n,) array of int
    values : (n,) array
    variance : (n,) array
        Known variance of each value.
    """

    points: FloatArray
    tasks: IntArray
    values: FloatArray
    variance: FloatArray

    def take(self, rows: IntArray) -> Observations:
        """Return the given rows, in that order."""
        points, tasks, values, variance = self
        return Observations(points[rows], tasks[rows], values[rows], variance[rows])


class TaskHyperparameters(NamedTuple):
    """Length scales (n_features,), factor L (n_tasks, n_tasks), trend a, noise (n_tasks,)."""

    length_scale: FloatArray
    factor: FloatArray
    trend: float
    noise_std: FloatArray

    @property
    def task_covariance(self) -> FloatArray:
        """B = L L^T, (n_tasks, n_tasks)."""
        return self.factor @ self.factor.T

    def to_vector(self) -> FloatArray:
        """Return the coordinates of the optimiser: logarithms, but for the couplings of L."""
        n_tasks = len(self.factor)
        lower = self.factor[np.tril_indices(n_tasks)].copy()
        is_diagonal = _is_diagonal(n_tasks)
        lower[is_diagonal] = np.log(lower[is_diagonal])
        logs = np.log(np.concatenate([self.length_scale, [self.trend], self.noise_std]))
        return np.concatenate([logs, lower])

    @classmethod
    def from_vector(cls, vector: FloatArray, n_features: int, n_tasks: int) -> TaskHyperparameters:
        """Undo `to_vector`."""
        logs = np.exp(vector[: n_features + 1 + n_tasks])
        lower = vector[n_features + 1 + n_tasks :].copy()
        is_diagonal = _is_diagonal(n_tasks)
        lower[is_diagonal] = np.exp(lower[is_diagonal])
        factor = np.zeros((n_tasks, n_tasks))
        factor[np.tril_indices(n_tasks)] = lower
        return cls(logs[:n_features], factor, float(logs[n_features]), logs[n_features + 1 :])


def negative_log_evidence(
    vector: FloatArray, seen: Observations, n_tasks: int
) -> tuple[float, FloatArray]:
    """Return -ln p(y | X, t) per value, and its gradient.

    Parameters
    ----------
    vector : (n_parameters,) array
        As `TaskHyperparameters.to_vector`.
    seen : Observations
    n_tasks : int
    """
    n, n_features = seen.points.shape
    hyper = TaskHyperparameters.from_vector(vector, n_features, n_tasks)
    scaled, smooth, linear = _kernels(seen.points, hyper)
    between = hyper.task_covariance[seen.tasks[:, np.newaxis], seen.tasks]
    full = between * (smooth + linear)
    full[np.diag_indices(n)] += seen.variance + hyper.noise_std[seen.tasks] ** 2 + _JITTER
    factor = cholesky(full, lower=True, check_finite=False)
    inverse = cho_solve((factor, True), np.eye(n), check_finite=False)
    alpha = inverse @ seen.values
    value = 0.5 * float(seen.values @ alpha) + float(np.log(np.diagonal(factor)).sum())

    # dL/dK = outer / 2; every derivative is its product with one of K
    outer = inverse - np.outer(alpha, alpha)
    weighted = outer * between * smooth
    row_sums = weighted.sum(axis=1)[:, np.newaxis]
    by_length = (row_sums * scaled**2 - scaled * (weighted @ scaled)).sum(axis=0)
    by_trend = float((outer * between * linear).sum())
    is_of = (seen.tasks[:, np.newaxis] == np.arange(n_tasks)).astype(float)
    by_noise = hyper.noise_std**2 * (np.diagonal(outer) @ is_of)
    by_task = is_of.T @ (outer * (smooth + linear)) @ is_of
    by_factor = (by_task @ hyper.factor)[np.tril_indices(n_tasks)]
    is_diagonal = _is_diagonal(n_tasks)
    by_factor[is_diagonal] *= np.diagonal(hyper.factor)
    gradient = np.concatenate([by_length, [by_trend], by_noise, by_factor])
    return (value + 0.5 * n * np.log(2.0 * np.pi)) / n, gradient / n


def maximise_evidence(
    seen: Observations, n_tasks: int, one_length: bool = False, max_steps: int = 80
) -> TaskHyperparameters:
    """Find the hyper-parameters: the best of two fixed starts (deterministic).

    From one alone the search sometimes ends where all is noise.

    Parameters
    ----------
    seen : Observations
    n_tasks : int
    one_length : bool
        One length scale for all features, as ATL-PHYS-PUB-2022-045 has it.
    max_steps : int

    Raises
    ------
    InputError
        If the covariance cannot be factorised.
    """
    n_features = seen.points.shape[1]
    starts = [_start(n_features, n_tasks, noise) for noise in (0.3, 0.5)]
    n_lower = n_tasks * (n_tasks + 1) // 2
    bounds = [_LENGTHS] * n_features + [_TRENDS] + [_NOISES] * n_tasks
    bounds += [_TASKS if is_diagonal else _COUPLING for is_diagonal in _is_diagonal(n_tasks)]
    n_lengths = 1 if one_length else n_features
    spread = np.zeros((len(starts[0]), n_lengths + 1 + n_tasks + n_lower))
    spread[:n_features, :n_lengths] = 1.0 if one_length else np.eye(n_features)
    spread[n_features:, n_lengths:] = np.eye(1 + n_tasks + n_lower)
    kept = bounds[:n_lengths] + bounds[n_features:]

    def cost(reduced: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = negative_log_evidence(spread @ reduced, seen, n_tasks)
        return value, spread.T @ gradient

    def search(start: FloatArray) -> Any:
        first = np.concatenate([start[:n_lengths], start[n_features:]])
        return minimize(
            cost, first, jac=True, method="L-BFGS-B", bounds=kept,
            options={"maxiter": max_steps, "ftol": 1e-6},
        )  # fmt: skip

    try:
        found = min((search(start) for start in starts), key=lambda each: float(each.fun))
    except np.linalg.LinAlgError as error:
        raise InputError("training points", "nearly coincide; remove the repeated rows") from error
    return TaskHyperparameters.from_vector(spread @ found.x, n_features, n_tasks)


def _start(n_features: int, n_tasks: int, noise: float) -> FloatArray:
    """Tasks of correlation 0.8, features that matter equally."""
    factor = np.asarray(np.linalg.cholesky(0.2 * np.eye(n_tasks) + 0.8), dtype=float)
    hyper = TaskHyperparameters(
        np.full(n_features, 1.0), factor, noise - 0.2, np.full(n_tasks, noise)
    )
    return hyper.to_vector()


@dataclass(frozen=True)
class MultitaskProcess:
    """A factorised process, ready to predict.

    Attributes
    ----------
    hyper : TaskHyperparameters
    seen : Observations
    factor : (n, n) array
        Lower Cholesky factor of their covariance.
    alpha : (n,) array
    """

    hyper: TaskHyperparameters
    seen: Observations
    factor: FloatArray
    alpha: FloatArray

    @classmethod
    def of(cls, seen: Observations, hyper: TaskHyperparameters) -> MultitaskProcess:
        """Factorise the covariance of what was seen.

        Raises
        ------
        InputError
            If it cannot be factorised.
        """
        _, smooth, linear = _kernels(seen.points, hyper)
        smooth += linear
        smooth *= hyper.task_covariance[seen.tasks[:, np.newaxis], seen.tasks]
        noise = seen.variance + hyper.noise_std[seen.tasks] ** 2 + _JITTER
        smooth[np.diag_indices(len(noise))] += noise
        try:
            factor = cholesky(smooth, lower=True, overwrite_a=True, check_finite=False)
        except np.linalg.LinAlgError as error:
            raise InputError(
                "training points", "nearly coincide; remove the repeated rows"
            ) from error
        alpha = cho_solve((factor, True), seen.values, check_finite=False)
        return cls(hyper, seen, factor, alpha)

    def predict(self, points: FloatArray, task: int) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of the function of a task at (n_points, n_features), noise left out."""
        tiles = tiled(points, _TILE)
        mean, variance = np.empty(tiles.shape[:2]), np.empty(tiles.shape[:2])
        for index, tile in enumerate(tiles):
            crossed, solved = self._crossed(tile, task)
            mean[index] = crossed @ self.alpha
            variance[index] = self._prior(tile, task) - np.square(solved).sum(axis=0)
        n = len(points)
        return mean.ravel()[:n], np.maximum(variance.ravel()[:n], 1e-12)

    def joint(self, points: FloatArray, task: int) -> tuple[FloatArray, FloatArray]:
        """Mean (n_points,) and covariance (n_points, n_points) of the function of a task."""
        crossed, solved = self._crossed(points, task)
        _, smooth, linear = _kernels(points, self.hyper)
        prior = self.hyper.task_covariance[task, task] * (smooth + linear)
        return crossed @ self.alpha, prior - solved.T @ solved

    def _crossed(self, points: FloatArray, task: int) -> tuple[FloatArray, FloatArray]:
        hyper, seen = self.hyper, self.seen
        crossed = squared_exponential(
            points / hyper.length_scale, seen.points / hyper.length_scale, 1.0
        )
        crossed += hyper.trend**2 * (1.0 + points @ seen.points.T)
        crossed *= hyper.task_covariance[task, seen.tasks]
        solved = solve_triangular(self.factor, crossed.T, lower=True, check_finite=False)
        return crossed, solved

    def _prior(self, points: FloatArray, task: int) -> FloatArray:
        trend = self.hyper.trend**2 * (1.0 + np.square(points).sum(axis=1))
        return np.asarray(self.hyper.task_covariance[task, task] * (1.0 + trend))


def _kernels(
    points: FloatArray, hyper: TaskHyperparameters
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Scaled points, squared exponential and linear covariance."""
    scaled = points / hyper.length_scale
    scaled = scaled - scaled.mean(axis=0)
    smooth = squared_exponential(scaled, scaled, 1.0)
    return scaled, smooth, hyper.trend**2 * (1.0 + points @ points.T)


def _is_diagonal(n_tasks: int) -> np.ndarray:
    rows, columns = np.tril_indices(n_tasks)
    return np.asarray(rows == columns)
