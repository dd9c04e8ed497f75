"""What networks and estimators see: standardised features and targets, classes, held-out parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.stats.classification import is_binary
from fitplugin.surrogates.dataset import Dataset, Schema
from fitplugin.surrogates.features import Features
from fitplugin.surrogates.recalibration import Method, fit_factor
from fitplugin.surrogates.scaling import Standardiser
from fitplugin.surrogates.transforms import TransformOptions, forward

# no surrogate is surer than this: share of a target's spread, or of a probability
SMALLEST_STD = 1e-6


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


class Split(NamedTuple):
    """Standardised inputs and targets of one training, (n_points, n_columns) each.

    The validation points judge it while it lasts.
    """

    points: FloatArray
    targets: FloatArray
    validation_points: FloatArray
    validation_targets: FloatArray


def transformed(dataset: Dataset, options: TransformOptions, with_errors: bool = False) -> Dataset:
    """Return the dataset with transformed targets, and their known errors if asked for.

    Raises
    ------
    InputError
        If a target is outside the domain, or has an error where the slope is infinite.
    """
    error = dataset.target_error if with_errors else None
    targets = np.empty_like(dataset.targets, dtype=float)
    errors = None if error is None else np.empty_like(error, dtype=float)
    for column, name in enumerate(dataset.target_names):
        known = None if error is None else error[:, column]
        z, z_error = forward(dataset.targets[:, column], known, options=options, name=name)
        targets[:, column] = z
        if errors is not None and z_error is not None:
            errors[:, column] = z_error
    return replace(dataset, targets=targets, target_error=errors, variance_per_mean=None)


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
