"""Distributed Gaussian process: a partition of the training points, experts, a committee."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel

from fitplugin.arrays import FloatArray, IntArray, as_points
from fitplugin.surrogates.base import Examined
from fitplugin.surrogates.dataset import Dataset
from fitplugin.surrogates.dgp.blocks import Training
from fitplugin.surrogates.dgp.fitted import Fitted, frame_of, standardised
from fitplugin.surrogates.dgp.learned import deal, learn
from fitplugin.surrogates.dgp.options import DgpOptions
from fitplugin.surrogates.framed import FramedSurrogate
from fitplugin.surrogates.kernels import Hyperparameters
from fitplugin.surrogates.recalibration import fit_factor
from fitplugin.surrogates.transforms import backward


class DistributedGP(FramedSurrogate[DgpOptions, Fitted]):
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
        frame = frame_of(dataset, options)
        training = standardised(dataset, frame, options)
        if not aside:
            learned = learn(training, np.arange(dataset.n_points), options, rng)
            return DistributedGP(options, Fitted.of(dataset, frame, learned, options))
        order = rng.permutation(dataset.n_points)
        kept, used = np.sort(order[:aside]), np.sort(order[aside:])
        learned = learn(training, used, options, rng)
        trial = Fitted.of(dataset.take(used), frame, learned, options)
        found = trial.observed(frame.points(dataset.inputs[kept]))
        factor = fit_factor(
            found[0], found[1], training.targets[kept], _known_error(training, kept),
            options.calibration,
        )  # fmt: skip
        # with trend, kernel, scatter and factor decided, the experts may know all points
        learned = replace(deal(training, learned, options, rng), factor=factor)
        return DistributedGP(options, Fitted.of(dataset, frame, learned, options))

    def check(self, dataset: Dataset) -> None:
        """Refuse what cannot be learned, before anything is.

        Raises
        ------
        InputError
            If rows repeat, a feature is unknown,
            a column is constant, or noise or transform do not fit the targets.
        """
        dataset.require_distinct_rows()
        frame_of(dataset, self.options)

    def _n_aside(self, dataset: Dataset) -> int:
        if self.options.calibration == "none":
            return 0
        return round(self.options.calibration_share * dataset.n_points)

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
        targets = fitted.frame.targets
        std = std * fitted.learned.factor * targets.scale
        mean, std = backward(targets.restore(mean), std, self.options.transform)
        return Examined(mean, std, np.maximum(remoteness, self.schema.remoteness(raw)))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return training points, hyper-parameters, partitions and trend as plain arrays."""
        return self._fitted.to_arrays()

    @classmethod
    def from_arrays(cls, options: DgpOptions, arrays: Mapping[str, np.ndarray]) -> DistributedGP:
        """Rebuild a fitted process; the factorisations are done again, not stored."""
        return cls(options, Fitted.from_arrays(options, arrays))


def _known_error(training: Training, rows: IntArray) -> FloatArray | None:
    return np.sqrt(training.noise_variance[rows]) if training.noise_variance.any() else None
