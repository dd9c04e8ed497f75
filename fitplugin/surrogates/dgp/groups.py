"""What a distributed Gaussian process learns from standardised points, group by group."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.surrogates.dgp import partition
from fitplugin.surrogates.dgp.asking import Committee, LocalCommittee, WholeCommittee
from fitplugin.surrogates.dgp.blocks import Training
from fitplugin.surrogates.dgp.evidence import maximise_evidence
from fitplugin.surrogates.dgp.experts import Experts, left_out
from fitplugin.surrogates.dgp.options import DgpOptions
from fitplugin.surrogates.kernels import Hyperparameters

# Student-t scatter: degrees of freedom, rounds of EM, and the largest outlier, in standard
# deviations, that the hyper-parameters are shown
_FREEDOM, _ROUNDS, _WINSOR = 4.0, 3, 4.0


@dataclass(frozen=True)
class Group:
    """Targets that share a kernel: everything that prediction needs besides the points.

    Attributes
    ----------
    columns : (n_targets,) array of the targets' columns
    hyper : Hyperparameters
    rows : (n_experts, size) array
    scatter : (n_targets, n_experts) array
        Factor on the variance of an observation near each expert.
    outlier_weight : (n_points, n_targets) or (0, 0) array
        Factor on the fitted noise variance of each training point, from the robust option.
    """

    columns: IntArray
    hyper: Hyperparameters
    rows: IntArray
    scatter: FloatArray
    outlier_weight: FloatArray

    def committee(self, training: Training, options: DgpOptions) -> Committee:
        """Factorise the experts."""
        training = _weighted(training, self.outlier_weight, self.hyper)
        experts = Experts.factorise(training, self.rows, self.hyper)
        if options.combination == "local":
            return LocalCommittee(experts, self.scatter, options.n_nearest)
        return WholeCommittee(experts, self.scatter, options.combination)


def columns_of_groups(n_targets: int, options: DgpOptions) -> list[IntArray]:
    """Columns that share a kernel: all of them, or one at a time."""
    together = np.arange(n_targets)
    return [together] if options.kernel == "shared" else np.split(together, n_targets)


def find_hyperparameters(
    training: Training, options: DgpOptions, rng: np.random.Generator
) -> Hyperparameters:
    """Maximise the evidence of the experts, or of a few compact blocks where experts overlap."""
    if options.robust:
        training = replace(training, targets=np.clip(training.targets, -_WINSOR, _WINSOR))
    n_blocks = max(1, round(len(training.points) / options.expert_size))
    if options.partition == "neighbourhoods":
        blocks = partition.kdtree_blocks(training.points, n_blocks)
        n_chosen = min(options.n_evidence_experts, n_blocks)
        rows = blocks[np.sort(rng.choice(n_blocks, n_chosen, replace=False))]
    else:
        rows = _blocks(training.points, n_blocks, options, rng)
    return maximise_evidence(training, rows, fit_noise=options.noise != "monte_carlo")


def learn_group(
    training: Training,
    columns: IntArray,
    hyper: Hyperparameters,
    options: DgpOptions,
    rng: np.random.Generator,
) -> Group:
    """Deal the points to experts and learn what they leave unexplained.

    ``training`` holds the targets of this group only.
    """
    # the distances that matter are in length scales, so neighbours are sought there
    scaled = training.points / hyper.length_scale
    size = min(options.expert_size, len(scaled))
    if options.partition == "neighbourhoods":
        n_centres = max(options.n_nearest + 1, round(len(scaled) * options.overlap / size))
        rows = partition.neighbourhoods(scaled, n_centres, size)
    else:
        rows = _blocks(scaled, max(1, round(len(scaled) / size)), options, rng)
        if options.combination == "grbcm" and len(rows) > 1:
            rows = partition.with_common(rows)
    outliers = np.empty((0, 0))
    if options.robust:
        for _ in range(_ROUNDS):
            outliers = _outlier_weight(training, rows, hyper, outliers)
    scatter = np.ones((len(columns), len(rows)))
    if options.scatter == "local":
        pulls = _squared_pulls(training, rows, hyper, outliers)
        is_real = rows >= 0
        scatter = (pulls * is_real).sum(axis=2) / is_real.sum(axis=1)
    return Group(columns, hyper, rows, scatter, outliers)


def squared_pulls(training: Training, group: Group) -> FloatArray:
    """Squared pull of each point when it is left out, mean over the experts that know it.

    (n_points, n_targets); NaN for a point that no expert knows.
    """
    pulls = _squared_pulls(training, group.rows, group.hyper, group.outlier_weight)
    return _mean_by_point(pulls, group.rows, len(training.points))


def _blocks(
    points: FloatArray, n_blocks: int, options: DgpOptions, rng: np.random.Generator
) -> IntArray:
    if options.partition == "kdtree":
        return partition.kdtree_blocks(points, n_blocks)
    if options.partition == "kmeans":
        return partition.kmeans_blocks(points, n_blocks, rng)
    return partition.random_blocks(len(points), n_blocks, rng)


def _weighted(training: Training, outlier_weight: FloatArray, hyper: Hyperparameters) -> Training:
    if not outlier_weight.size:
        return training
    extra = (outlier_weight - 1.0) * hyper.noise_std**2
    return replace(training, noise_variance=training.noise_variance + extra)


def _squared_pulls(
    training: Training, rows: IntArray, hyper: Hyperparameters, outlier_weight: FloatArray
) -> FloatArray:
    """Squared left-out pulls under the common noise, (n_targets, n_experts, size)."""
    residual, variance = left_out(_weighted(training, outlier_weight, hyper), rows, hyper)
    if outlier_weight.size:
        extra = (outlier_weight - 1.0) * hyper.noise_std**2
        variance = variance - np.moveaxis(extra[rows], 2, 0)
    return np.square(residual) / variance


def _outlier_weight(
    training: Training, rows: IntArray, hyper: Hyperparameters, outlier_weight: FloatArray
) -> FloatArray:
    """One step of EM: factors on the noise variance of each point, (n_points, n_targets).

    The weight of a point with pull t is (f + t^2) / (f + 1) for f degrees of freedom; t^2 is the
    mean over the experts that know the point. Source: Lange, Little & Taylor, JASA 84 (1989) 881.
    """
    pulls = _squared_pulls(training, rows, hyper, outlier_weight)
    mean = _mean_by_point(pulls, rows, len(training.points))
    # a point that no expert knows is no outlier to anybody
    return (_FREEDOM + np.where(np.isnan(mean), 1.0, mean)) / (_FREEDOM + 1.0)


def _mean_by_point(values: FloatArray, rows: IntArray, n_points: int) -> FloatArray:
    """Average (n_targets, n_experts, size) values over experts: (n_points, n_targets)."""
    is_real = (rows >= 0).ravel()
    known = rows.ravel()[is_real]
    count = np.bincount(known, minlength=n_points)
    flat = values.reshape(len(values), -1)[:, is_real]
    total = np.stack([np.bincount(known, column, minlength=n_points) for column in flat], axis=1)
    return np.where(count[:, np.newaxis] > 0, total / np.maximum(count, 1)[:, np.newaxis], np.nan)
