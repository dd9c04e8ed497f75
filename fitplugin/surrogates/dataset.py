"""Training data: named inputs and targets, the box they were drawn in, and a seeded split."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from fitplugin.arrays import FloatArray, IntArray, require_finite
from fitplugin.errors import InputError


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
        if self.target_error is not None and self.target_error.shape != self.targets.shape:
            raise InputError("target_error", "has another shape than the targets")
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
    def n_points(self) -> int:
        """Number of rows."""
        return len(self.inputs)

    def take(self, rows: IntArray) -> Dataset:
        """Return the given rows, in that order."""
        error = None if self.target_error is None else self.target_error[rows]
        return replace(
            self, inputs=self.inputs[rows], targets=self.targets[rows], target_error=error
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
        for array in (self.inputs, self.targets, self.ranges, self.target_error):
            if array is not None:
                hasher.update(np.ascontiguousarray(array).tobytes())
        return hasher.hexdigest()
