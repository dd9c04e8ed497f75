"""Ask a problem for log-likelihoods, and hold it to its contract.

Every sampler evaluates through here, so that a likelihood that breaks its contract stops the
run with the offending point named, whichever sampler asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.errors import LikelihoodError
from fitplugin.pools.base import Pool
from fitplugin.samplers.base import Evaluation, Problem

# Points per task. Fixed, so that rounding inside a vectorised likelihood, which may depend on
# the size of the batch, does not make results depend on the number of workers.
_BATCH_SIZE = 64

# A likelihood that calls sys.exit() must not end the scan as if all were well.
_STOPPING = (Exception, SystemExit)


class CheckedBatch(NamedTuple):
    """Evaluations that keep the contract: no NaN, no ``+inf``, blobs in a fixed order."""

    log_likelihood: FloatArray
    """(n_points,), ``-inf`` where not valid."""
    valid: BoolArray
    blob_values: FloatArray
    """(n_points, n_blobs), the columns in the order of ``problem.blob_names``."""


def evaluate(problem: Problem, theta: FloatArray) -> CheckedBatch:
    """Evaluate (n_points, n_dim) points in one batch.

    Raises
    ------
    LikelihoodError
        If the likelihood raises, returns NaN or ``+inf`` at a valid point, or arrays of another
        shape. The first point concerned is named.
    """
    try:
        evaluation = problem.evaluate(theta)
    except _STOPPING as error:
        raise _raised(problem, theta, error) from error
    n_points, n_blobs = len(theta), len(problem.blob_names)
    try:
        values = np.asarray(evaluation.log_likelihood, dtype=float)
        valid = np.asarray(evaluation.valid, dtype=bool)
        blobs = [evaluation.blobs[name] for name in problem.blob_names]
        blob_rows = np.array(blobs, dtype=float) if blobs else np.empty((0, n_points))
    except (KeyError, TypeError, ValueError) as error:
        raise _malformed(problem, theta, evaluation) from error
    # blobs that are not announced, such as texts, are for other readers than samplers
    if not values.shape == valid.shape == (n_points,) or blob_rows.shape != (n_blobs, n_points):
        raise _malformed(problem, theta, evaluation)
    if not valid.all():
        values = np.where(valid, values, -np.inf)
    # the comparison is false for NaN too
    is_legal = values < np.inf
    if not is_legal.all():
        row = int(np.argmin(is_legal))
        raise LikelihoodError(
            f"the log-likelihood is {values[row]} at {describe(problem, theta[row])}; "
            "return valid=False where physics refuses a point"
        )
    return CheckedBatch(values, valid, blob_rows.T)


def evaluate_many(problem: Problem, theta: FloatArray, pool: Pool) -> CheckedBatch:
    """Evaluate (n_points, n_dim) points, split over the workers of ``pool``.

    The result does not depend on the size of the pool.
    """
    if len(theta) == 0:
        n_blobs = len(problem.blob_names)
        return CheckedBatch(np.empty(0), np.empty(0, dtype=bool), np.empty((0, n_blobs)))
    if len(theta) <= _BATCH_SIZE:  # not worth the way to a worker
        return evaluate(problem, theta)
    parts = pool.map(partial(evaluate, problem), split(theta))
    return CheckedBatch(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def split(theta: FloatArray) -> list[FloatArray]:
    """Cut (n_points, n_dim) points into the batches that workers are given."""
    return [theta[start : start + _BATCH_SIZE] for start in range(0, len(theta), _BATCH_SIZE)]


class PointLikelihood:
    """The likelihood of one point, for samplers that ask for no more at a time.

    Parameters
    ----------
    problem : Problem
        Pickled along, so that this may be sent to worker processes.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def __call__(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the log-likelihood and the (n_blobs,) blobs of an (n_dim,) point."""
        batch = evaluate(self.problem, theta[np.newaxis])
        return float(batch.log_likelihood[0]), batch.blob_values[0]


def named_blobs(values: FloatArray, names: Sequence[str]) -> dict[str, FloatArray]:
    """Return the columns of (n_points, n_blobs) values by name."""
    return {name: values[:, index].copy() for index, name in enumerate(names)}


def describe(problem: Problem, theta: FloatArray) -> str:
    """Name an (n_dim,) point with every digit, so that it can be evaluated again."""
    pairs = zip(problem.names, theta, strict=True)
    return ", ".join(f"{name}={float(value)!r}" for name, value in pairs)


def _batch_place(problem: Problem, theta: FloatArray) -> str:
    first = describe(problem, theta[0])
    return first if len(theta) == 1 else f"a batch of {len(theta)} points, the first {first}"


def _raised(problem: Problem, theta: FloatArray, error: BaseException) -> LikelihoodError:
    """Say which point of a batch made the likelihood raise."""
    place = _batch_place(problem, theta)
    if len(theta) > 1:
        for row in theta:
            alone = _error_at(problem, row[np.newaxis])
            if alone is not None:
                place, error = describe(problem, row), alone
                break
    return LikelihoodError(f"the likelihood raised {type(error).__name__}: {error} at {place}")


def _error_at(problem: Problem, theta: FloatArray) -> BaseException | None:
    try:
        problem.evaluate(theta)
    except _STOPPING as error:
        return error
    return None


def _malformed(problem: Problem, theta: FloatArray, evaluation: Evaluation) -> LikelihoodError:
    """Say what is wrong with the form of an evaluation."""
    names, blobs = problem.blob_names, evaluation.blobs
    place = f"at {_batch_place(problem, theta)}"
    missing = sorted(set(names) - set(blobs))
    if missing:
        return LikelihoodError(f"blobs announced in blob_names are missing: {missing} {place}")
    columns = {"log_likelihood": evaluation.log_likelihood, "valid": evaluation.valid}
    columns |= {f"blob {name!r}": values for name, values in blobs.items() if name in names}
    for what, values in columns.items():
        try:
            shape = np.asarray(values, dtype=float).shape
        except (TypeError, ValueError):
            return LikelihoodError(f"{what} is not an array of numbers {place}")
        if shape != (len(theta),):
            return LikelihoodError(f"{what} has shape {shape}; expected ({len(theta)},) {place}")
    return LikelihoodError(f"the evaluation is malformed {place}")
