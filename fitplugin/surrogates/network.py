"""Dense network: tanh layers trained by scikit-learn, evaluated in plain NumPy."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, Field, PositiveFloat, PositiveInt
from scipy.special import expit
from threadpoolctl import threadpool_limits

from fitplugin.arrays import FloatArray, as_points
from fitplugin.errors import InputError
from fitplugin.options import Options
from fitplugin.stats.calibration import is_binary
from fitplugin.surrogates.base import Examined, Surrogate, require_fitted
from fitplugin.surrogates.dataset import Dataset, Schema
from fitplugin.surrogates.features import Features
from fitplugin.surrogates.recalibration import Method, fit_factor
from fitplugin.surrogates.scaling import Standardiser

# no surrogate is surer than this: share of a target's spread, or of a probability
SMALLEST_STD = 1e-6
# robust standard deviations beyond which a training target is drawn in
_WIDTH = 8  # points in a tile
_REACH = 4.0
# steps of a pass over the points: fewer would be too few to learn from small sets
_MIN_STEPS = 20


@dataclass(frozen=True)
class DenseNetwork:
    """Layers of tanh units and a linear output, in double precision.

    Attributes
    ----------
    weights : tuple of (n_in, n_out) arrays
    biases : tuple of (n_out,) arrays

    >>> DenseNetwork((np.array([[1.0]]), np.array([[2.0]])), (np.zeros(1), np.ones(1)))([[0.0]])
    array([[1.]])
    """

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]

    def __call__(self, points: ArrayLike) -> FloatArray:
        """Map (n_points, n_inputs) to (n_points, n_outputs).

        In tiles of one fixed shape: a point has the same digits alone and in any batch, and on
        any number of threads.
        """
        rows = np.asarray(points, dtype=float)
        n_points, n_inputs = rows.shape
        values = np.resize(rows, (-(-n_points // _WIDTH), _WIDTH, n_inputs))
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values = values @ weight
            values += bias
            np.tanh(values, out=values)
        values = values @ self.weights[-1] + self.biases[-1]
        return np.asarray(values.reshape(-1, values.shape[2])[:n_points])

    @classmethod
    def of(cls, estimator: Any) -> DenseNetwork:
        """Copy the numbers of a fitted scikit-learn MLP with tanh activation."""
        return cls(
            tuple(np.array(weight, dtype=float) for weight in estimator.coefs_),
            tuple(np.array(bias, dtype=float) for bias in estimator.intercepts_),
        )

    def to_arrays(self, prefix: str = "network") -> dict[str, np.ndarray]:
        """Return ``<prefix>_weight_0``, ``<prefix>_bias_0``, ..."""
        layers = enumerate(zip(self.weights, self.biases, strict=True))
        return {
            f"{prefix}_{what}_{index}": array
            for index, layer in layers
            for what, array in zip(("weight", "bias"), layer, strict=True)
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], prefix: str = "network") -> DenseNetwork:
        """Undo `to_arrays`."""
        n_layers = sum(name.startswith(f"{prefix}_weight_") for name in arrays)
        return cls(
            tuple(arrays[f"{prefix}_weight_{index}"] for index in range(n_layers)),
            tuple(arrays[f"{prefix}_bias_{index}"] for index in range(n_layers)),
        )


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


class Frame(NamedTuple):
    """Standardised features of raw inputs, and standardised targets; classes stay 0 and 1."""

    schema: Schema
    features: Features
    inputs: Standardiser
    targets: Standardiser

    @classmethod
    def of(cls, dataset: Dataset, names: tuple[str, ...] | None, binary: bool) -> Frame:
        """Measure a dataset; the features are its raw inputs unless ``names`` says otherwise."""
        chosen = names or dataset.input_names
        features = Features(chosen, dataset.input_names)
        inputs = Standardiser.of(features(dataset.inputs), chosen)
        targets = Standardiser.of(dataset.targets, dataset.target_names)
        if binary:
            targets = Standardiser(np.zeros(1), np.ones(1))
        return cls(dataset.schema, features, inputs, targets)

    def points(self, inputs: FloatArray) -> FloatArray:
        """Map raw (n_points, n_inputs) to standardised (n_points, n_features)."""
        return self.inputs(self.features(inputs))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return names, box and scalings as plain arrays; the features are options."""
        return {
            **self.schema.to_arrays(),
            "feature_shift": self.inputs.shift,
            "feature_scale": self.inputs.scale,
            "target_shift": self.targets.shift,
            "target_scale": self.targets.scale,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], names: tuple[str, ...] | None) -> Frame:
        """Undo `to_arrays`."""
        schema = Schema.from_arrays(arrays)
        features = Features(names or schema.input_names, schema.input_names)
        inputs = Standardiser(arrays["feature_shift"], arrays["feature_scale"])
        targets = Standardiser(arrays["target_shift"], arrays["target_scale"])
        return cls(schema, features, inputs, targets)


class NetworkOptions(NetworkTraining):
    """Options of a dense network."""

    features: tuple[str, ...] | None = Field(
        None, description="Inputs or x -> abs(x), sign(x), 1/x of them; default: the raw inputs."
    )
    held_out: float = Field(
        0.1, gt=0, lt=1, description="Share of the points kept from training, for the error."
    )


class _Fitted(NamedTuple):
    frame: Frame
    network: DenseNetwork
    std: FloatArray | None = None  # none: a class


class Network(Surrogate):
    """Dense network: fast on many points, one constant error per target.

    The error is the root mean square residual on held-out points, which are never trained on,
    less the known errors of their targets. A single target of 0 and 1 makes it a classifier: the
    mean is the probability p of 1, the error sqrt(p (1 - p)), and no point is held out.
    """

    Options: ClassVar[type[BaseModel]] = NetworkOptions
    citations: ClassVar[tuple[str, ...]] = (
        "F. Pedregosa et al., Scikit-learn: Machine Learning in Python, arXiv:1201.0490",
        "D. P. Kingma and J. Ba, Adam: A Method for Stochastic Optimization, arXiv:1412.6980",
    )

    def __init__(self, options: NetworkOptions | None = None, fitted: _Fitted | None = None):
        self.options = options or NetworkOptions()
        self._maybe_fitted = fitted

    @property
    def schema(self) -> Schema:
        """Names and box of what was learned."""
        return self._fitted.frame.schema

    def fit(self, dataset: Dataset, rng: np.random.Generator) -> Network:
        """Return a trained network; ``rng`` chooses the held-out points and trains.

        Raises
        ------
        InputError
            If a column is constant, a feature is unknown, the training diverges, fewer than 20
            points are held out, or there are several targets and all of them are classes.
        """
        held_out, binary = None, is_class(dataset)
        if not binary:
            dataset, held_out = split_share(dataset, self.options.held_out, rng)
        frame = Frame.of(dataset, self.options.features, binary)
        points, targets = frame.points(dataset.inputs), frame.targets(dataset.targets)
        network = train_network(points, targets, self.options, rng, binary)
        if held_out is None:
            return Network(self.options, _Fitted(frame, network))
        std = constant_std(network(frame.points(held_out.inputs)), held_out, frame, "scale")
        return Network(self.options, _Fitted(frame, network, std))

    def examine(self, inputs: ArrayLike) -> Examined:
        """Predict at (n_points, n_inputs) inputs; remote is what leaves the box."""
        values = as_points(inputs, self.input_names, "inputs")
        frame, network, std = self._fitted
        output, remoteness = network(frame.points(values)), frame.schema.remoteness(values)
        if std is None:
            probability = expit(output)
            return Examined(probability, class_std(probability), remoteness)
        return Examined(frame.targets.restore(output), np.tile(std, (len(values), 1)), remoteness)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return weights, scalings and errors as plain arrays."""
        frame, network, std = self._fitted
        arrays = {**frame.to_arrays(), **network.to_arrays()}
        return arrays if std is None else {**arrays, "std": std}

    @classmethod
    def from_arrays(cls, options: NetworkOptions, arrays: Mapping[str, np.ndarray]) -> Network:
        """Rebuild the network that `to_arrays` came from."""
        frame = Frame.from_arrays(arrays, options.features)
        fitted = _Fitted(frame, DenseNetwork.from_arrays(arrays), arrays.get("std"))
        return cls(options, fitted)

    @property
    def _fitted(self) -> _Fitted:
        fitted: _Fitted = require_fitted(self._maybe_fitted)
        return fitted


def is_class(dataset: Dataset) -> bool:
    """Whether its one target is a class, 0 or 1; several such targets are refused."""
    if is_binary(dataset.targets) and len(dataset.target_names) > 1:
        raise InputError("targets", "all are 0 or 1; learn one class at a time")
    return is_binary(dataset.targets)


def class_std(probability: FloatArray) -> FloatArray:
    """Standard deviation of a class that is 1 with this probability."""
    return np.maximum(np.sqrt(probability * (1.0 - probability)), SMALLEST_STD)


def split_share(
    dataset: Dataset, held_out: float, rng: np.random.Generator
) -> tuple[Dataset, Dataset]:
    """Return (training, held-out) parts, the latter a share of the points."""
    return dataset.split(int(np.ceil(held_out * dataset.n_points)), rng)


def constant_std(output: FloatArray, held_out: Dataset, frame: Frame, method: Method) -> FloatArray:
    """One error per target, (n_targets,), from standardised predictions of held-out points.

    ``scale`` is the root mean square residual, ``conformal`` the distance that covers 68.27 %;
    known errors of the held-out targets are taken off either: see `recalibration.fit_factor`.
    """
    mean = frame.targets.restore(output)
    rms = np.sqrt(np.square(mean - held_out.targets).mean(axis=0))
    std = np.maximum(rms, SMALLEST_STD * frame.targets.scale)
    every = np.tile(std, (len(mean), 1))
    return np.asarray(
        std * fit_factor(mean, every, held_out.targets, held_out.target_error, method)
    )
