"""Layers of tanh or relu units: trained by scikit-learn or PyTorch, evaluated in plain NumPy."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, PositiveFloat, PositiveInt
from threadpoolctl import threadpool_limits

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError, one_of
from fitplugin.options import Options

# robust standard deviations beyond which a training target is drawn in
_REACH = 4.0
# steps of a pass over the points: fewer would be too few to learn from small sets
_MIN_STEPS = 20
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

    @property
    def architecture(self) -> str:
        """Units of the layers, inputs first, and what they do.

        >>> DenseNetwork((np.ones((2, 3)), np.ones((3, 1))), (np.ones(3), np.ones(1))).architecture
        '2-3-1 tanh, linear output'
        """
        return f"{'-'.join(map(str, self.units))} {self.activation}, {self.output} output"

    def __call__(self, points: ArrayLike) -> FloatArray:
        """Map (n_points, n_inputs) to (n_points, n_outputs).

        In tiles of one fixed shape: a point has the same digits alone and in any batch, and on
        any number of threads.
        """
        rows = np.asarray(points, dtype=self.weights[0].dtype)
        values = tiled(rows)
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


def tiled(rows: FloatArray, width: int = TILE) -> FloatArray:
    """Return (n_points, n_inputs) rows as (n_tiles, width, n_inputs), the first again at the end.

    A matrix product of one fixed shape gives a point the same digits alone and in any batch.
    """
    return np.resize(rows, (-(-len(rows) // width), width, rows.shape[1]))


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


class NetworkTraining(Options):
    """How a dense network is trained: Adam, in stages of falling learning rate."""

    hidden: tuple[PositiveInt, ...] = Field(
        (128, 64), min_length=1, description="Units of each hidden layer."
    )
    learning_rates: tuple[PositiveFloat, ...] = Field(
        (1e-2, 3e-3, 8e-4, 2e-4), min_length=1, description="One stage each, in this order."
    )
    epochs: int = Field(60, ge=1, description="Passes over the training points per stage.")
    batch_size: int = Field(
        200, ge=1, description="Points per step, but at most a twentieth of them."
    )
    weight_decay: float | None = Field(
        None, ge=0, description="L2 penalty; default: 1e-5 for values, 1e-2 for classes."
    )
    robust: bool = Field(
        True,
        description="In the second half of the stages, draw targets farther than 4 robust "
        "standard deviations from the prediction in to that distance; not for classes.",
    )


def train_network(
    points: FloatArray,
    targets: FloatArray,
    training: NetworkTraining,
    rng: np.random.Generator,
    binary: bool = False,
) -> DenseNetwork:
    """Train a dense network.

    Parameters
    ----------
    points : (n_points, n_inputs) array
        Standardised inputs.
    targets : (n_points, n_targets) array
        Standardised targets, or one column of 0 and 1 if ``binary``.
    training : NetworkTraining
    rng : numpy.random.Generator
        Draws the first weights and the order of the points.
    binary : bool
        Learn the log odds of 1 (cross-entropy) instead of the values (least squares).

    Returns
    -------
    DenseNetwork
        Its output is standardised like ``targets``, or the log odds.

    Raises
    ------
    InputError
        If the training diverges.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    decay = training.weight_decay
    if decay is None:
        # probabilities of a free network are too sure of themselves
        decay = 1e-2 if binary else 1e-5
    estimator = (MLPClassifier if binary else MLPRegressor)(
        hidden_layer_sizes=training.hidden,
        activation="tanh",
        alpha=decay,
        batch_size=min(training.batch_size, max(1, len(points) // _MIN_STEPS)),
        max_iter=training.epochs,
        warm_start=True,
        early_stopping=False,
        n_iter_no_change=10**9,
        tol=0.0,
        random_state=int(rng.integers(2**31)),
    )
    # single precision halves the time; the network is kept and evaluated in double
    single, wanted = points.astype(np.float32), targets
    # small matrices: a second thread of the linear algebra makes this seven times slower
    with threadpool_limits(1), warnings.catch_warnings():
        # every stage ends by its number of epochs, on purpose
        warnings.simplefilter("ignore", ConvergenceWarning)
        for stage, rate in enumerate(training.learning_rates):
            # the first stages must be free to find what looks like outliers to a rough fit
            if training.robust and not binary and 2 * stage >= len(training.learning_rates):
                wanted = winsorised(targets, estimator.predict(single).reshape(targets.shape))
            labels = wanted.astype(int if binary else np.float32)
            estimator.learning_rate_init = rate
            try:
                estimator.fit(single, labels[:, 0] if labels.shape[1] == 1 else labels)
            except ValueError as error:
                raise InputError("learning_rates", f"the training diverged ({error})") from error
    return DenseNetwork.of(estimator)


def winsorised(targets: FloatArray, predicted: FloatArray, reach: float = _REACH) -> FloatArray:
    """Draw targets that are far from their prediction in to a distance, column by column.

    The distance is ``reach`` robust standard deviations of the residual, 1.4826 times its
    median absolute value; Gaussian residuals are left alone but for 6 in 100 000.

    >>> winsorised(np.array([[1.0], [-1.0], [1.0], [90.0]]), np.zeros((4, 1)))[-1]
    array([5.9304])
    """
    residual = targets - predicted
    spread = 1.4826 * np.median(np.abs(residual), axis=0)
    return np.asarray(predicted + np.clip(residual, -reach * spread, reach * spread))
