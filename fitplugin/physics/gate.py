"""A learned validity that decides before an expensive spectrum program is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, Field, field_validator, model_validator

from fitplugin.arrays import BoolArray, FloatArray, scattered
from fitplugin.components import component
from fitplugin.data.tables import read_table
from fitplugin.errors import InputError
from fitplugin.options import Options
from fitplugin.physics.derived import Derived, named_inputs
from fitplugin.physics.spectrum import Spectrum, SpectrumCalculator
from fitplugin.physics.spectrum_table import input_box, spectrum_dataset
from fitplugin.stats.classification import is_binary
from fitplugin.stats.decisions import Decision, Mistakes
from fitplugin.surrogates import Dataset, Surrogate
from fitplugin.surrogates.model_file import ModelPath
from fitplugin.surrogates.trainer import Trainer

_SPLIT_SEED = 1  # of the rows that judge a gate: always the same


class GateOptions(Options):
    """A stored classifier, or a table to learn one from, and how it decides."""

    model: ModelPath | None = Field(
        None, description="A stored model (.npz) of a target of 0 and 1."
    )
    dataset: str | None = Field(
        None,
        description="Table of spectra with the target; learned, or, beside a model, what the model "
        "is judged by.",
    )
    target: str = Field("valid", description="Column or target of 0 and 1.")
    inputs: tuple[str, ...] | None = Field(
        None, min_length=1, description="What is learned from; default: the table's parameters."
    )
    surrogate: component("fitplugin.surrogates") = Field(  # type: ignore[valid-type]
        {"kind": "bnn"}, validate_default=True, description="What learns the table."
    )
    threshold: str = Field(
        "mean + 3 sd",
        description="A point is asked for where this is above `cut`: mean, mean + K sd or "
        "mean - K sd.",
    )
    cut: float = Field(0.5, gt=0, lt=1)
    held_out: float = Field(
        0.1, gt=0, lt=0.5, description="Share of the table that judges what the rest teaches."
    )

    @field_validator("inputs", mode="before")
    @classmethod
    def _spelt_out(cls, value: Any) -> Any:
        return named_inputs(value)

    @field_validator("threshold")
    @classmethod
    def _is_decision(cls, value: str) -> str:
        try:
            Decision.parse(value)
        except InputError as error:
            raise ValueError(error.what) from error
        return value

    @model_validator(mode="after")
    def _has_source(self) -> GateOptions:
        if self.model is None and self.dataset is None:
            raise ValueError("give a 'model', a stored classifier, or a 'dataset' to learn one")
        return self

    @property
    def decision(self) -> Decision:
        """How mean and error become yes or no."""
        return Decision.parse(self.threshold, self.cut)


class Gate:
    """Says which points are worth asking for.

    Parameters
    ----------
    surrogate : Surrogate
        Of one target of 0 and 1, from parameters or quantities derived from them.
    parameters : sequence of str
        What points have, in the order of their columns.
    options : GateOptions
    judges : Dataset or None
        Points that the surrogate has not seen.
    known : mapping
        Mistakes at decisions that were counted when a stored model was trained.
    digest : str
        SHA-256 of a stored model.
    """

    Options: ClassVar[type[BaseModel]] = GateOptions

    def __init__(
        self,
        surrogate: Surrogate,
        parameters: tuple[str, ...],
        options: GateOptions,
        judges: Dataset | None = None,
        known: Mapping[str, Any] | None = None,
        digest: str = "",
    ) -> None:
        if len(surrogate.target_names) != 1:
            raise InputError("model", f"has {len(surrogate.target_names)} targets; one is asked")
        self.options = options
        self.digest = digest
        self._surrogate = surrogate
        self._derived = Derived(surrogate.input_names, parameters)
        self._judges = judges
        self._known = known or {}

    @classmethod
    def build(
        cls, options: GateOptions, parameters: tuple[str, ...], train: Trainer, folder: Path
    ) -> Gate:
        """Read the stored model, or ask ``train`` for one of the table.

        Raises
        ------
        InputError
            If model or table cannot be read, need other parameters, or have no such classes.
        """
        if options.model is None:
            dataset = _table_of(options, folder)
            n_held_out = max(1, round(options.held_out * dataset.n_points))
            split = dataset.split(n_held_out, np.random.default_rng(_SPLIT_SEED))
            return cls(train("gate", split[0], options.surrogate), parameters, options, split[1])
        stored = options.model.inspect(folder)
        judges = None
        if options.dataset is not None:
            judges = _table_of(
                options.model_copy(update={"inputs": stored.model.input_names}), folder
            )
        return cls(
            stored.model, parameters, options, judges, stored.card.calibration, stored.sha256
        )

    @property
    def trained(self) -> Mapping[str, tuple[float, float]]:
        """Inputs with the box in which they were learned."""
        names, ranges = self._surrogate.input_names, self._surrogate.ranges
        return {n: (float(low), float(high)) for n, (low, high) in zip(names, ranges, strict=True)}

    def passes(self, parameters: FloatArray) -> tuple[BoolArray, FloatArray]:
        """Whether to ask for each of (n_points, n_parameters), and the probability it is valid.

        Where the gate was not trained it stops no point: what it says there is worth nothing, and
        a point that it loses nobody finds again.
        """
        mean, std, remoteness = self._surrogate.examine(self._derived(parameters))
        said = self.options.decision.says(mean[:, 0], std[:, 0])
        return said | (remoteness > 1), np.clip(mean[:, 0], 0.0, 1.0)

    def mistakes(self) -> Mistakes | None:
        """Count mistakes on points that were not seen; None where there is no such count."""
        if self._judges is not None:
            mean, std = self._surrogate.predict(self._judges.inputs)
            truth = self._judges.targets[:, 0]
            return self.options.decision.judge(mean[:, 0], std[:, 0], truth)
        counted = self._known.get(self.options.decision.text)
        if self.options.cut != Decision().cut or not isinstance(counted, Mapping):
            return None
        return Mistakes(**counted)


class GatedSpectrum:
    """A spectrum calculator behind a gate: it is asked only for points that pass.

    The others have no spectrum: masses and fractions are NaN, ``probability`` is the gate's.
    """

    def __init__(self, calculator: SpectrumCalculator, gate: Gate) -> None:
        self.gate = gate
        self._calculator = calculator

    @property
    def trained(self) -> Mapping[str, tuple[float, float]]:
        """Inputs of the calculator, in order, each with the range that it can answer."""
        return self._calculator.trained

    @property
    def masses(self) -> tuple[str, ...]:
        """Names of the masses it gives."""
        return self._calculator.masses

    @property
    def branching(self) -> tuple[str, ...]:
        """Names of the branching fractions it gives."""
        return self._calculator.branching

    def exists(self, parameters: FloatArray) -> BoolArray:
        """Where there may be a spectrum, (n_points,)."""
        passed, _ = self.gate.passes(parameters)
        tell = getattr(self._calculator, "exists", None)
        if tell is not None and passed.any():
            passed[passed] = tell(parameters[passed])
        return passed

    def spectrum(self, parameters: FloatArray) -> Spectrum:
        """Ask the calculator at the (n_points, n_inputs) points that pass."""
        passed, probability = self.gate.passes(parameters)
        if passed.all():
            return self._calculator.spectrum(parameters)
        nothing = np.full(len(parameters), np.nan)
        if not passed.any():
            return Spectrum(
                dict.fromkeys(self.masses, nothing), dict.fromkeys(self.masses, nothing),
                dict.fromkeys(self.branching, nothing), passed, probability, np.zeros(len(passed)),
            )  # fmt: skip
        found = self._calculator.spectrum(parameters[passed])
        mass, error, branching = (
            {name: scattered(column, passed) for name, column in columns.items()}
            for columns in (found.mass, found.error, found.branching)
        )
        probability[passed] = found.probability
        return Spectrum(
            mass, error, branching, scattered(found.valid, passed, False), probability,
            scattered(found.remoteness, passed, 0.0),
        )  # fmt: skip


def _table_of(options: GateOptions, folder: Path) -> Dataset:
    assert options.dataset is not None
    table = read_table(options.dataset, folder)
    parameters, box = input_box(table)
    target = table.numbers([options.target])
    if not is_binary(target):
        raise InputError(f"{table.name}: {options.target}", "is not 0 or 1 everywhere: no class")
    inputs = options.inputs or parameters
    dataset = spectrum_dataset(table, np.arange(len(target)), [options.target], inputs)
    # of parameters the range in which they were drawn, of what is derived the extremes
    drawn = dict(zip(parameters, box, strict=True))
    ranges = [drawn.get(name, found) for name, found in zip(inputs, dataset.ranges, strict=True)]
    return replace(dataset, ranges=np.array(ranges))
