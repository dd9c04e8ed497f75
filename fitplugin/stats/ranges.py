"""Errors of predictions in ranges of the truth: the layout of Table 4 of arXiv:1703.01309."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError


class RangeError(NamedTuple):
    """Mean absolute error of the points whose truth lies in [low, high); the last range is closed.

    ``error`` is NaN where no point is.
    """

    low: float
    high: float
    n_points: int
    error: float


def mean_error(predicted: ArrayLike, truth: ArrayLike) -> float:
    """Mean absolute error, eq. 2 of arXiv:1703.01309."""
    return float(np.abs(np.asarray(predicted) - np.asarray(truth)).mean())


def errors_by_range(
    predicted: ArrayLike, truth: ArrayLike, edges: Sequence[float]
) -> list[RangeError]:
    """Return the mean absolute error in each range of the truth.

    Parameters
    ----------
    predicted, truth : (n_points,) arrays
    edges : sequence of float
        Ascending; two or more.

    Raises
    ------
    InputError
        If the edges are not ascending, or leave a point out.

    >>> [part.error for part in errors_by_range([1.0, 5.0, 9.0], [0.0, 5.0, 10.0], [0, 1, 10])]
    [1.0, 0.5]
    """
    ends = np.asarray(edges, dtype=float)
    if len(ends) < 2 or not (np.diff(ends) > 0).all():
        raise InputError("ranges", f"{', '.join(f'{e:g}' for e in ends)}: must be ascending edges")
    true = np.asarray(truth, dtype=float)
    outside = (true < ends[0]) | (true > ends[-1])
    if outside.any():
        raise InputError(
            "ranges",
            f"leave {outside.sum()} of {len(true)} points out, {true[outside][0]:g} say; they "
            f"must reach from {true.min():g} to {true.max():g}",
        )
    place = np.minimum(np.searchsorted(ends, true, side="right") - 1, len(ends) - 2)
    error: FloatArray = np.abs(np.asarray(predicted, dtype=float) - true)
    return [
        RangeError(
            float(ends[i]),
            float(ends[i + 1]),
            int((place == i).sum()),
            float(error[place == i].mean()) if (place == i).any() else float("nan"),
        )
        for i in range(len(ends) - 1)
    ]
