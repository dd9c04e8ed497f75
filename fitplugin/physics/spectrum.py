"""Particle spectra at parameter points, learned from a table of a spectrum program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from pydantic import BaseModel, Field

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.data.tables import Table, read_table
from fitplugin.errors import InputError
from fitplugin.options import Options
from fitplugin.plugins import component
from fitplugin.surrogates import Dataset, Surrogate

_NATURAL_SUSY_FEATURES = (
    "mu", "abs(mu)", "sign(mu)", "tan_beta", "1/tan_beta", "M3", "mQ3", "mtR", "At"
)  # fmt: skip


class Spectrum(NamedTuple):
    """Masses and validity of a batch of points.

    ``mass`` and ``error`` map names such as ``m_higgs`` to (n_points,) arrays in GeV, unsigned;
    they are finite also where ``valid`` is False, as far as the calculator can say something.
    """

    mass: Mapping[str, FloatArray]
    error: Mapping[str, FloatArray]
    valid: BoolArray
    probability: FloatArray


class SpectrumCalculator(Protocol):
    """From parameters to a spectrum: a plugin of the group ``fitplugin.spectra``."""

    Options: ClassVar[type[BaseModel]]
    citations: ClassVar[tuple[str, ...]]

    @property
    def trained(self) -> Mapping[str, tuple[float, float]]:
        """Inputs in order, each with the range that the calculator can answer."""

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of the masses it gives."""

    def spectrum(self, parameters: FloatArray) -> Spectrum:
        """Compute (n_points, n_inputs) points, columns in the order of `trained`."""


class Trainer(Protocol):
    """Gives the fitted surrogate of a dataset, from a cache where it can."""

    def __call__(self, name: str, dataset: Dataset, surrogate: Any) -> Surrogate:
        """Return the surrogate of a dataset under a name."""


class LearnedSpectrumOptions(Options):
    """Options of the learned spectrum."""

    dataset: str = Field("natural_susy/spectra", description="Table of spectra.")
    quantities: tuple[str, ...] = Field(
        ("m_higgs", "m_chargino1", "m_stop1", "m_stop2", "m_sbottom1", "m_neutralino1"),
        min_length=1,
        description="Mass columns to learn.",
    )
    surrogate: component("fitplugin.surrogates") = Field(  # type: ignore[valid-type]
        {"kind": "dgp", "mode": "local", "features": _NATURAL_SUSY_FEATURES},
        validate_default=True,
        description="What learns the masses, on valid points.",
    )
    validity: component("fitplugin.surrogates") = Field(  # type: ignore[valid-type]
        {"kind": "dgp", "mode": "local", "features": _NATURAL_SUSY_FEATURES, "overlap": 2.0},
        validate_default=True,
        description="What learns whether a point has a spectrum, as a regression of 0 and 1.",
    )
    threshold: float = Field(
        0.5, gt=0, lt=1, description="Probability above which a point counts as valid."
    )


class LearnedSpectrum:
    """Masses and validity learned from a table of a spectrum program."""

    Options: ClassVar[type[BaseModel]] = LearnedSpectrumOptions
    citations: ClassVar[tuple[str, ...]] = (
        "W. Porod, SPheno, arXiv:hep-ph/0301101",
        "W. Porod and F. Staub, SPheno 3.1, arXiv:1104.1573",
    )

    def __init__(self, masses: Surrogate, validity: Surrogate, threshold: float) -> None:
        self._masses = masses
        self._validity = validity
        self._threshold = threshold

    @classmethod
    def build(
        cls, options: LearnedSpectrumOptions, train: Trainer, folder: Path | None = None
    ) -> LearnedSpectrum:
        """Train, or take from the cache, what the options ask for."""
        table = read_table(options.dataset, folder)
        return cls(
            train("spectrum", mass_dataset(table, options.quantities), options.surrogate),
            train("validity", validity_dataset(table), options.validity),
            options.threshold,
        )

    @property
    def trained(self) -> Mapping[str, tuple[float, float]]:
        """Inputs in order, each with its training range."""
        ranges = self._masses.ranges
        return {
            name: (float(low), float(high))
            for name, (low, high) in zip(self._masses.input_names, ranges, strict=True)
        }

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of the masses it gives."""
        return self._masses.target_names

    def spectrum(self, parameters: FloatArray) -> Spectrum:
        """Predict masses [GeV], their errors, and validity at (n_points, n_inputs) points."""
        mean, std = self._masses.predict(parameters)
        # a regression of 0 and 1 overshoots at the edges of the valid region
        probability = np.clip(self._validity.predict(parameters).mean[:, 0], 0.0, 1.0)
        return Spectrum(
            dict(zip(self.quantities, mean.T, strict=True)),
            dict(zip(self.quantities, std.T, strict=True)),
            probability > self._threshold,
            probability,
        )


def input_box(table: Table) -> tuple[tuple[str, ...], FloatArray]:
    """Names and (n_inputs, 2) ranges of a table's inputs, from its card.

    Raises
    ------
    InputError
        If the table has no card that names them.
    """
    try:
        inputs = table.card["inputs"]
        return tuple(inputs), np.array([entry["range"] for entry in inputs.values()], dtype=float)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            table.name,
            "has no card beside it (same name, .json) with inputs: {name: {range: [low, high]}}",
        ) from error


def mass_dataset(table: Table, quantities: tuple[str, ...]) -> Dataset:
    """Valid points of a table of spectra; signed masses lose their sign."""
    names, ranges = input_box(table)
    valid = table.numbers(["valid"])[:, 0] == 1
    masses = np.abs(table.numbers(quantities)[valid])
    return Dataset(table.numbers(names)[valid], masses, names, quantities, ranges)


def validity_dataset(table: Table) -> Dataset:
    """All points of a table of spectra with target 1 where valid, else 0."""
    names, ranges = input_box(table)
    return Dataset(table.numbers(names), table.numbers(["valid"]), names, ("valid",), ranges)
