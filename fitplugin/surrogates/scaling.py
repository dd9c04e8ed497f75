"""Standardisation: inputs and targets at mean zero and unit variance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError


@dataclass(frozen=True)
class Standardiser:
    """An affine map to mean zero and unit variance, column by column."""

    shift: FloatArray
    scale: FloatArray

    @classmethod
    def of(cls, values: FloatArray, names: Sequence[str]) -> Standardiser:
        """Measure (n_points, n_columns) values.

        Raises
        ------
        InputError
            If a column is constant: nothing can be learned from it.
        """
        scale = values.std(axis=0)
        for name, width in zip(names, scale, strict=True):
            if not width > 0:
                raise InputError(name, "is constant over the training points; leave it out")
        return cls(values.mean(axis=0), scale)

    def __call__(self, values: FloatArray) -> FloatArray:
        """Standardise (n_points, n_columns) values."""
        return (values - self.shift) / self.scale

    def restore(self, values: FloatArray) -> FloatArray:
        """Undo the standardisation."""
        return values * self.scale + self.shift
