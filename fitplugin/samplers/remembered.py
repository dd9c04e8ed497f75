"""Evaluations on the unit cube, found again by their coordinates.

Some libraries hand back their points but not what else was computed there. With the unit cube as
their parameter space the coordinates come back bit for bit, and say which evaluation they are of.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.pools.base import Pool
from fitplugin.samplers.base import Problem
from fitplugin.samplers.contract import CheckedBatch
from fitplugin.samplers.evaluation import evaluate_many


class Found(NamedTuple):
    """What was computed at some points of the unit cube."""

    theta: FloatArray
    log_likelihood: FloatArray
    blob_values: FloatArray


class Remembered:
    """The log-likelihood on the unit cube, remembering theta and the blobs of valid points.

    Parameters
    ----------
    problem : Problem
    pool : Pool
        Batches are split over its workers; the results do not depend on their number.
    """

    def __init__(self, problem: Problem, pool: Pool) -> None:
        self._problem = problem
        self._pool = pool
        self._cubes: list[FloatArray] = []
        self._tables: list[FloatArray] = []
        self.n_like = 0
        """Points evaluated so far."""
        self.n_valid = 0
        """Those of them with a likelihood above zero."""

    def __call__(self, unit_cube: FloatArray) -> FloatArray:
        """Return the (n_points,) log-likelihoods of (n_points, n_dim) points.

        Raises
        ------
        LikelihoodError
            If the likelihood breaks its contract; names theta.
        """
        unit_cube = np.array(unit_cube, dtype=float)  # libraries reuse their arrays
        theta = self._problem.prior_transform(unit_cube)
        batch = evaluate_many(self._problem, theta, self._pool)
        self.n_like += len(unit_cube)
        is_there = batch.log_likelihood > -np.inf
        self.n_valid += int(is_there.sum())
        self.add(unit_cube[is_there], theta[is_there], batch.take(is_there))
        return batch.log_likelihood

    def add(self, unit_cube: FloatArray, theta: FloatArray, batch: CheckedBatch) -> None:
        """Remember points that were evaluated elsewhere."""
        self._cubes.append(np.array(unit_cube, dtype=float))
        self._tables.append(np.column_stack([theta, batch.log_likelihood, batch.blob_values]))

    def find(self, unit_cube: FloatArray) -> Found:
        """Return what was computed at (n_points, n_dim) points with a likelihood above zero.

        Raises
        ------
        KeyError
            If a point was not evaluated, or has no likelihood.
        """
        known = _keys(np.concatenate(self._cubes))
        wanted = _keys(unit_cube)
        # only the few points asked for need a place in a dictionary
        places: dict[bytes, int] = dict.fromkeys(wanted, -1)
        for place, key in enumerate(known):
            if key in places:
                places[key] = place
        rows: IntArray = np.array([places[key] for key in wanted], dtype=int)
        if (rows < 0).any():
            raise KeyError(f"no likelihood is remembered at {unit_cube[np.argmin(rows)]}")
        table = np.concatenate(self._tables)[rows]
        theta, log_likelihood, blobs = np.split(
            table, [len(self._problem.names), len(self._problem.names) + 1], axis=1
        )
        return Found(theta.copy(), log_likelihood[:, 0].copy(), blobs.copy())


def _keys(unit_cube: FloatArray) -> list[bytes]:
    return [row.tobytes() for row in np.ascontiguousarray(unit_cube)]
