"""Distributed Gaussian process: a partition of the training points, experts, a committee."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, Field
from scipy.spatial.distance import cdist

from fitplugin.arrays import FloatArray, IntArray, as_points
from fitplugin.errors import InputError
from fitplugin.options import Options
from fitplugin.surrogates import partition
from fitplugin.surrogates.base import Prediction
from fitplugin.surrogates.committee import blended, robust_bcm
from fitplugin.surrogates.dataset import Dataset
from fitplugin.surrogates.features import Features
from fitplugin.surrogates.gp import Experts, TrainingBlocks, maximise_evidence
from fitplugin.surrogates.kernels import Hyperparameters
from fitplugin.surrogates.scaling import Standardiser

# bounds the memory of a batch: doubles in the largest array of one chunk, about 32 MB
_CHUNK_ENTRIES = 4_000_000


class DgpOptions(Options):
    """Options of a distributed Gaussian process."""

    mode: Literal["paper", "local"] = Field(
        "paper",
        description="paper: random experts, all asked, robust BCM (arXiv:1611.02704). "
        "local: overlapping neighbourhoods, the nearest few asked and blended.",
    )
    expert_size: int = Field(65, ge=2, description="Training points per expert.")
    features: tuple[str, ...] | None = Field(
        None, description="Inputs or x -> abs(x), sign(x), 1/x of them; default: the raw inputs."
    )
    overlap: float = Field(4.0, ge=1, description="local: experts that know each training point.")
    n_nearest: int = Field(4, ge=1, description="local: experts asked per point.")
    n_evidence_experts: int = Field(
        64, ge=1, description="local: blocks that find the hyper-parameters, drawn at random."
    )


class DistributedGP:
    """Distributed Gaussian process: experts that share hyper-parameters, and a committee.

    Each target has its own hyper-parameters. In mode ``paper`` the points are dealt at random to
    experts and all of them answer through the robust Bayesian committee machine; in mode
    ``local`` experts are overlapping neighbourhoods and the nearest few answer, which is faster
    and sharper where the targets carry little noise.
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
            Deals the points (mode ``paper``) or draws the evidence blocks (mode ``local``).

        Raises
        ------
        InputError
            If there are fewer points than one expert holds, a feature is unknown, or a
            column is constant.
        """
        if dataset.n_points < self.options.expert_size:
            raise InputError(
                "expert_size",
                f"{self.options.expert_size} is more than the {dataset.n_points} training points",
            )
        frame = _Frame.of(dataset, self.options)
        points, targets = frame.points(dataset.inputs), frame.targets(dataset.targets)
        learn = _learn_random if self.options.mode == "paper" else _learn_local
        learned = [learn(points, target, self.options, rng) for target in targets.T]
        return DistributedGP(self.options, _Fitted.of(dataset, frame, learned, self.options))

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs, in the order of their columns."""
        return self._fitted.dataset.input_names

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names of the targets, in the order of their columns."""
        return self._fitted.dataset.target_names

    @property
    def ranges(self) -> FloatArray:
        """(n_inputs, 2) box in which the training inputs were drawn."""
        return self._fitted.dataset.ranges

    @property
    def hyperparameters(self) -> tuple[Hyperparameters, ...]:
        """Those of each target, in standardised units."""
        return tuple(committee.experts.hyper for committee in self._fitted.committees)

    def predict(self, inputs: ArrayLike) -> Prediction:
        """Predict the targets.

        Parameters
        ----------
        inputs : (n_points, n_inputs) or (n_inputs,) array
            Raw inputs, in their physical units.

        Returns
        -------
        Prediction
            ``mean`` and ``std``, each (n_points, n_targets), in the units of the targets.

        Raises
        ------
        InputError
            If the shape is wrong or a value is not finite.
        """
        points = self._fitted.frame.points(as_points(inputs, self.input_names, "inputs"))
        mean = np.empty((len(points), len(self.target_names)))
        variance = np.empty_like(mean)
        for column, committee in enumerate(self._fitted.committees):
            for chunk in _chunks(len(points), committee.entries_per_point):
                mean[chunk, column], variance[chunk, column] = committee.latent(points[chunk])
            # combine latent moments first, then add the noise of an observation, once
            variance[:, column] += committee.experts.hyper.noise_std**2
        scaling = self._fitted.frame.targets
        return Prediction(scaling.restore(mean), np.sqrt(variance) * scaling.scale)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return training points, hyper-parameters and partitions as plain arrays."""
        return {
            "inputs": self._fitted.dataset.inputs,
            "targets": self._fitted.dataset.targets,
            "input_names": np.array(self.input_names),
            "target_names": np.array(self.target_names),
            "ranges": self.ranges,
            "log_hyper": np.stack([hyper.to_log() for hyper in self.hyperparameters]),
            "rows": np.stack([c.rows for c in self._fitted.committees]).astype(np.int32),
        }

    @classmethod
    def from_arrays(cls, options: DgpOptions, arrays: Mapping[str, np.ndarray]) -> DistributedGP:
        """Rebuild a fitted process; the factorisations are done again, not stored."""
        dataset = Dataset(
            arrays["inputs"],
            arrays["targets"],
            tuple(map(str, arrays["input_names"])),
            tuple(map(str, arrays["target_names"])),
            arrays["ranges"],
        )
        learned = [
            (Hyperparameters.from_log(log_hyper), rows.astype(np.int64))
            for log_hyper, rows in zip(arrays["log_hyper"], arrays["rows"], strict=True)
        ]
        frame = _Frame.of(dataset, options)
        return cls(options, _Fitted.of(dataset, frame, learned, options))

    @property
    def _fitted(self) -> _Fitted:
        if self._maybe_fitted is None:
            raise InputError("surrogate", "is not fitted yet; call fit(dataset, rng) first")
        return self._maybe_fitted


@dataclass(frozen=True)
class _Frame:
    """How raw inputs become standardised features, and raw targets standardised targets."""

    features: Features
    scaling: Standardiser
    targets: Standardiser

    @classmethod
    def of(cls, dataset: Dataset, options: DgpOptions) -> _Frame:
        names = options.features or dataset.input_names
        features = Features(names, dataset.input_names)
        return cls(
            features,
            Standardiser.of(features(dataset.inputs), names),
            Standardiser.of(dataset.targets, dataset.target_names),
        )

    def points(self, inputs: FloatArray) -> FloatArray:
        """Map raw (n_points, n_inputs) to standardised (n_points, n_features)."""
        return self.scaling(self.features(inputs))


def _learn_random(
    points: FloatArray, target: FloatArray, options: DgpOptions, rng: np.random.Generator
) -> tuple[Hyperparameters, IntArray]:
    n_experts = round(len(points) / options.expert_size)
    rows = partition.random_blocks(len(points), n_experts, rng)
    return maximise_evidence(TrainingBlocks.deal(points, target, rows)), rows


def _learn_local(
    points: FloatArray, target: FloatArray, options: DgpOptions, rng: np.random.Generator
) -> tuple[Hyperparameters, IntArray]:
    size = options.expert_size
    blocks = partition.kdtree_blocks(points, max(1, len(points) // size))
    n_evidence = min(options.n_evidence_experts, len(blocks))
    chosen = np.sort(rng.choice(len(blocks), n_evidence, replace=False))
    hyper = maximise_evidence(TrainingBlocks.deal(points, target, blocks[chosen]))
    # the distances that matter are in length scales, so neighbours are sought there
    n_centres = max(options.n_nearest + 1, round(len(points) * options.overlap / size))
    return hyper, partition.neighbourhoods(points / hyper.length_scale, n_centres, size)


class _Committee(ABC):
    """Experts of one target, and how their latent predictions are combined."""

    def __init__(
        self,
        points: FloatArray,
        target: FloatArray,
        hyper: Hyperparameters,
        rows: IntArray,
        n_asked: int,
    ) -> None:
        self.rows = rows
        self.experts = Experts.factorise(TrainingBlocks.deal(points, target, rows), hyper)
        self._n_asked = min(n_asked, len(rows) - 1)
        self._centres = self.experts.scaled_inputs.mean(axis=1)

    @property
    @abstractmethod
    def entries_per_point(self) -> int:
        """Size of the largest array that one point needs."""

    @abstractmethod
    def latent(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Latent mean and variance at (n_points, n_features): two (n_points,) arrays."""


class _RandomCommittee(_Committee):
    """Random experts; all of them answer, combined by the robust BCM."""

    @property
    def entries_per_point(self) -> int:
        return int(self.rows.size)

    def latent(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        hyper = self.experts.hyper
        mean, variance = self.experts.latent_of_all(points / hyper.length_scale)
        return robust_bcm(mean, variance, hyper.signal_std**2)


class _LocalCommittee(_Committee):
    """Overlapping neighbourhoods; the nearest few answer, blended smoothly."""

    @property
    def entries_per_point(self) -> int:
        return int(self._n_asked * self.rows.shape[1] ** 2)

    def latent(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        scaled = points / self.experts.hyper.length_scale
        distance = cdist(scaled, self._centres)
        chosen = _smallest(distance, self._n_asked + 1)
        mean, variance = self.experts.latent_of(scaled, chosen[:, :-1])
        return blended(mean, variance, np.take_along_axis(distance, chosen, axis=1))


@dataclass(frozen=True)
class _Fitted:
    """What `fit` leaves behind: the data, their frame, and one committee per target."""

    dataset: Dataset
    frame: _Frame
    committees: tuple[_Committee, ...]

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        frame: _Frame,
        learned: list[tuple[Hyperparameters, IntArray]],
        options: DgpOptions,
    ) -> _Fitted:
        committee = _RandomCommittee if options.mode == "paper" else _LocalCommittee
        points, targets = frame.points(dataset.inputs), frame.targets(dataset.targets)
        return cls(
            dataset,
            frame,
            tuple(
                committee(points, target, hyper, rows, options.n_nearest)
                for target, (hyper, rows) in zip(targets.T, learned, strict=True)
            ),
        )


def _smallest(values: FloatArray, count: int) -> IntArray:
    """Columns of the ``count`` smallest entries of each row, ascending."""
    chosen = np.argpartition(values, count - 1, axis=1)[:, :count]
    order = np.argsort(np.take_along_axis(values, chosen, axis=1), axis=1)
    return np.take_along_axis(chosen, order, axis=1)


def _chunks(n_points: int, entries_per_point: int) -> Iterator[slice]:
    size = max(1, _CHUNK_ENTRIES // entries_per_point)
    return (slice(start, start + size) for start in range(0, n_points, size))
