"""The one way from a sampler to a likelihood: checked, recorded, split over workers.

Every sampler evaluates through here, in the process that runs it. So a run is resumed in the same
way whatever the sampler: it starts again, and what its journal holds is not computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import FitpluginError
from fitplugin.pools.base import Pool
from fitplugin.samplers.base import Evaluation, Problem
from fitplugin.samplers.contract import CheckedBatch, PlainEvaluation, checked, describe
from fitplugin.samplers.journal import Journal

# A likelihood evaluated again may differ by rounding, on another processor, say.
_RELATIVE_ROUNDING = 1e-9

_Parts = Sequence[FloatArray]


class Recorded:
    """A problem whose evaluations are kept in a journal, and taken from there on resuming.

    Parameters
    ----------
    problem : Problem
    path : path
        The journal; made if it is not there.
    allow_changes : bool
        Go on although the likelihood has changed, or the sampler takes another way.

    Raises
    ------
    FitpluginError
        If the journal belongs to another problem, or its last point has another likelihood now.
    """

    def __init__(self, problem: Problem, path: Path, allow_changes: bool = False) -> None:
        self.problem = problem
        self.names = tuple(problem.names)
        self.blob_names = tuple(problem.blob_names)
        self.allow_changes = allow_changes
        self.journal = Journal(path, self.names, self.blob_names)
        last = self.journal.last()
        if last is not None and not allow_changes:
            self._refuse_change(last)

    @property
    def path(self) -> Path:
        """The journal's file."""
        return self.journal.path

    def prior_transform(self, unit_cube: FloatArray) -> FloatArray:
        """Map (n_points, n_dim) or (n_dim,) from the unit cube to theta."""
        return self.problem.prior_transform(unit_cube)

    def evaluate(self, theta: FloatArray) -> Evaluation:
        """Evaluate (n_points, n_dim) points in this process, or take them from the journal."""
        values, valid, blobs = self.checked(theta)
        return PlainEvaluation(values, valid, named_blobs(blobs, self.blob_names))

    def checked(self, theta: FloatArray) -> CheckedBatch:
        """Evaluate likewise, in the form that samplers of this package use."""
        return next(self.evaluate_parts([theta], partial(map, partial(checked, self.problem))))

    def evaluate_parts(
        self, parts: _Parts, compute: Callable[[_Parts], Iterable[CheckedBatch]]
    ) -> Iterator[CheckedBatch]:
        """Yield the evaluation of each part, recording those that have to be computed."""
        n_known = 0
        for part in parts:
            known = self._known(part)
            if known is None:
                break
            n_known += 1
            yield known
        missing = parts[n_known:]
        # a part is recorded as soon as it is there, not when all of them are
        for part, batch in zip(missing, compute(missing) if missing else (), strict=True):
            self.journal.append(np.column_stack([part, *_columns(batch)]))
            yield batch

    def close(self) -> None:
        """Close the journal."""
        self.journal.close()

    def _known(self, theta: FloatArray) -> CheckedBatch | None:
        found = self.journal.next()
        if found is None:
            return None
        stored = found[:, : len(self.names)]
        if len(stored) == len(theta) and np.allclose(stored, theta, _RELATIVE_ROUNDING, 1e-12):
            return self._batch(found)
        if self.allow_changes:
            self.journal.set_rest_aside()
            return None
        raise FitpluginError(
            f"{self.path}: the sampler asks for {describe(self, theta[0])} where the interrupted "
            f"run evaluated {describe(self, stored[0])}: other versions of libraries or another "
            f"processor. --allow-changes keeps the {self.journal.n_replayed - len(found)} "
            "evaluations before this one and sets the later ones aside; --force starts over"
        )

    def _batch(self, rows: FloatArray) -> CheckedBatch:
        n_dim = len(self.names)
        return CheckedBatch(rows[:, n_dim], rows[:, n_dim + 1] > 0, rows[:, n_dim + 2 :])

    def _refuse_change(self, rows: FloatArray) -> None:
        row = rows[-1:]
        theta, before = row[:, : len(self.names)], self._batch(row)
        now = checked(self.problem, theta)
        if not np.allclose(
            np.column_stack(_columns(now)),
            np.column_stack(_columns(before)),
            _RELATIVE_ROUNDING,
            _RELATIVE_ROUNDING,
            equal_nan=True,
        ):
            raise FitpluginError(
                f"{self.path}: the likelihood has changed since the run was interrupted: "
                f"ln L is {now.log_likelihood[0]!r} at {describe(self, theta[0])}, where it was "
                f"{before.log_likelihood[0]!r} (or a blob differs). --allow-changes mixes both, "
                "--force starts over"
            )


def evaluate(problem: Problem, theta: FloatArray) -> CheckedBatch:
    """Evaluate (n_points, n_dim) points in one batch, in this process.

    Raises
    ------
    LikelihoodError
        If the likelihood raises, returns NaN or ``+inf`` at a valid point, or arrays of another
        shape. The first point concerned is named.
    """
    return problem.checked(theta) if isinstance(problem, Recorded) else checked(problem, theta)


def evaluate_many(problem: Problem, theta: FloatArray, pool: Pool) -> CheckedBatch:
    """Evaluate (n_points, n_dim) points, split over the workers of ``pool``.

    The result depends on the points per task, and not on the number of workers.
    """
    if len(theta) == 0:
        n_blobs = len(problem.blob_names)
        return CheckedBatch(np.empty(0), np.empty(0, dtype=bool), np.empty((0, n_blobs)))
    # rounding inside a vectorised likelihood may depend on the size of the batch, so this size
    # may not depend on the number of workers
    parts = split(theta, pool.points_per_task)
    if len(parts) == 1:  # not worth the way to a worker
        return evaluate(problem, theta)
    if isinstance(problem, Recorded):
        compute = partial(pool.imap, partial(checked, problem.problem))
        batches = list(problem.evaluate_parts(parts, compute))
    else:
        batches = pool.map(partial(checked, problem), parts)
    return CheckedBatch(*(np.concatenate(column) for column in zip(*batches, strict=True)))


def split(theta: FloatArray, n_points: int) -> list[FloatArray]:
    """Cut (n_points, n_dim) points into the batches that workers are given."""
    return [theta[start : start + n_points] for start in range(0, len(theta), n_points)]


class PointLikelihood:
    """The likelihood of one point, for samplers that ask for no more at a time."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def __call__(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the log-likelihood and the (n_blobs,) blobs of an (n_dim,) point."""
        batch = evaluate(self.problem, theta[np.newaxis])
        return float(batch.log_likelihood[0]), batch.blob_values[0]


def named_blobs(values: FloatArray, names: Sequence[str]) -> dict[str, FloatArray]:
    """Return the columns of (n_points, n_blobs) values by name."""
    return {name: values[:, index].copy() for index, name in enumerate(names)}


def _columns(batch: CheckedBatch) -> tuple[FloatArray, ...]:
    return batch.log_likelihood, batch.valid.astype(float), batch.blob_values
