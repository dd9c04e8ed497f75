"""What a distributed Gaussian process learns from standardised points: trend, kernels, experts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.surrogates.dgp.blocks import Training
from fitplugin.surrogates.dgp.groups import (
    Group,
    columns_of_groups,
    find_hyperparameters,
    learn_group,
    squared_pulls,
)
from fitplugin.surrogates.dgp.options import DgpOptions
from fitplugin.surrogates.dgp.scatter import train_scatter
from fitplugin.surrogates.networks.dense import DenseNetwork
from fitplugin.surrogates.networks.dense_training import train_network
from fitplugin.surrogates.scaling import Standardiser


@dataclass(frozen=True)
class Learned:
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


def learn(
    training: Training, rows: IntArray, options: DgpOptions, rng: np.random.Generator
) -> Learned:
    """Learn trend, kernels and experts from the given rows alone."""
    part = training.take(rows)
    n_targets = training.targets.shape[1]
    trend, residual = None, Standardiser(np.zeros(1), np.ones(1))
    if options.trend is not None:
        trend = train_network(part.points, part.targets, options.trend, rng)
        residual = Standardiser(
            np.zeros(n_targets), np.std(part.targets - trend(part.points), axis=0)
        )
    learned = Learned(trend, residual, factor=np.ones(n_targets))
    left = learned.residuals(part)
    groups = []
    for columns in columns_of_groups(n_targets, options):
        own = left.only(columns)
        hyper = find_hyperparameters(own, options, rng)
        groups.append(learn_group(own, columns, hyper, options, rng))
    scatter = None
    if options.scatter == "network":
        pulls = np.concatenate([squared_pulls(left.only(g.columns), g) for g in groups], axis=1)
        known = np.isfinite(pulls).all(axis=1)
        scatter = train_scatter(left.points[known], pulls[known], rng)
    return replace(learned, groups=tuple(groups), scatter=scatter)


def deal(
    training: Training, learned: Learned, options: DgpOptions, rng: np.random.Generator
) -> Learned:
    """Deal all points to experts whose kernels are known."""
    left = learned.residuals(training)
    groups = tuple(
        learn_group(left.only(group.columns), group.columns, group.hyper, options, rng)
        for group in learned.groups
    )
    return replace(learned, groups=groups)
