"""Dense network as a surrogate: fast on many points, one constant error per target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, Field
from scipy.special import expit

from fitplugin.arrays import FloatArray, as_points
from fitplugin.surrogates.base import Examined
from fitplugin.surrogates.dataset import Dataset
from fitplugin.surrogates.features import FeatureNames
from fitplugin.surrogates.frame import Frame, class_std, constant_std, is_class, split_share
from fitplugin.surrogates.framed import FramedSurrogate
from fitplugin.surrogates.networks.dense import DenseNetwork
from fitplugin.surrogates.networks.dense_training import NetworkTraining, train_network


class NetworkOptions(NetworkTraining):
    """Options of a dense network."""

    features: FeatureNames = None
    held_out: float = Field(
        0.1, gt=0, lt=1, description="Share of the points kept from training, for the error."
    )


class _Fitted(NamedTuple):
    frame: Frame
    network: DenseNetwork
    std: FloatArray | None = None  # none: a class


class Network(FramedSurrogate[NetworkOptions, _Fitted]):
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

    def fit(self, dataset: Dataset, rng: np.random.Generator) -> Network:
        """Return a trained network; ``rng`` chooses the held-out points and trains.

        Raises
        ------
        InputError
            If a column is constant, a feature is unknown, the training diverges, fewer than 20
            points are held out, or there are several targets and all of them are classes.
        """
        self.check(dataset)
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
