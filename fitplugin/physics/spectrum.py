"""What a spectrum is, and what every calculator of spectra must do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from pydantic import BaseModel

from fitplugin.arrays import BoolArray, FloatArray


class Spectrum(NamedTuple):
    """Masses, branching fractions and validity of a batch of points.

    ``mass`` and ``error`` map names such as ``m_higgs`` to (n_points,) arrays in GeV, unsigned;
    ``branching`` maps names such as ``br_stop1_top`` to fractions. They are finite also where
    ``valid`` is False, as far as the calculator can say something. ``probability`` (n_points,)
    is that of a point to be valid; ``remoteness`` (n_points,) is above 1 where the calculator
    extrapolates.
    """

    mass: Mapping[str, FloatArray]
    error: Mapping[str, FloatArray]
    branching: Mapping[str, FloatArray]
    valid: BoolArray
    probability: FloatArray
    remoteness: FloatArray

    @property
    def answered(self) -> BoolArray:
        """Where the calculator has said something, (n_points,)."""
        masses = np.reshape([*self.mass.values()], (len(self.mass), len(self.valid)))
        return np.asarray(np.isfinite(masses).all(axis=0))

    def take(self, rows: BoolArray) -> Spectrum:
        """Return the points where ``rows`` is True."""
        mass, error, branching = (
            {name: column[rows] for name, column in columns.items()}
            for columns in (self.mass, self.error, self.branching)
        )
        valid, probability = self.valid[rows], self.probability[rows]
        return Spectrum(mass, error, branching, valid, probability, self.remoteness[rows])


class SpectrumCalculator(Protocol):
    """From parameters to a spectrum: a plugin of the group ``fitplugin.spectra``."""

    Options: ClassVar[type[BaseModel]]
    citations: ClassVar[tuple[str, ...]]

    @property
    def trained(self) -> Mapping[str, tuple[float, float]]:
        """Inputs in order, each with the range that the calculator can answer."""

    @property
    def masses(self) -> tuple[str, ...]:
        """Names of the masses it gives."""

    @property
    def branching(self) -> tuple[str, ...]:
        """Names of the branching fractions it gives."""

    def spectrum(self, parameters: FloatArray) -> Spectrum:
        """Compute (n_points, n_inputs) points, columns in the order of `trained`."""

    # A scan makes it by the class method `build(options, train, folder, branching)`: a
    # `surrogates.trainer.Trainer`, where relative paths start, and names of the branching
    # fractions that the scan reads.
    # One that can tell validity for less has besides `exists(parameters) -> (n_points,)`: where
    # `spectrum` finds a point valid. A sampler then asks for nothing more at the others.
