"""Ask experts at many points at once, expert by expert: a point never depends on its batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.surrogates.dgp.committee import COMBINATIONS, blend_weights, blended
from fitplugin.surrogates.dgp.experts import Experts

# bounds the memory of a batch: doubles in the arrays of one chunk, 32 MB
_CHUNK_ENTRIES = 4_000_000
# pairs of an expert and a point whose covariances stay near the processor, 1 MB of them
_PAIRS = 1024


class Latent(NamedTuple):
    """Combined latent moments of a batch, and where they come from.

    Attributes
    ----------
    mean : (n_points, n_targets) array
    variance : (n_points, n_factors) array
    scatter : (n_points, n_targets) array
        Factor on the variance of an observation, 1 where errors need none.
    remoteness : (n_points,) array
        Distance to the nearest expert's centre, in twice its radius; 0 where experts have
        no place of their own.
    """

    mean: FloatArray
    variance: FloatArray
    scatter: FloatArray
    remoteness: FloatArray


class Committee(ABC):
    """Experts of targets that share a kernel, and how their predictions are combined.

    Parameters
    ----------
    experts : Experts
    scatter : (n_targets, n_experts) array
        Factor on the variance of an observation, as each expert knows it.
    """

    def __init__(self, experts: Experts, scatter: FloatArray) -> None:
        self.experts = experts
        self.scatter = scatter

    def latent(self, points: FloatArray) -> Latent:
        """Ask at (n_points, n_features) standardised points."""
        scaled = points / self.experts.hyper.length_scale
        step = max(1, _CHUNK_ENTRIES // self._entries_per_point)
        parts = [self._latent(scaled[i : i + step]) for i in range(0, len(scaled), step)]
        if len(parts) == 1:
            return parts[0]
        return Latent(*map(np.concatenate, zip(*parts, strict=True)))

    @property
    @abstractmethod
    def _entries_per_point(self) -> int: ...

    @abstractmethod
    def _latent(self, scaled: FloatArray) -> Latent: ...


class WholeCommittee(Committee):
    """Every expert answers; a rule of `committee.COMBINATIONS` combines them."""

    def __init__(self, experts: Experts, scatter: FloatArray, combination: str) -> None:
        super().__init__(experts, scatter)
        self._combine = COMBINATIONS[combination]

    @property
    def _entries_per_point(self) -> int:
        _, n_experts, height, _ = self.experts.solve.shape
        return int(n_experts * height)

    def _latent(self, scaled: FloatArray) -> Latent:
        # (n_columns, 1, n_experts, n_points) to (n_points, n_experts, n_columns), and to one
        # order in memory: that of a sum, and so its last digit, follows it
        answers = self.experts.latent_of_all(scaled[np.newaxis, np.newaxis])
        mean, variance = (np.ascontiguousarray(a[:, 0].transpose(2, 1, 0)) for a in answers)
        variance = np.ascontiguousarray(np.broadcast_to(variance, mean.shape))
        prior = self.experts.hyper.signal_std**2
        mean, variance = self._combine(mean, variance, prior)
        return Latent(mean, variance, np.ones_like(mean), np.zeros(len(scaled)))


class LocalCommittee(Committee):
    """The nearest few experts answer and are blended smoothly."""

    def __init__(self, experts: Experts, scatter: FloatArray, n_nearest: int) -> None:
        super().__init__(experts, scatter)
        self._n_nearest = min(n_nearest, len(experts.centres) - 1)
        self._tree = cKDTree(experts.centres)
        self._diameter = 2.0 * experts.radius
        self._scatter_of = np.ascontiguousarray(scatter.T)

    @property
    def _entries_per_point(self) -> int:
        n_factors, _, height, size = self.experts.solve.shape
        n_columns = n_factors * (height - size + 1) + self.experts.inputs.shape[2]
        return int(4 * self._n_nearest * n_columns)

    def _latent(self, scaled: FloatArray) -> Latent:
        n_asked = self._n_nearest
        distance, nearest = self._tree.query(scaled, k=n_asked + 1)
        chosen = nearest[:, :n_asked]
        mean, variance = (a.reshape(*chosen.shape, -1) for a in self._answers(chosen, scaled))
        weight = blend_weights(distance)
        mean, variance = blended(mean, variance, weight)
        scatter = (weight[..., np.newaxis] * self._scatter_of[chosen]).sum(axis=1)
        remoteness = distance[:, 0] / self._diameter[nearest[:, 0]]
        return Latent(mean, variance, scatter, remoteness)

    def _answers(self, chosen: IntArray, scaled: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Moments (n_pairs, n_targets) and (n_pairs, n_factors) of each point's experts."""
        n_factors, _, height, size = self.experts.solve.shape
        expert = chosen.ravel()
        mean = np.empty((len(expert), n_factors * (height - size)))
        variance = np.empty((len(expert), n_factors))
        order = np.argsort(expert, kind="stable")
        for start in range(0, len(order), _PAIRS):
            pairs = order[start : start + _PAIRS]
            asked = scaled[pairs // self._n_nearest][:, np.newaxis]
            means, variances = self.experts.latent(expert[pairs], asked)
            mean[pairs], variance[pairs] = means[..., 0].T, variances[..., 0].T
        return mean, variance
