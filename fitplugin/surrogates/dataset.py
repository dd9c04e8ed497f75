"""Training data: named inputs and targets, the box they were drawn in, and a seeded split."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray, IntArray, require_finite
from fitplugin.errors import InputError


class Schema(NamedTuple):
    """Names of inputs and targets, and the (n_inputs, 2) box of the inputs."""

    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    ranges: FloatArray

    def remoteness(self, inputs: FloatArray) -> FloatArray:
        """Distance from the box's middle: 1 on its faces, the largest input counts.

        >>> Schema(("x",), ("y",), np.array([[0.0, 2.0]])).remoteness(np.array([[1.0], [3.0]]))
        array([0., 2.])
        """
        low, high = self.ranges.T
        offset = np.abs(inputs - 0.5 * (low + high)) / (0.5 * (high - low))
        return np.asarray(offset.max(axis=1))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the three fields as plain arrays."""
        return {
            "input_names": np.array(self.input_names),
            "target_names": np.array(self.target_names),
            "ranges": self.ranges,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Schema:
        """Undo `to_arrays`."""
        return cls(
            tuple(map(str, arrays["input_names"])),
            tuple(map(str, arrays["target_names"])),
            arrays["ranges"],
        )


@dataclass(frozen=True)
class Dataset:
    """Inputs and targets of a supervised problem.

    Attributes
    ----------
    inputs : (n_points, n_inputs) array
    targets : (n_points, n_targets) array
    input_names, target_names : tuples of str
    ranges : (n_inputs, 2) array
        The box from which the inputs were drawn: wider than their extremes when a selection
        followed, and the region in which a surrogate may be asked.
    target_error : (n_points, n_targets) array or None
        Standard deviation of each target, where it is known.
    variance_per_mean : (n_points, n_targets) array or None
        Of targets that are counts by nature: their variance over their expectation.

    Raises
    ------
    InputError
        If shapes disagree, a value is not finite, or a point lies outside the box.

    >>> data = Dataset(np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]]), ("x",), ("y",),
    ...                np.array([[0.0, 1.0]]))
    >>> data.n_points
    2
    """

    inputs: FloatArray
    targets: FloatArray
    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    ranges: FloatArray
    target_error: FloatArray | None = None
    variance_per_mean: FloatArray | None = None

    def __post_init__(self) -> None:
        shapes = {
            "inputs": (self.inputs, self.input_names),
            "targets": (self.targets, self.target_names),
        }
        for what, (values, names) in shapes.items():
            if values.ndim != 2 or values.shape[1] != len(names):
                raise InputError(what, f"has shape {values.shape} for the names {names}")
            require_finite(values, what, names)
        if len(self.inputs) != len(self.targets):
            raise InputError("targets", f"{len(self.targets)} rows for {len(self.inputs)} inputs")
        for what in ("target_error", "variance_per_mean"):
            known = getattr(self, what)
            if known is None:
                continue
            if known.shape != self.targets.shape:
                raise InputError(what, "has another shape than the targets")
            require_finite(known, what, self.target_names)
            if (known < 0).any():
                row = int(np.argwhere(known < 0)[0][0])
                raise InputError(what, f"is negative in row {row}; it is a standard deviation")
        low, high = self.ranges.T
        # stored in single precision: a point on the edge may lie beyond it by rounding
        slack = 1e-6 * (high - low)
        outside = (self.inputs < low - slack) | (self.inputs > high + slack)
        if outside.any():
            row, column = np.argwhere(outside)[0]
            raise InputError(
                self.input_names[column],
                f"{self.inputs[row, column]:g} in row {row} is outside "
                f"[{low[column]:g}, {high[column]:g}]",
            )

    @property
    def schema(self) -> Schema:
        """Its names and box, without the numbers."""
        return Schema(self.input_names, self.target_names, self.ranges)

    @property
    def n_points(self) -> int:
        """Number of rows."""
        return len(self.inputs)

    def take(self, rows: IntArray) -> Dataset:
        """Return the given rows, in that order."""
        return replace(
            self,
            inputs=self.inputs[rows],
            targets=self.targets[rows],
            target_error=_rows_of(self.target_error, rows),
            variance_per_mean=_rows_of(self.variance_per_mean, rows),
        )

    def error_about(self, mean: FloatArray) -> FloatArray | None:
        """Standard deviation of the targets about predicted (n_points, n_targets) means.

        A count that came out low is not known better than one that came out high: where targets
        are counts, their error follows from what was expected and not from what came.
        """
        if self.variance_per_mean is None:
            return self.target_error
        return np.asarray(np.sqrt(self.variance_per_mean * np.maximum(mean, 0.0)))

    def require_distinct_rows(self) -> None:
        """Refuse rows with the same inputs: a surrogate would count one simulation twice.

        Raises
        ------
        InputError
            Naming the first two such rows.
        """
        order = np.lexsort(self.inputs.T)
        ordered = self.inputs[order]
        same = np.flatnonzero((ordered[1:] == ordered[:-1]).all(axis=1))
        if len(same):
            first, second = sorted(order[same[0] : same[0] + 2].tolist())
            raise InputError(
                "inputs", f"rows {first} and {second} are the same point; merge or remove one"
            )

    def split(self, n_held_out: int, rng: np.random.Generator) -> tuple[Dataset, Dataset]:
        """Return (training, held-out) parts; the same generator state gives the same split."""
        if not 0 < n_held_out < self.n_points:
            raise InputError("held_out", f"{n_held_out} of {self.n_points} points")
        order = rng.permutation(self.n_points)
        return self.take(order[n_held_out:]), self.take(order[:n_held_out])

    def digest(self) -> str:
        """SHA-256 of names, box and numbers."""
        hasher = hashlib.sha256(repr((self.input_names, self.target_names)).encode())
        known = {name: getattr(self, name) for name in ("target_error", "variance_per_mean")}
        for name, array in {"inputs": self.inputs, "targets": self.targets,
                            "ranges": self.ranges, **known}.items():  # fmt: skip
            if array is not None:
                hasher.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return hasher.hexdigest()


def _rows_of(values: FloatArray | None, rows: IntArray) -> FloatArray | None:
    return None if values is None else values[rows]
