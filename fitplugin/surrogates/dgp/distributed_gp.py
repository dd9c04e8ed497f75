"""Distributed Gaussian process: a partition of the training points, experts, a committee."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel

from fitplugin.arrays import FloatArray, IntArray, as_points
from fitplugin.errors import InputError
from fitplugin.surrogates import transforms
from fitplugin.surrogates.base import Examined, Surrogate, require_fitted
from fitplugin.surrogates.dataset import Dataset, Schema
from fitplugin.surrogates.dgp.asking import Committee
from fitplugin.surrogates.dgp.gp import Training
from fitplugin.surrogates.dgp.groups import (
    Group,
    columns_of_groups,
    find_hyperparameters,
    learn_group,
    squared_pulls,
)
from fitplugin.surrogates.dgp.options import DgpOptions
from fitplugin.surrogates.dgp.scatter import train_scatter
from fitplugin.surrogates.features import Features
from fitplugin.surrogates.kernels import Hyperparameters
from fitplugin.surrogates.networks.dense import DenseNetwork, train_network
from fitplugin.surrogates.recalibration import fit_factor
from fitplugin.surrogates.scaling import Standardiser
from fitplugin.surrogates.transforms import TransformOptions

__all__ = ["DgpOptions", "DistributedGP"]


class DistributedGP(Surrogate):
    """Distributed Gaussian process: experts that share hyper-parameters, and a committee.

    In mode ``paper`` the points are dealt at random to experts and all of them answer through
    the robust Bayesian committee machine. In mode ``local`` experts are overlapping
    neighbourhoods and the nearest few answer, which is faster and sharper; their errors follow
    the scatter of the training points nearby, and are scaled on a part that is kept aside.
    """

    Options: ClassVar[type[BaseModel]] = DgpOptions
    citations: ClassVar[tuple[str, ...]] = (
        "M. P. Deisenroth and J. W. Ng, Distributed Gaussian Processes, arXiv:1502.02843",
        "G. Bertone et al., Accelerating the BSM interpretation of LHC data with machine "
        "learning, arXiv:1611.02704",
    )

    def __init__(self, options: DgpOptions | None = None, fitted: _Fitted | None = None) -> None:
        self.options = options or DgpOptions()
        self._maybe_fitted = fitted

    def fit(self, dataset: Dataset, rng: np.random.Generator) -> DistributedGP:
        """Return a fitted process.

        Parameters
        ----------
        dataset : Dataset
        rng : numpy.random.Generator
            Deals points, draws the evidence blocks and the part kept aside, seeds the trend.

        Raises
        ------
        InputError
            As `check`.
        """
        self.check(dataset)
        options, aside = self.options, self._n_aside(dataset)
        frame = _Frame.of(dataset, options)
        training = frame.training(dataset, options)
        if not aside:
            learned = _learn(training, np.arange(dataset.n_points), options, rng)
            return DistributedGP(options, _Fitted.of(dataset, frame, learned, options))
        order = rng.permutation(dataset.n_points)
        kept, used = np.sort(order[:aside]), np.sort(order[aside:])
        learned = _learn(training, used, options, rng)
        trial = _Fitted.of(dataset.take(used), frame, learned, options)
        found = trial.observed(frame.points(dataset.inputs[kept]))
        factor = fit_factor(
            found[0], found[1], training.targets[kept], _known_error(training, kept),
            options.calibration,
        )  # fmt: skip
        # with trend, kernel, scatter and factor decided, the experts may know all points
        learned = replace(_deal(training, learned, options, rng), factor=factor)
        return DistributedGP(options, _Fitted.of(dataset, frame, learned, options))

    def check(self, dataset: Dataset) -> None:
        """Refuse what cannot be learned, before anything is.

        Raises
        ------
        InputError
            If there are fewer points than one expert holds, rows repeat, a feature is unknown,
            a column is constant, or noise or transform do not fit the targets.
        """
        dataset.require_distinct_rows()
        n_used = dataset.n_points - self._n_aside(dataset)
        if n_used < self.options.expert_size:
            raise InputError(
                "expert_size",
                f"{self.options.expert_size} is more than the {n_used} points to train with",
            )
        _Frame.of(dataset, self.options)

    def _n_aside(self, dataset: Dataset) -> int:
        if self.options.calibration == "none":
            return 0
        return round(self.options.calibration_share * dataset.n_points)

    @property
    def schema(self) -> Schema:
        """Names and box of what was learned."""
        return self._fitted.dataset.schema

    @property
    def hyperparameters(self) -> tuple[Hyperparameters, ...]:
        """Those of each target (of all, if they share a kernel), in standardised units."""
        return tuple(group.hyper for group in self._fitted.learned.groups)

    @property
    def calibration_factor(self) -> FloatArray:
        """(n_targets,) factors on the predicted errors, from the part kept aside."""
        return self._fitted.learned.factor

    def calibration_facts(self) -> dict[str, Any]:
        """Method and factors of the recalibration, target by target."""
        factors = zip(self.target_names, self.calibration_factor.tolist(), strict=True)
        return {"method": self.options.calibration, "factor": dict(factors)}

    def examine(self, inputs: ArrayLike) -> Examined:
        """Predict, and say how remote the points are.

        ``remoteness`` is the distance to the centre of the nearest expert in twice that
        expert's radius, in units of the length scales (the largest of all kernels), or the
        place in the training box if that is larger. Experts that are dealt at random have no
        place, and only the box counts.

        Raises
        ------
        InputError
            If the shape is wrong or a value is not finite.
        """
        fitted = self._fitted
        raw = as_points(inputs, self.input_names, "inputs")
        mean, std, remoteness = fitted.observed(fitted.frame.points(raw))
        mean, std = fitted.frame.restore(mean, std * fitted.learned.factor)
        return Examined(mean, std, np.maximum(remoteness, self.schema.remoteness(raw)))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return training points, hyper-parameters, partitions and trend as plain arrays."""
        return self._fitted.to_arrays()

    @classmethod
    def from_arrays(cls, options: DgpOptions, arrays: Mapping[str, np.ndarray]) -> DistributedGP:
        """Rebuild a fitted process; the factorisations are done again, not stored."""
        return cls(options, _Fitted.from_arrays(options, arrays))

    @property
    def _fitted(self) -> _Fitted:
        fitted: _Fitted = require_fitted(self._maybe_fitted)
        return fitted


@dataclass(frozen=True)
class _Frame:
    """How raw inputs become standardised features, and raw targets standardised targets."""

    features: Features
    scaling: Standardiser
    transform: TransformOptions
    targets: Standardiser

    @classmethod
    def of(cls, dataset: Dataset, options: DgpOptions) -> _Frame:
        names = options.features or dataset.input_names
        features = Features(names, dataset.input_names)
        transformed, _ = _transformed(dataset, options)
        return cls(
            features,
            Standardiser.of(features(dataset.inputs), names),
            options.transform,
            Standardiser.of(transformed, dataset.target_names),
        )

    def points(self, inputs: FloatArray) -> FloatArray:
        """Map raw (n_points, n_inputs) to standardised (n_points, n_features)."""
        return self.scaling(self.features(inputs))

    def training(self, dataset: Dataset, options: DgpOptions) -> Training:
        """Standardise a dataset; one column of zero noise where none is known."""
        values, error = _transformed(dataset, options)
        noise = np.zeros((dataset.n_points, 1))
        if error is not None:
            noise = np.square(error / self.targets.scale)
        return Training(self.points(dataset.inputs), self.targets(values), noise)

    def restore(self, mean: FloatArray, std: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Map standardised moments back to the targets' own units."""
        return transforms.backward(
            self.targets.restore(mean), std * self.targets.scale, self.transform
        )


def _transformed(dataset: Dataset, options: DgpOptions) -> tuple[FloatArray, FloatArray | None]:
    error = None
    if options.noise != "fitted":
        if dataset.target_error is None:
            raise InputError(
                "noise",
                f"{options.noise!r} needs known errors of {', '.join(dataset.target_names)}; "
                "there are none, use 'fitted'",
            )
        error = dataset.target_error
    values = np.empty_like(dataset.targets)
    errors = None if error is None else np.empty_like(error)
    for column, name in enumerate(dataset.target_names):
        z, z_error = transforms.forward(
            dataset.targets[:, column],
            None if error is None else error[:, column],
            options=options.transform,
            name=name,
        )
        values[:, column] = z
        if errors is not None and z_error is not None:
            errors[:, column] = z_error
    return values, errors


def _known_error(training: Training, rows: IntArray) -> FloatArray | None:
    return np.sqrt(training.noise_variance[rows]) if training.noise_variance.any() else None


@dataclass(frozen=True)
class _Learned:
    """The trend, what each group learned of its residuals, their scatter, the calibration."""

    trend: DenseNetwork | None
    residual: Standardiser
    groups: tuple[Group, ...] = ()
    scatter: DenseNetwork | None = None
    factor: FloatArray = field(default_factory=lambda: np.ones(1))

    def residuals(self, training: Training) -> Training:
        """What the trend leaves of the targets, standardised again."""
        trend = self.trend(training.points) if self.trend else 0.0
        return Training(
            training.points,
            self.residual(training.targets - trend),
            training.noise_variance / np.square(self.residual.scale),
        )


def _learn(
    training: Training, rows: IntArray, options: DgpOptions, rng: np.random.Generator
) -> _Learned:
    """Learn trend, kernels and experts from the given rows alone."""
    part = training.take(rows)
    n_targets = training.targets.shape[1]
    trend, residual = None, Standardiser(np.zeros(1), np.ones(1))
    if options.trend is not None:
        trend = train_network(part.points, part.targets, options.trend, rng)
        residual = Standardiser(
            np.zeros(n_targets), np.std(part.targets - trend(part.points), axis=0)
        )
    learned = _Learned(trend, residual, factor=np.ones(n_targets))
    left = learned.residuals(part)
    groups = []
    for columns in columns_of_groups(n_targets, options):
        own = _only(left, columns)
        hyper = find_hyperparameters(own, options, rng)
        groups.append(learn_group(own, columns, hyper, options, rng))
    scatter = None
    if options.scatter == "network":
        pulls = np.concatenate([squared_pulls(_only(left, g.columns), g) for g in groups], axis=1)
        known = np.isfinite(pulls).all(axis=1)
        scatter = train_scatter(left.points[known], pulls[known], rng)
    return replace(learned, groups=tuple(groups), scatter=scatter)


def _deal(
    training: Training, learned: _Learned, options: DgpOptions, rng: np.random.Generator
) -> _Learned:
    """Deal all points to experts whose kernels are known."""
    left = learned.residuals(training)
    groups = tuple(
        learn_group(_only(left, group.columns), group.columns, group.hyper, options, rng)
        for group in learned.groups
    )
    return replace(learned, groups=groups)


def _only(training: Training, columns: IntArray) -> Training:
    noise = training.noise_variance
    noise = noise[:, columns] if noise.shape[1] > 1 else noise
    return Training(training.points, training.targets[:, columns], noise)


@dataclass(frozen=True)
class _Fitted:
    """What `fit` leaves behind: the data, their frame, what was learned, and the committees."""

    dataset: Dataset
    frame: _Frame
    learned: _Learned
    committees: tuple[Committee, ...]
    adds_noise: bool

    @classmethod
    def of(cls, dataset: Dataset, frame: _Frame, learned: _Learned, options: DgpOptions) -> _Fitted:
        left = learned.residuals(frame.training(dataset, options))
        committees = tuple(
            group.committee(_only(left, group.columns), options) for group in learned.groups
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
    def from_arrays(cls, options: DgpOptions, arrays: Mapping[str, np.ndarray]) -> _Fitted:
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
        learned = _Learned(trend, residual, groups, scatter, arrays["factor"])
        return cls.of(dataset, _Frame.of(dataset, options), learned, options)
