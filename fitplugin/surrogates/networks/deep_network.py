"""Deep networks as a surrogate: trained by PyTorch, evaluated in plain NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
from pydantic import BaseModel

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.surrogates.dataset import Dataset
from fitplugin.surrogates.frame import SMALLEST_STD, Frame, is_class, split_share
from fitplugin.surrogates.networks.deep_ensemble import train_ensemble
from fitplugin.surrogates.networks.deep_options import DeepNetworkOptions
from fitplugin.surrogates.networks.dense import DenseNetwork
from fitplugin.surrogates.networks.resumable_network import ResumableNetwork, require_units
from fitplugin.surrogates.networks.torch_parts import require_torch
from fitplugin.surrogates.recalibration import fit_factor
from fitplugin.surrogates.scaling import Standardiser
from fitplugin.surrogates.transforms import backward


class _Fitted(NamedTuple):
    frame: Frame
    networks: tuple[DenseNetwork, ...]
    floor: FloatArray  # (n_targets,) error that the networks have in common, transformed
    factor: FloatArray  # (n_targets,) on the errors of the targets


class DeepNetwork(ResumableNetwork[DeepNetworkOptions, _Fitted]):
    """Deep network: trained by PyTorch (extra ``nn``), evaluated in NumPy alone.

    Several networks, trained from other first weights with other validation points, answer with
    their mean. The error combines their spread with the residuals of points that no network has
    seen, and is corrected on those points as ``calibration`` says. A training that keeps its state
    in a file (`resumable`) can be interrupted at any time.
    """

    Options: ClassVar[type[BaseModel]] = DeepNetworkOptions
    citations: ClassVar[tuple[str, ...]] = (
        "P. Bechtle et al., SCYNet, arXiv:1703.01309",
        "A. Paszke et al., PyTorch, arXiv:1912.01703",
        "D. P. Kingma and J. Ba, Adam: A Method for Stochastic Optimization, arXiv:1412.6980",
    )

    @classmethod
    def require_training(cls) -> None:
        """Refuse to train without PyTorch."""
        require_torch()

    def check(self, dataset: Dataset) -> None:
        """Refuse what `fit` would refuse: classes, too few points, targets out of the domain."""
        super().check(dataset)
        if is_class(dataset):
            raise InputError("targets", "are 0 and 1: a class; learn it with kind: network")

    def fit(self, dataset: Dataset, rng: np.random.Generator) -> DeepNetwork:
        """Return a trained ensemble; ``rng`` chooses held-out points, splits and first weights.

        Raises
        ------
        InputError
            If a column is constant, a feature is unknown, points are too few, the training
            diverges (with the epoch and the cause), or a kept state is of another training.
        MissingExtraError
            If PyTorch is not installed.
        """
        self.check(dataset)
        require_torch()
        seeds = rng.integers(2**63, size=self.options.n_networks)
        training, held_out = split_share(dataset, self.options.held_out, rng)
        checkpoint = self._checkpoint(dataset, seeds.tolist())
        frame = self._frame(training)
        networks = train_ensemble(
            frame.points(training.inputs),
            frame.targets(self._transformed(training).targets),
            self.options,
            seeds.tolist(),
            checkpoint,
        )
        fitted = self._with_errors(frame, networks, held_out)
        checkpoint.remove()
        return DeepNetwork(self.options, fitted)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return weights, scalings and errors as plain arrays."""
        frame, networks, floor, factor = self._fitted
        arrays = {**frame.to_arrays(), "floor": floor, "factor": factor}
        for index, network in enumerate(networks):
            arrays |= network.to_arrays(f"network{index}")
        return arrays

    @classmethod
    def from_arrays(
        cls, options: DeepNetworkOptions, arrays: Mapping[str, np.ndarray]
    ) -> DeepNetwork:
        """Rebuild the ensemble that `to_arrays` came from.

        Raises
        ------
        InputError
            If the arrays are of another architecture than the options.
        """
        frame = Frame.from_arrays(arrays, options.features)
        networks = tuple(
            DenseNetwork.from_arrays(arrays, f"network{i}", options.activation, options.output)
            for i in range(options.n_networks)
        )
        n_targets = len(frame.schema.target_names)
        units = (len(frame.inputs.shift), *options.hidden, n_targets)
        for network in networks:
            require_units(network.units, units)
        return cls(options, _Fitted(frame, networks, arrays["floor"], arrays["factor"]))

    def _frame(self, training: Dataset) -> Frame:
        """Measure the training points; a frame of the transformed targets."""
        transformed = self._transformed(training)
        frame = Frame.of(transformed, self.options.features, binary=False)
        if self.options.output == "tanh":
            low, high = transformed.targets.min(axis=0), transformed.targets.max(axis=0)
            # m = (z0 + y_max) / 2 and y_max - m: sigma of B.16 cancels
            frame = frame._replace(targets=Standardiser(0.5 * (low + high), 0.5 * (high - low)))
        return frame

    def _with_errors(
        self, frame: Frame, networks: tuple[DenseNetwork, ...], held_out: Dataset
    ) -> _Fitted:
        n_targets = len(frame.schema.target_names)
        fitted = _Fitted(frame, networks, np.zeros(n_targets), np.ones(n_targets))
        outputs = self._outputs(fitted, held_out.inputs)
        truth = frame.targets(self._transformed(held_out).targets)
        # what the networks have in common they cannot see in their spread
        common = 1.4826 * np.median(np.abs(outputs.mean(axis=0) - truth), axis=0)
        fitted = fitted._replace(floor=np.maximum(common, SMALLEST_STD))
        mean, std = self._moments(fitted, held_out.inputs)
        factor = fit_factor(
            mean, std, held_out.targets, held_out.target_error, self.options.calibration
        )
        return fitted._replace(factor=factor)

    def _outputs(self, fitted: _Fitted, values: FloatArray) -> FloatArray:
        """Standardised outputs of every network: (n_networks, n_points, n_targets)."""
        points = fitted.frame.points(values)
        return np.stack([network(points) for network in fitted.networks])

    def _moments(self, fitted: _Fitted, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        outputs = self._outputs(fitted, values)
        n_networks = len(outputs)
        mean = np.add.reduce(outputs) / n_networks
        variance = np.square(fitted.floor)
        if n_networks > 1:
            variance = variance + np.add.reduce(np.square(outputs - mean)) / (n_networks - 1)
        else:
            variance = np.broadcast_to(variance, mean.shape)
        targets = fitted.frame.targets
        std = np.sqrt(variance) * targets.scale
        return backward(targets.restore(mean), std, self.options.transform)
