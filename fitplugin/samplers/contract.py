"""Ask a problem for log-likelihoods, and hold it to its contract.

A likelihood that breaks its contract stops the run with the offending point named, whichever
sampler asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.errors import LikelihoodError
from fitplugin.samplers.base import Evaluation, Problem

# A likelihood that calls sys.exit() must not end the scan as if all were well.
_STOPPING = (Exception, SystemExit)


class PlainEvaluation(NamedTuple):
    """An `Evaluation` that is nothing but its arrays."""

    log_likelihood: FloatArray
    valid: BoolArray
    blobs: Mapping[str, FloatArray]


class CheckedBatch(NamedTuple):
    """Evaluations that keep the contract: no NaN, no ``+inf``, blobs in a fixed order."""

    log_likelihood: FloatArray
    """(n_points,), ``-inf`` where not valid."""
    valid: BoolArray
    blob_values: FloatArray
    """(n_points, n_blobs), the columns in the order of ``problem.blob_names``."""

    def take(self, rows: BoolArray) -> CheckedBatch:
        """Return the evaluations of the rows that are True."""
        return CheckedBatch(self.log_likelihood[rows], self.valid[rows], self.blob_values[rows])


def checked(problem: Problem, theta: FloatArray) -> CheckedBatch:
    """Evaluate (n_points, n_dim) points in one batch, in this process.

    Raises
    ------
    LikelihoodError
        If the likelihood raises, returns NaN or ``+inf`` at a valid point, or arrays of another
        shape. The first point concerned is named.
    """
    try:
        evaluation = evaluation_of(problem, theta)
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


def evaluation_of(problem: Problem, theta: FloatArray) -> Evaluation:
    """Evaluate for a sampler, which reads the blobs of valid points only."""
    evaluate: Callable[[FloatArray], Evaluation]
    evaluate = getattr(problem, "evaluate_valid", problem.evaluate)
    return evaluate(theta)


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
        evaluation_of(problem, theta)
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
