"""Training sets of simulated counts: one row per parameter point and production process.

Columns: the point's ``id``, its inputs, masses and branching fractions, ``process``,
``cross_section_fb``, ``cross_section_rel_error``, ``n_generated`` events, and for each region
``passed_REGION`` of them with ``variance_REGION``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import BoolArray, FloatArray, IntArray
from fitplugin.data.tables import Table
from fitplugin.errors import InputError, one_of
from fitplugin.physics import squarks
from fitplugin.physics.spectrum_table import input_box
from fitplugin.surrogates import Dataset

_PASSED = "passed_"


def regions_of(table: Table) -> tuple[str, ...]:
    """Names of the signal regions that a table has counts of, in its order; none if it is another.

    >>> from fitplugin.data.tables import read_table
    >>> regions_of(read_table("natural_susy/efficiencies"))[:2]
    ('0l_stop500', '0l_stop600')
    """
    return tuple(name.removeprefix(_PASSED) for name in table.columns if name.startswith(_PASSED))


def point_dataset(table: Table, region: str, processes: Sequence[str]) -> Dataset:
    """Training set of one region: the cross-section-weighted mean over processes.

    Parameters
    ----------
    table : Table
        One row per point ``id`` and ``process`` with ``cross_section_fb``, ``n_generated``,
        ``passed_REGION`` and ``variance_REGION`` (both in events).
    region : str
    processes : sequence of str
        Only points that have all of them are used.

    Returns
    -------
    Dataset
        One target, the efficiency, with its Monte Carlo error.

    Raises
    ------
    InputError
        If the region or a process is not in the table, or an efficiency is outside [0, 1].

    Source: arXiv:1611.02704, p. 1: N_i = L sigma epsilon_i, with sigma over all processes.
    """
    counts = _counts(table, region, processes)
    names, ranges = input_box(table)
    inputs = table.numbers(names)[counts.rows]

    points = _points_of(counts.point_id, processes)
    of_row, complete = points.of_row, points.is_complete
    if not complete.any():
        raise InputError("processes", f"no point of {table.name} has all of {list(processes)}")
    sigma = table.numbers(["cross_section_fb"])[counts.rows, 0]
    total = np.bincount(of_row, sigma)
    mean = np.bincount(of_row, sigma * counts.efficiency) / total
    error = np.sqrt(np.bincount(of_row, np.square(sigma * counts.error))) / total
    per_mean = np.bincount(of_row, np.square(sigma) * counts.variance_per_mean) / np.square(total)
    _require_fractions(mean, points.id, table, region)
    return Dataset(
        inputs[points.first_row][complete],
        mean[complete, np.newaxis],
        names,
        (f"efficiency[{region}]",),
        ranges,
        error[complete, np.newaxis],
        per_mean[complete, np.newaxis],
    )


def process_dataset(table: Table, region: str, processes: Sequence[str]) -> Dataset:
    """Training set of one region at the level of the process: all squarks pooled.

    Parameters
    ----------
    table : Table
        As for `point_dataset`, with the masses and branching fractions of each point.
    region : str
    processes : sequence of str
        Keys of `squarks.DECAYS`.

    Returns
    -------
    Dataset
        Inputs `squarks.input_names`, one target, the efficiency, with its Monte Carlo error.

    Raises
    ------
    InputError
        As `point_dataset`; if the decays of a process are unknown.
    """
    needed = (*squarks.MASSES, *squarks.branching_names(tuple(processes)))
    counts = _counts(table, region, processes)
    values = table.numbers(needed)[counts.rows]
    columns = dict(zip(needed, values.T, strict=True))
    names = squarks.input_names(processes)
    inputs = np.empty((len(counts.rows), len(names)))
    for process in processes:
        own = counts.process == process
        part = {name: column[own] for name, column in columns.items()}
        inputs[own] = squarks.process_inputs(process, part, part, names)
    _require_fractions(counts.efficiency, counts.point_id, table, region)
    return Dataset(
        inputs,
        counts.efficiency[:, np.newaxis],
        names,
        (f"efficiency[{region}]",),
        np.stack([inputs.min(axis=0), inputs.max(axis=0)], axis=1),
        counts.error[:, np.newaxis],
        counts.variance_per_mean[:, np.newaxis],
    )


def summed_cross_sections(
    table: Table, processes: Sequence[str]
) -> tuple[FloatArray, FloatArray, np.ndarray]:
    """Total cross-section, its error [fb] and the id of each point, (n_points,) in three arrays.

    The points are those of `point_dataset`, in its order. Sums over processes, whose errors are
    common to all of them and add linearly.
    """
    rows = _rows_of(table, processes)
    point_id, sigma, relative = table.numbers(
        ["id", "cross_section_fb", "cross_section_rel_error"]
    )[rows].T  # fmt: skip
    points = _points_of(point_id, processes)
    total, error = (
        np.bincount(points.of_row, values).astype(np.float64)[points.is_complete]
        for values in (sigma, sigma * relative)
    )
    return total, error, points.id[points.is_complete].astype(int)


class _Counts(NamedTuple):
    """Rows of a table that belong to the processes, and what was counted there."""

    rows: IntArray
    point_id: FloatArray
    process: np.ndarray
    efficiency: FloatArray
    error: FloatArray
    variance_per_mean: FloatArray


def _counts(table: Table, region: str, processes: Sequence[str]) -> _Counts:
    known = regions_of(table)
    if region not in known:
        raise InputError("region", one_of(region, known, f"a region of {table.name}"))
    rows = _rows_of(table, processes)
    point_id, generated, passed, variance = table.numbers(
        ["id", "n_generated", f"passed_{region}", f"variance_{region}"]
    )[rows].T
    # Few or no events say little about their own variance: at least that of half an event more,
    # at the mean weight of an event that passes.
    weight = variance.sum() / passed.sum() if passed.sum() > 0 else 1.0
    variance = np.maximum(variance, weight * (passed + 0.5))
    return _Counts(
        rows,
        point_id,
        np.asarray(table.columns["process"])[rows],
        passed / generated,
        np.sqrt(variance) / generated,
        weight / generated,
    )


def _require_fractions(
    efficiency: FloatArray, point_id: FloatArray, table: Table, region: str
) -> None:
    outside = ~((efficiency >= 0) & (efficiency <= 1))
    if outside.any():
        bad = np.flatnonzero(outside)[0]
        raise InputError(
            f"{table.name}: {region}",
            f"point {point_id[bad]:.0f} has efficiency {efficiency[bad]:g}; must lie in [0, 1]",
        )


class _Points(NamedTuple):
    """The points that rows belong to, by ascending id."""

    id: FloatArray
    first_row: IntArray
    is_complete: BoolArray
    """Whether all processes are there."""
    of_row: IntArray
    """The point of each row, by its place here."""


def _points_of(point_id: FloatArray, processes: Sequence[str]) -> _Points:
    unique, first, of_row = np.unique(point_id, return_index=True, return_inverse=True)
    return _Points(unique, first, np.bincount(of_row) == len(processes), of_row)


def _rows_of(table: Table, processes: Sequence[str]) -> IntArray:
    return np.flatnonzero(np.isin(np.asarray(table.columns["process"]), list(processes)))
