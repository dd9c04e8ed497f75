"""Signal-region efficiencies, learned from the parameters or from the produced squarks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.physics import squarks
from fitplugin.physics.spectrum import Spectrum
from fitplugin.stats.gaussian import rectified
from fitplugin.surrogates import Surrogate


class Efficiency(NamedTuple):
    """Efficiency and its error, and how remote from the training points, all (n_points,)."""

    value: FloatArray
    error: FloatArray
    remoteness: FloatArray


class LearnedEfficiency(ABC):
    """The efficiency of one region, from a surrogate, with the physical bounds at zero and one.

    Errors are those of the learned function: Monte Carlo noise that the training points know
    belongs to them. A surrogate that fits its noise instead (the paper's) has it in its error.
    """

    def __init__(self, surrogate: Surrogate) -> None:
        self._surrogate = surrogate

    @abstractmethod
    def __call__(
        self, parameters: FloatArray, spectrum: Spectrum, cross_sections: Mapping[str, FloatArray]
    ) -> Efficiency:
        """Predict a batch.

        Parameters
        ----------
        parameters : (n_points, n_inputs) array
        spectrum : Spectrum
        cross_sections : mapping of process to (n_points,) arrays [fb]
        """

    def _ask(self, inputs: FloatArray) -> Efficiency:
        """Mean and standard deviation of max(efficiency, 0) under the surrogate's Gaussian."""
        mean, std, remoteness = self._surrogate.examine(inputs)
        value, error = rectified(mean[:, 0], std[:, 0])
        # all events pass: a surrogate may overshoot by its error there
        return Efficiency(np.minimum(value, 1.0), error, remoteness)


class PointEfficiency(LearnedEfficiency):
    """Learned from the theory parameters: the mean over processes, as in arXiv:1611.02704."""

    def __call__(
        self, parameters: FloatArray, spectrum: Spectrum, cross_sections: Mapping[str, FloatArray]
    ) -> Efficiency:
        """Predict from the parameters alone."""
        return self._ask(parameters)


class ProcessEfficiency(LearnedEfficiency):
    """Learned from mass and decays of the produced squark, and averaged over processes."""

    def __call__(
        self, parameters: FloatArray, spectrum: Spectrum, cross_sections: Mapping[str, FloatArray]
    ) -> Efficiency:
        """Predict each process and weigh it with its cross-section.

        Errors of different processes are those of one function at different places, taken as
        independent; those of the masses and branching fractions are small beside them.
        """
        names = self._surrogate.input_names
        inputs = [
            squarks.process_inputs(process, spectrum.mass, spectrum.branching, names)
            for process in cross_sections
        ]
        each = self._ask(np.concatenate(inputs))
        value, error, remoteness = (np.reshape(v, (len(inputs), -1)) for v in each)
        sigma = np.stack(list(cross_sections.values()))
        with np.errstate(invalid="ignore"):
            weight = sigma / sigma.sum(axis=0)
        # where a mass has no cross-section the processes count alike
        weight = np.where(np.isfinite(weight), weight, 1.0 / len(inputs))
        return Efficiency(
            (weight * value).sum(axis=0),
            np.sqrt(np.square(weight * error).sum(axis=0)),
            np.where(weight > 0.01, remoteness, 0.0).max(axis=0),
        )
