"""Arguments of counting likelihoods: brought to their shapes, and bad numbers refused by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError

_CHUNK = 256  # rows at a time: temporaries stay in cache and memory stays bounded


class Entries(NamedTuple):
    """Arguments that broadcast, as columns of one row per entry, and the shape of the result."""

    columns: FloatArray
    """(n_arguments, n_rows)."""
    shape: tuple[int, ...]

    def map(self, function: Callable[[FloatArray], FloatArray]) -> FloatArray:
        """Apply ``function`` to chunks of rows and restore the shape; a scalar to a float."""
        columns = self.columns
        n_rows = columns.shape[1]
        result = np.empty(n_rows)
        with np.errstate(all="ignore"):  # the limits pass through 0/0 and exp of large numbers
            for start in range(0, n_rows, _CHUNK):
                stop = start + _CHUNK
                result[start:stop] = function(columns[:, start:stop])
        return result.reshape(self.shape) if self.shape else result[0]


def checked_entries(names: Sequence[str], values: Sequence[ArrayLike]) -> Entries:
    """Broadcast yields and errors; refuse a bad number by its name and index.

    Raises
    ------
    InputError
        If shapes do not broadcast, or a number is negative, NaN or infinite.
    """
    arrays = [_array(name, value) for name, value in zip(names, values, strict=True)]
    try:
        shape = np.broadcast(*arrays).shape
    except ValueError:
        pairs = zip(names, arrays, strict=True)
        shapes = ", ".join(f"{name} {array.shape}" for name, array in pairs)
        raise InputError("counts", f"shapes do not broadcast: {shapes}") from None
    columns = np.empty((len(arrays), *shape))
    for i, array in enumerate(arrays):
        columns[i] = array
    if columns.size and not (columns.min() >= 0.0 and columns.max() < np.inf):
        for name, array in zip(names, arrays, strict=True):
            _refuse_bad(name, array)
    return Entries(columns.reshape(len(arrays), -1), shape)


def checked_arrays(**named: tuple[ArrayLike, tuple[str, ...]]) -> dict[str, FloatArray]:
    """Refuse arguments whose shapes do not go together, and bad numbers, by name.

    Parameters
    ----------
    named : (array, tuple of str)
        Each argument and the names of its axes; axes of one name have one length.

    Raises
    ------
    InputError
        If a shape does not fit, or a number is negative, NaN or infinite.
    """
    sizes: dict[str, tuple[int, str]] = {}
    arrays = {}
    for name, (value, axes) in named.items():
        array = _array(name, value)
        if array.ndim != len(axes):
            raise InputError(name, f"has shape {array.shape}; expected ({', '.join(axes)})")
        for axis, size in zip(axes, array.shape, strict=True):
            known, by = sizes.setdefault(axis, (size, name))
            if size != known:
                raise InputError(name, f"has {axis} = {size}, but {by} has {known}")
        _refuse_bad(name, array)
        arrays[name] = array
    return arrays


def _array(name: str, value: ArrayLike) -> FloatArray:
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise InputError(name, f"{value!r} is not a number or an array of numbers") from None


def _refuse_bad(name: str, array: FloatArray) -> None:
    bad = np.argwhere(~((array >= 0.0) & (array < np.inf)))
    if len(bad):
        index = tuple(int(i) for i in bad[0])
        at = f"[{', '.join(map(str, index))}]" if index else ""
        raise InputError(f"{name}{at}", f"is {array[index]}; must be finite and >= 0")
