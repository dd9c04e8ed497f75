"""Many networks of one architecture, evaluated together in plain NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fitplugin.arrays import FloatArray, tiled
from fitplugin.errors import InputError
from fitplugin.surrogates.networks.dense import (
    TILE,
    UNITS,
    Activation,
    arrays_of_layers,
    layers_of_arrays,
)

_AT_ONCE = 4096  # values of a layer and tile that fit the caches


@dataclass(frozen=True)
class NetworkEnsemble:
    """Networks of one architecture; layers that all of them share are stored once.

    Attributes
    ----------
    weights : tuple of (n_networks or 1, n_in, n_out) arrays
    biases : tuple of (n_networks or 1, n_out) arrays
    activation : {"tanh", "relu"}
        Of the hidden units; outputs are linear.

    >>> two = NetworkEnsemble((np.array([[[1.0]], [[2.0]]]),), (np.zeros((1, 1)),))
    >>> two(np.array([[3.0]])).ravel()
    array([3., 6.])
    """

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]
    activation: Activation = "tanh"

    def __post_init__(self) -> None:
        n_before = self.weights[0].shape[1]
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            fits = weight.ndim == 3 and bias.ndim == 2 and weight.shape[1] == n_before
            if not fits or bias.shape[1] != weight.shape[2]:
                raise InputError(
                    f"layer {index}",
                    f"has weights {weight.shape} and biases {bias.shape} after {n_before} units",
                )
            n_before = weight.shape[2]

    @property
    def n_networks(self) -> int:
        """How many there are."""
        return max(len(weight) for weight in self.weights)

    @property
    def units(self) -> tuple[int, ...]:
        """Inputs, hidden units and outputs."""
        return (self.weights[0].shape[1], *(weight.shape[2] for weight in self.weights))

    def __call__(self, points: FloatArray) -> FloatArray:
        """Map (n_points, n_in) to (n_networks, n_points, n_outputs)."""
        rows = np.asarray(points, dtype=self.weights[0].dtype)
        tiles = tiled(rows, TILE)
        found = np.empty((self.n_networks, *tiles.shape[:2], self.units[-1]), dtype=rows.dtype)
        step = max(1, _AT_ONCE // (TILE * max(self.units)))
        for start in range(0, len(tiles), step):
            part = slice(start, start + step)
            found[:, part] = self._layers(tiles[np.newaxis, part])
        return found.reshape(self.n_networks, -1, self.units[-1])[:, : len(rows)]

    def _layers(self, values: FloatArray) -> FloatArray:
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values = np.matmul(values, weight[:, np.newaxis])
            values += bias[:, np.newaxis, np.newaxis]
            UNITS[self.activation](values, out=values)
        values = np.matmul(values, self.weights[-1][:, np.newaxis])
        return values + self.biases[-1][:, np.newaxis, np.newaxis]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return ``networks_weight_0``, ``networks_bias_0``, ..."""
        return arrays_of_layers(self.weights, self.biases, "networks")

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, np.ndarray], activation: Activation
    ) -> NetworkEnsemble:
        """Undo `to_arrays`."""
        return cls(*layers_of_arrays(arrays, "networks"), activation)
