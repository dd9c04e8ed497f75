"""Particle spectra at parameter points, learned from a table of a spectrum program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, Field, field_validator

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.components import component
from fitplugin.data.tables import Table, read_table
from fitplugin.options import Options
from fitplugin.physics.derived import Derived, baselines_for, named_inputs, pick
from fitplugin.physics.spectrum import Spectrum
from fitplugin.physics.spectrum_table import baseline_of, input_box, spectrum_dataset, valid_rows
from fitplugin.surrogates import Surrogate
from fitplugin.surrogates.trainer import Trainer

INPUTS = (
    "abs_mu", "sign_mu", "tan_beta", "inverse_tan_beta", "M3", "mQ3", "mtR", "At",
    "leading_m_stop1", "leading_m_stop2", "leading_mixing",
)  # fmt: skip
"""What masses of natural supersymmetry are well learned from."""
ALL_INPUTS = (
    *INPUTS, "leading_m_sbottom1", "leading_m_higgs", "leading_m_left", "leading_m_right",
    "leading_log_scale",
)  # fmt: skip
"""What its branching fractions and its validity are."""


class LearnedSpectrumOptions(Options):
    """Options of the learned spectrum."""

    dataset: str = Field("natural_susy/spectra", description="Table of spectra.")
    quantities: tuple[str, ...] = Field(
        ("m_higgs", "m_chargino1", "m_stop1", "m_stop2", "m_sbottom1", "m_neutralino1"),
        min_length=1,
        description="Mass columns to learn.",
    )
    inputs: tuple[str, ...] = Field(
        INPUTS,
        description="What the masses are learned from: parameters, abs_mu, sign_mu, "
        "inverse_tan_beta, leading-order masses; pmssm: all that its 19 parameters give.",
    )
    surrogate: component("fitplugin.surrogates") = Field(  # type: ignore[valid-type]
        {"kind": "dgp", "kernel": "own", "scatter": "network", "overlap": 6},
        validate_default=True,
        description="What learns the masses, on valid points.",
    )
    branching_inputs: tuple[str, ...] = Field(
        ALL_INPUTS, description="What the branching fractions are learned from."
    )
    branching: component("fitplugin.surrogates") = Field(  # type: ignore[valid-type]
        {"kind": "network", "hidden": (64, 64), "epochs": 30},
        validate_default=True,
        description="What learns the branching fractions, where efficiencies need them.",
    )
    validity_inputs: tuple[str, ...] = Field(
        ALL_INPUTS, description="What the validity is learned from."
    )
    validity: component("fitplugin.surrogates") = Field(  # type: ignore[valid-type]
        {"kind": "network", "hidden": (32, 32), "epochs": 15, "batch_size": 400},
        validate_default=True,
        description="What learns whether a point has a spectrum.",
    )
    threshold: float = Field(
        0.5, gt=0, lt=1, description="Probability above which a point counts as valid."
    )

    @field_validator("inputs", "branching_inputs", "validity_inputs", mode="before")
    @classmethod
    def _spelt_out(cls, value: Any) -> Any:
        return named_inputs(value)


class LearnedSpectrum:
    """Masses, branching fractions and validity learned from a table of a spectrum program."""

    Options: ClassVar[type[BaseModel]] = LearnedSpectrumOptions
    citations: ClassVar[tuple[str, ...]] = (
        "W. Porod, SPheno, arXiv:hep-ph/0301101",
        "W. Porod and F. Staub, SPheno 3.1, arXiv:1104.1573",
    )

    def __init__(
        self,
        trained: Mapping[str, tuple[float, float]],
        masses: _Learned,
        branching: _Learned | None,
        validity: _Learned,
        threshold: float,
    ) -> None:
        self._trained = trained
        self._masses = masses
        self._branching = branching
        self._validity = validity
        self._threshold = threshold
        parts = [part for part in (masses, branching, validity) if part is not None]
        # once for all of them
        names = dict.fromkeys(name for part in parts for name in part.needs)
        self._derived = Derived(tuple(names), tuple(trained))

    @classmethod
    def build(
        cls,
        options: LearnedSpectrumOptions,
        train: Trainer,
        folder: Path | None = None,
        branching: Sequence[str] = (),
    ) -> LearnedSpectrum:
        """Train, or take from the cache, what the options ask for.

        ``branching`` names the branching fractions that the rest of the chain needs.
        """
        table = read_table(options.dataset, folder)
        parameters, ranges = input_box(table)
        fractions = None
        if branching:
            fractions = _learn(
                "branching", table, valid_rows(table), branching,
                options.branching_inputs, options.branching, train,
            )  # fmt: skip
        return cls(
            {name: (low, high) for name, (low, high) in zip(parameters, ranges, strict=True)},
            _learn("spectrum", table, valid_rows(table), options.quantities,
                   options.inputs, options.surrogate, train),
            fractions,
            _learn("validity", table, np.arange(len(table.columns["valid"])), ("valid",),
                   options.validity_inputs, options.validity, train),
            options.threshold,
        )  # fmt: skip

    @property
    def trained(self) -> Mapping[str, tuple[float, float]]:
        """Inputs in order, each with its training range."""
        return self._trained

    @property
    def masses(self) -> tuple[str, ...]:
        """Names of the masses it gives."""
        return self._masses.surrogate.target_names

    @property
    def branching(self) -> tuple[str, ...]:
        """Names of the branching fractions it gives."""
        return self._branching.surrogate.target_names if self._branching else ()

    def spectrum(self, parameters: FloatArray) -> Spectrum:
        """Predict masses [GeV], their errors, and validity at (n_points, n_inputs) points."""
        columns = self._derived.columns(parameters)
        probability = self._probability(columns)
        mean, std, remoteness = self._masses.examine(columns)
        fractions: Mapping[str, FloatArray] = {}
        if self._branching is not None:
            # a learned fraction may overshoot its ends by its error
            found = np.clip(self._branching.examine(columns)[0], 0.0, 1.0)
            fractions = dict(zip(self.branching, found.T, strict=True))
        return Spectrum(
            dict(zip(self.masses, mean.T, strict=True)),
            dict(zip(self.masses, std.T, strict=True)),
            fractions,
            probability > self._threshold,
            probability,
            remoteness,
        )

    def exists(self, parameters: FloatArray) -> BoolArray:
        """Where `spectrum` finds points valid, (n_points,): the validity and nothing else."""
        return self._probability(self._derived.columns(parameters)) > self._threshold

    def _probability(self, columns: Mapping[str, FloatArray]) -> FloatArray:
        # a regression of 0 and 1 overshoots at the edges of the valid region
        return np.clip(self._validity.examine(columns)[0][:, 0], 0.0, 1.0)


class _Learned:
    """A surrogate of derived inputs, with the baselines of its targets put back."""

    def __init__(self, surrogate: Surrogate, baselines: Mapping[str, str]) -> None:
        self.surrogate = surrogate
        self._baselines = baselines

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the derived quantities that it reads."""
        return (*self.surrogate.input_names, *self._baselines.values())

    def examine(
        self, columns: Mapping[str, FloatArray]
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Mean and error of every target, and the remoteness of the points."""
        mean, std, remoteness = self.surrogate.examine(pick(columns, self.surrogate.input_names))
        if self._baselines:
            mean = mean + baseline_of(columns, self._baselines, self.surrogate.target_names)
        return mean, std, remoteness


def _learn(
    name: str,
    table: Table,
    rows: np.ndarray,
    targets: Sequence[str],
    inputs: Sequence[str],
    surrogate: Any,
    train: Trainer,
) -> _Learned:
    names, _ = input_box(table)
    baselines = baselines_for(targets, names)
    dataset = spectrum_dataset(table, rows, targets, inputs, baselines)
    return _Learned(train(name, dataset, surrogate), baselines)
