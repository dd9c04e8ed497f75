"""Layers of tanh or relu units in plain NumPy, wherever they were trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from fitplugin.arrays import FloatArray, tiled
from fitplugin.errors import InputError, one_of

TILE = 8
"""Points in a tile."""

Activation = Literal["tanh", "relu"]
Output = Literal["linear", "tanh"]


def _relu(values: FloatArray, out: FloatArray) -> FloatArray:
    return np.maximum(values, 0.0, out=out)


UNITS: Mapping[str, Callable[..., FloatArray]] = MappingProxyType({"tanh": np.tanh, "relu": _relu})


@dataclass(frozen=True)
class DenseNetwork:
    """Layers of nonlinear units and an output layer, in the precision of the weights.

    Attributes
    ----------
    weights : tuple of (n_in, n_out) arrays
        Each layer's inputs are the outputs of the one before.
    biases : tuple of (n_out,) arrays
    activation : {"tanh", "relu"}
        Of the hidden units.
    output : {"linear", "tanh"}

    Raises
    ------
    InputError
        If the layers do not fit together, or an activation is unknown.

    >>> DenseNetwork((np.array([[1.0]]), np.array([[2.0]])), (np.zeros(1), np.ones(1)))([[0.0]])
    array([[1.]])
    """

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]
    activation: Activation = "tanh"
    output: Output = "linear"

    def __post_init__(self) -> None:
        if self.activation not in UNITS:
            raise InputError("activation", one_of(self.activation, UNITS, "an activation"))
        if self.output not in ("linear", "tanh"):
            raise InputError("output", one_of(self.output, ("linear", "tanh"), "an output"))
        if not self.weights or len(self.weights) != len(self.biases):
            raise InputError("layers", f"{len(self.weights)} of weights, {len(self.biases)} biases")
        n_before = self.weights[0].shape[0]
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if weight.ndim != 2 or weight.shape[0] != n_before or bias.shape != weight.shape[1:]:
                raise InputError(
                    f"layer {index}",
                    f"has weights {weight.shape} and biases {bias.shape} after {n_before} units",
                )
            n_before = weight.shape[1]

    @property
    def units(self) -> tuple[int, ...]:
        """Inputs, hidden units and outputs."""
        return (self.weights[0].shape[0], *(weight.shape[1] for weight in self.weights))

    def __call__(self, points: ArrayLike) -> FloatArray:
        """Map (n_points, n_inputs) to (n_points, n_outputs).

        In tiles of one fixed shape: a point has the same digits alone and in any batch, and on
        any number of threads.
        """
        rows = np.asarray(points, dtype=self.weights[0].dtype)
        values = tiled(rows, TILE)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values = values @ weight
            values += bias
            UNITS[self.activation](values, out=values)
        values = values @ self.weights[-1] + self.biases[-1]
        if self.output == "tanh":
            np.tanh(values, out=values)
        return np.asarray(values.reshape(-1, values.shape[2])[: len(rows)], dtype=float)

    @classmethod
    def of(cls, estimator: Any) -> DenseNetwork:
        """Copy the numbers of a fitted scikit-learn MLP with tanh activation."""
        return cls(
            tuple(np.array(weight, dtype=float) for weight in estimator.coefs_),
            tuple(np.array(bias, dtype=float) for bias in estimator.intercepts_),
        )

    def to_arrays(self, prefix: str = "network") -> dict[str, np.ndarray]:
        """Return ``<prefix>_weight_0``, ``<prefix>_bias_0``, ..."""
        return arrays_of_layers(self.weights, self.biases, prefix)

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, np.ndarray],
        prefix: str = "network",
        activation: Activation = "tanh",
        output: Output = "linear",
    ) -> DenseNetwork:
        """Undo `to_arrays`; what the units do is no array."""
        return cls(*layers_of_arrays(arrays, prefix), activation, output)


def arrays_of_layers(
    weights: Sequence[FloatArray], biases: Sequence[FloatArray], prefix: str
) -> dict[str, np.ndarray]:
    """Return ``<prefix>_weight_0``, ``<prefix>_bias_0``, ..."""
    return {
        f"{prefix}_{what}_{index}": array
        for index, layer in enumerate(zip(weights, biases, strict=True))
        for what, array in zip(("weight", "bias"), layer, strict=True)
    }


def layers_of_arrays(
    arrays: Mapping[str, np.ndarray], prefix: str
) -> tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]:
    """Undo `arrays_of_layers`."""
    n_layers = sum(name.startswith(f"{prefix}_weight_") for name in arrays)
    weights, biases = (
        tuple(arrays[f"{prefix}_{what}_{index}"] for index in range(n_layers))
        for what in ("weight", "bias")
    )
    return weights, biases
