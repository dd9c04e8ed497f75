"""A fitted distributed Gaussian process: its points in their frame, and committees to ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.surrogates.dataset import Dataset, Schema
from fitplugin.surrogates.dgp.asking import Committee
from fitplugin.surrogates.dgp.blocks import Training
from fitplugin.surrogates.dgp.groups import Group, columns_of_groups
from fitplugin.surrogates.dgp.learned import Learned
from fitplugin.surrogates.dgp.options import DgpOptions
from fitplugin.surrogates.frame import Frame, transformed
from fitplugin.surrogates.kernels import Hyperparameters
from fitplugin.surrogates.networks.dense import DenseNetwork
from fitplugin.surrogates.scaling import Standardiser


def frame_of(dataset: Dataset, options: DgpOptions) -> Frame:
    """Measure a dataset whose targets the options transform.

    Raises
    ------
    InputError
        If a feature is unknown, a column is constant, or noise or transform do not fit the targets.
    """
    return Frame.of(_transformed(dataset, options), options.features, binary=False)


def standardised(dataset: Dataset, frame: Frame, options: DgpOptions) -> Training:
    """Return the points of a dataset in a frame; one column of zero noise where none is known."""
    known = _transformed(dataset, options)
    noise = np.zeros((dataset.n_points, 1))
    if known.target_error is not None:
        noise = np.square(known.target_error / frame.targets.scale)
    return Training(frame.points(dataset.inputs), frame.targets(known.targets), noise)


def _transformed(dataset: Dataset, options: DgpOptions) -> Dataset:
    with_errors = options.noise != "fitted"
    if with_errors and dataset.target_error is None:
        raise InputError(
            "noise",
            f"{options.noise!r} needs known errors of {', '.join(dataset.target_names)}; "
            "there are none, use 'fitted'",
        )
    return transformed(dataset, options.transform, with_errors)


@dataclass(frozen=True)
class Fitted:
    """What `fit` leaves behind: the data, their frame, what was learned, and the committees."""

    dataset: Dataset
    frame: Frame
    learned: Learned
    committees: tuple[Committee, ...]
    adds_noise: bool

    @classmethod
    def of(cls, dataset: Dataset, frame: Frame, learned: Learned, options: DgpOptions) -> Fitted:
        """Factorise the experts of every group."""
        left = learned.residuals(standardised(dataset, frame, options))
        committees = tuple(
            group.committee(left.only(group.columns), options) for group in learned.groups
        )
        return cls(dataset, frame, learned, committees, options.noise != "monte_carlo")

    def observed(self, points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Standardised mean and error at standardised points, and their remoteness."""
        mean = np.empty((len(points), len(self.learned.factor)))
        variance = np.empty_like(mean)
        remoteness = np.zeros(len(points))
        for group, committee in zip(self.learned.groups, self.committees, strict=True):
            latent = committee.latent(points)
            # combine latent moments first, then add the noise of an observation, once
            noise = group.hyper.noise_std**2 if self.adds_noise else 0.0
            mean[:, group.columns] = latent.mean
            variance[:, group.columns] = (latent.variance + noise) * latent.scatter
            remoteness = np.maximum(remoteness, latent.remoteness)
        if self.learned.scatter is not None:
            variance *= np.exp(self.learned.scatter(points))
        mean *= self.learned.residual.scale
        if self.learned.trend is not None:
            mean += self.learned.trend(points)
        return mean, np.sqrt(variance) * self.learned.residual.scale, remoteness

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Flatten, group by group."""
        learned = self.learned
        arrays = {
            **self.dataset.schema.to_arrays(),
            "inputs": self.dataset.inputs,
            "targets": self.dataset.targets,
            "factor": learned.factor,
            "residual_scale": learned.residual.scale,
        }
        if self.dataset.target_error is not None:
            arrays["target_error"] = self.dataset.target_error
        if learned.trend is not None:
            arrays |= learned.trend.to_arrays("trend")
        if learned.scatter is not None:
            arrays |= learned.scatter.to_arrays("scatter")
        for index, group in enumerate(learned.groups):
            arrays[f"group{index}_columns"] = group.columns
            arrays[f"group{index}_log_hyper"] = group.hyper.to_log()
            arrays[f"group{index}_rows"] = group.rows.astype(np.int32)
            arrays[f"group{index}_scatter"] = group.scatter
            arrays[f"group{index}_outlier_weight"] = group.outlier_weight
        return arrays

    @classmethod
    def from_arrays(cls, options: DgpOptions, arrays: Mapping[str, np.ndarray]) -> Fitted:
        """Undo `to_arrays`."""
        schema = Schema.from_arrays(arrays)
        dataset = Dataset(
            arrays["inputs"],
            arrays["targets"],
            schema.input_names,
            schema.target_names,
            schema.ranges,
            arrays.get("target_error"),
        )
        groups = tuple(
            Group(
                arrays[f"group{index}_columns"],
                Hyperparameters.from_log(arrays[f"group{index}_log_hyper"]),
                arrays[f"group{index}_rows"].astype(np.int64),
                arrays[f"group{index}_scatter"],
                arrays[f"group{index}_outlier_weight"],
            )
            for index, _ in enumerate(columns_of_groups(len(schema.target_names), options))
        )
        scale = arrays["residual_scale"]
        trend = DenseNetwork.from_arrays(arrays, "trend") if options.trend else None
        residual = Standardiser(np.zeros_like(scale), scale)
        scatter = None
        if options.scatter == "network":
            scatter = DenseNetwork.from_arrays(arrays, "scatter")
        learned = Learned(trend, residual, groups, scatter, arrays["factor"])
        return cls.of(dataset, frame_of(dataset, options), learned, options)
