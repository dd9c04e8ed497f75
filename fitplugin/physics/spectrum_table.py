"""Training sets of tables of spectra: one row per parameter point, and a card of its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.data.tables import Table
from fitplugin.errors import InputError
from fitplugin.physics.derived import Derived, pick
from fitplugin.surrogates import Dataset


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


def valid_rows(table: Table) -> np.ndarray:
    """Rows of a table of spectra in which the program found one."""
    return np.flatnonzero(table.numbers(["valid"])[:, 0] == 1)


def spectrum_dataset(
    table: Table,
    rows: np.ndarray,
    targets: Sequence[str],
    inputs: Sequence[str],
    baselines: Mapping[str, str] = MappingProxyType({}),
) -> Dataset:
    """Training set of columns of a table of spectra; masses lose their sign.

    Parameters
    ----------
    table : Table
    rows : (n_points,) array of rows
    targets : sequence of column names
    inputs : sequence of str
        Parameters and derived quantities; their box is that of all rows of the table.
    baselines : mapping of target to derived quantity
        What is taken out of targets before they are learned.

    Raises
    ------
    InputError
        If an input is unknown or cannot be derived from the table's parameters.
    """
    names, _ = input_box(table)
    derived = Derived((*inputs, *baselines.values()), names)
    columns = derived.columns(table.numbers(names))
    values = table.numbers(targets)[rows]
    is_mass = [target.startswith("m_") for target in targets]
    values[:, is_mass] = np.abs(values[:, is_mass])
    if baselines:
        values -= baseline_of(columns, baselines, targets)[rows]
    points = pick(columns, inputs)
    box = np.stack([points.min(axis=0), points.max(axis=0)], axis=1)
    return Dataset(points[rows], values, tuple(inputs), tuple(targets), box)


def baseline_of(
    columns: Mapping[str, FloatArray], baselines: Mapping[str, str], targets: Sequence[str]
) -> FloatArray:
    """Leading-order value of each target, zero where it has none: (n_points, n_targets)."""
    zero = np.zeros_like(next(iter(columns.values())))
    return np.stack([columns[baselines[t]] if t in baselines else zero for t in targets], axis=1)
