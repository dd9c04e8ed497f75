"""Ask a term, which may be another's code, and hold it to its contract.

What breaks it raises `LikelihoodError`, with the term and the point named; nothing is repaired.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.errors import FitpluginError, LikelihoodError
from fitplugin.likelihoods.base import Term


class Readable(NamedTuple):
    """A batch of points as terms see it.

    Attributes
    ----------
    columns : dict of str to (n_points,) array
        Parameters and observables, and what has been computed of them.
    theta : (n_points, n_dim) array
        Only to name points in errors.
    names : tuple of str
        Of theta's columns.
    """

    columns: dict[str, FloatArray]
    theta: FloatArray
    names: tuple[str, ...]

    def point(self, row: int) -> str:
        """Return how errors name a point."""
        values = zip(self.names, self.theta[row].tolist(), strict=True)
        return ", ".join(f"{name}={value!r}" for name, value in values)


def log_likelihood_of(term: Term, readable: Readable, valid: BoolArray) -> FloatArray:
    """Ask a factor of the likelihood: (n_points,); -inf where it cannot be computed.

    Raises
    ------
    LikelihoodError
        If it raises, gives NaN, +inf or anything but (n_points,) numbers, or a valid point lacks a
        finite observable that it reads.
    """
    computable = _computable(term, readable, valid)
    part = {name: column[computable] for name, column in readable.columns.items()}
    values = np.full(len(computable), -np.inf)
    values[computable] = _values(term, part, int(computable.sum()))
    bad = np.flatnonzero(np.isnan(values) | np.isposinf(values))
    if len(bad):
        place = readable.point(bad[0])
        raise LikelihoodError(f"{term.name}: log-likelihood is {values[bad[0]]} at {place}")
    return values


def refused_by(constraint: Term, readable: Readable, valid: BoolArray) -> BoolArray:
    """Return which valid points a hard constraint refuses, (n_points,).

    Raises
    ------
    LikelihoodError
        As `log_likelihood_of`, or if it gives anything but 0 and -inf at a valid point.
    """
    _computable(constraint, readable, valid)
    values = _values(constraint, readable.columns, len(valid))
    refused = valid & np.isneginf(values)
    # anything but 0 would be lost without a word: a hard constraint is no factor
    bad = np.flatnonzero(valid & ~refused & (values != 0.0))
    if len(bad):
        raise LikelihoodError(
            f"{constraint.name}: log-likelihood is {values[bad[0]]:g} at "
            f"{readable.point(bad[0])}; a hard constraint gives 0 or -inf"
        )
    return refused


def _computable(term: Term, readable: Readable, valid: BoolArray) -> BoolArray:
    """Where a term can be asked; not being able to ask it of a valid point is a bug."""
    columns = readable.columns
    needed = np.array([columns[name] for name in term.needs]).reshape(-1, len(valid))
    computable = np.asarray(np.isfinite(needed).all(axis=0))
    bad = np.flatnonzero(valid & ~computable)
    if len(bad):
        name = term.needs[int(np.argmin(np.isfinite(needed[:, bad[0]])))]
        place = readable.point(bad[0])
        raise LikelihoodError(f"{name} is {columns[name][bad[0]]} at the valid point {place}")
    return computable


def _values(term: Term, columns: Mapping[str, FloatArray], n_points: int) -> FloatArray:
    try:
        values = np.asarray(term.log_likelihood(columns))
    except FitpluginError:
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise LikelihoodError(
            f"{term.name} raised {type(error).__name__}: {error} "
            f"({place.filename}, line {place.lineno})"
        ) from error
    if values.shape != (n_points,) or values.dtype.kind not in "fiu":
        raise LikelihoodError(
            f"{term.name}: log_likelihood gives {values.dtype} of shape {values.shape}; "
            f"expected natural logarithms of shape ({n_points},)"
        )
    return values.astype(float, copy=False)
