"""A learned chi2 as a term of the likelihood: many regions in one network (SCYNet)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, Field, field_validator, model_validator

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.components import component
from fitplugin.data.tables import Table, read_table
from fitplugin.errors import InputError, one_of
from fitplugin.options import Options
from fitplugin.physics.features import NAMES
from fitplugin.stats.gaussian import log_mean_exp_half
from fitplugin.surrogates import Dataset, Surrogate
from fitplugin.surrogates.model_file import ModelPath
from fitplugin.surrogates.trainer import Trainer


class LearnedOptions(Options):
    """Where the learned chi2 comes from: a table to be learned, or a stored model."""

    name: str = Field("learned", min_length=1)
    dataset: str | tuple[str, ...] | None = Field(
        None,
        description="Table with the inputs and the target, or several: `fitplugin dataset chi2`.",
    )
    inputs: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="Columns to learn from: parameters or observables of the scan; default: those "
        "that the table's card names. features: the 56 of arXiv:1703.01309.",
    )
    target: str = Field("chi2", description="Column to be learned, or target of the model.")
    within: dict[str, tuple[float, float]] = Field(
        {}, description="Use rows of the table inside these ranges only."
    )
    surrogate: component("fitplugin.surrogates") = Field(  # type: ignore[valid-type]
        {"kind": "deep_network", "transform": {"kind": "sqrt", "offset": 0.1}},
        validate_default=True,
        description="What learns it.",
    )
    model: ModelPath | None = Field(None, description="A stored model (.npz), instead of a table.")
    error: bool = Field(
        True, description="Average the likelihood over the error of chi2; false trusts it blindly."
    )

    @field_validator("inputs", mode="before")
    @classmethod
    def _features(cls, value: Any) -> Any:
        return NAMES if value == "features" else value

    @model_validator(mode="after")
    def _one_source(self) -> LearnedOptions:
        if (self.dataset is None) == (self.model is None):
            raise ValueError("give either 'dataset', a table to learn, or 'model', a stored one")
        return self


class Learned:
    """Learned chi2 of a whole set of analyses: ln L = -chi2/2, averaged over its error.

    Reads the inputs of its surrogate: parameters or observables of the scan. Where they leave the
    training box the error grows with the distance, or the point is refused, or the scan stops, as
    ``out_of_domain`` of the scan says.
    """

    Options: ClassVar[type[BaseModel]] = LearnedOptions
    citations: ClassVar[tuple[str, ...]] = ("P. Bechtle et al., SCYNet, arXiv:1703.01309",)

    def __init__(
        self,
        options: LearnedOptions,
        surrogate: Surrogate,
        error_factor: float = 1.0,
        digest: str = "",
    ) -> None:
        self.options = options
        self.digest = digest
        """SHA-256 of the stored model; empty for one that the scan trains."""
        self._surrogate = surrogate
        self._error_factor = error_factor if options.error else 0.0
        if options.target not in surrogate.target_names:
            problem = one_of(options.target, surrogate.target_names, "a target of the model")
            raise InputError("target", problem)
        self._column = surrogate.target_names.index(options.target)

    @classmethod
    def reads(cls, options: LearnedOptions, folder: Path) -> tuple[str, ...]:
        """Names of what the term will read, known before anything is trained."""
        if options.model is not None:
            return tuple(options.model.card(folder).inputs)
        if options.inputs is not None:
            return options.inputs
        return tuple(tables_of(options, folder)[0].card.get("inputs", {}))

    @classmethod
    def build(
        cls, options: LearnedOptions, train: Trainer, folder: Path, error_factor: float
    ) -> Learned:
        """Read the stored model, or ask ``train`` for one of the table.

        Raises
        ------
        InputError
            If the table or model cannot be read, or has other columns.
        """
        if options.model is not None:
            stored = options.model.inspect(folder)
            return cls(options, stored.model, error_factor, stored.sha256)
        dataset = chi2_dataset(tables_of(options, folder), options)
        surrogate = train(f"likelihood-{options.name}", dataset, options.surrogate)
        return cls(options, surrogate, error_factor)

    @property
    def name(self) -> str:
        """Name of the term."""
        return self.options.name

    @property
    def needs(self) -> tuple[str, ...]:
        """The inputs of the surrogate."""
        return self._surrogate.input_names

    @property
    def trained(self) -> Mapping[str, tuple[float, float]]:
        """Inputs with the box in which they were learned."""
        return {
            name: (float(low), float(high))
            for name, (low, high) in zip(self.needs, self._surrogate.ranges, strict=True)
        }

    def outside(self, observables: Mapping[str, FloatArray]) -> BoolArray:
        """Where the inputs leave the training box, (n_points,)."""
        columns = [
            (observables[name] < low) | (observables[name] > high)
            for name, (low, high) in self.trained.items()
        ]
        return np.asarray(np.any(columns, axis=0))

    def log_likelihood(self, observables: Mapping[str, FloatArray]) -> FloatArray:
        """Ln E[exp(-chi2/2)] over a Gaussian chi2 that is not negative, (n_points,)."""
        inputs = np.stack([observables[name] for name in self.needs], axis=1)
        if not len(inputs):
            return np.zeros(0)
        mean, std, remoteness = self._surrogate.examine(inputs)
        growth = self._error_factor * np.maximum(1.0, remoteness)
        return log_mean_exp_half(mean[:, self._column], growth * std[:, self._column])


def tables_of(options: LearnedOptions, folder: Path | None = None) -> list[Table]:
    """Read the tables that the options name."""
    names = (options.dataset,) if isinstance(options.dataset, str) else options.dataset or ()
    return [read_table(name, folder) for name in names]


def chi2_dataset(tables: Sequence[Table], options: LearnedOptions) -> Dataset:
    """Training set of a learned chi2: the rows of all tables.

    Parameters
    ----------
    tables : sequence of Table
        One row per point: the inputs, the target and, where every table knows it, its standard
        deviation ``TARGET_error``. The card of the first may name ``inputs`` with their ``range``;
        without one the box is that of the extremes.
    options : LearnedOptions

    Raises
    ------
    InputError
        If a column is missing or not a number, the target is negative, or no row is left.
    """
    first = tables[0]
    box: Mapping[str, Any] = first.card.get("inputs", {})
    names = options.inputs or tuple(box)
    if not names:
        raise InputError(
            "inputs", f"name the columns of {first.name} to learn from; it has no card that does"
        )
    error_name = f"{options.target}_error"
    is_known = all(error_name in table.columns for table in tables)
    error = (error_name,) if is_known else ()
    rows = np.concatenate([_rows(table, names, error, options) for table in tables])
    if not len(rows):
        raise InputError("within", f"leaves no row of {', '.join(table.name for table in tables)}")
    inputs = rows[:, : len(names)]
    ranges = np.array([_range(name, box, inputs[:, i]) for i, name in enumerate(names)])
    for i, name in enumerate(names):
        low, high = options.within.get(name, (-np.inf, np.inf))
        ranges[i] = max(ranges[i, 0], low), min(ranges[i, 1], high)
    return Dataset(
        inputs,
        rows[:, len(names) : len(names) + 1],
        tuple(names),
        (options.target,),
        ranges,
        rows[:, len(names) + 1 :] if error else None,
    )


def _rows(
    table: Table, names: tuple[str, ...], error: tuple[str, ...], options: LearnedOptions
) -> FloatArray:
    """Inputs, target and error of the rows inside the ranges that are asked for."""
    values = table.numbers([*names, options.target, *error])
    kept = np.ones(len(values), dtype=bool)
    for name, (low, high) in options.within.items():
        column = table.numbers([name])[:, 0]
        kept &= (column >= low) & (column <= high)
    target = values[:, len(names)]
    bad = np.flatnonzero(kept & ~(target >= 0))
    if len(bad):
        raise InputError(
            f"{table.name}: {options.target}",
            f"is {target[bad[0]]:g} in row {bad[0] + 1}; chi2 is a number >= 0",
        )
    return values[kept]


def _range(name: str, box: Mapping[str, Any], values: FloatArray) -> tuple[float, float]:
    known = box.get(name, {}).get("range")
    low, high = known if known else (values.min(), values.max())
    return float(low), float(high)
