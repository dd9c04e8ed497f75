"""Array aliases, and what every floor does with arrays: checks, scattering, tiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fitplugin.errors import InputError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
Columns = Mapping[str, FloatArray]
"""Quantities by name, each (n_points,)."""


def as_points(values: ArrayLike, names: Sequence[str], what: str = "theta") -> FloatArray:
    """Return ``values`` as a finite (n_points, n_dim) array, a single vector included.

    Raises
    ------
    InputError
        If the trailing axis is not ``len(names)`` or a value is not finite.

    >>> as_points([1.0, 2.0], ("mQ3", "mtR"))
    array([[1., 2.]])
    """
    points = np.asarray(values, dtype=float)
    if points.ndim == 1:
        points = points[np.newaxis]
    if points.ndim != 2 or points.shape[1] != len(names):
        raise InputError(
            what,
            f"has shape {np.shape(values)}; expected (n_points, {len(names)}) "
            f"for {', '.join(names)}",
        )
    require_finite(points, what, names)
    return points


def require_finite(values: FloatArray, what: str, names: Sequence[str] = ()) -> None:
    """Refuse NaN and infinity, naming the first offending row (and column)."""
    if not np.isfinite(values).all():
        bad = np.argwhere(~np.isfinite(values))
        index = tuple(int(i) for i in bad[0])
        column = f", {names[index[-1]]}" if names and values.ndim == 2 else ""
        raise InputError(what, f"row {index[0]}{column} is {values[index]}; must be finite")


def scattered(values: np.ndarray, rows: BoolArray, elsewhere: Any = np.nan) -> np.ndarray:
    """Put (n_chosen,) values at the rows that are True, and ``elsewhere`` at the others.

    >>> scattered(np.array([3.0]), np.array([False, True]))
    array([nan,  3.])
    """
    full = np.full(len(rows), elsewhere, dtype=values.dtype)
    full[rows] = values
    return full


def tiled(rows: FloatArray, width: int) -> FloatArray:
    """Return (n_points, n_inputs) rows as (n_tiles, width, n_inputs), the first again at the end.

    A matrix product of one fixed shape gives a point the same digits alone and in any batch.
    """
    return np.resize(rows, (-(-len(rows) // width), width, rows.shape[1]))
