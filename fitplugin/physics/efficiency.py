"""Signal-region efficiencies: training sets from simulated counts, and learned predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.data.tables import Table
from fitplugin.errors import InputError, one_of
from fitplugin.physics import squarks
from fitplugin.physics.spectrum import Spectrum, input_box
from fitplugin.stats.gaussian import rectified
from fitplugin.surrogates import Dataset, Surrogate


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

    unique, first, of_row = np.unique(counts.point_id, return_index=True, return_inverse=True)
    complete = np.bincount(of_row) == len(processes)
    if not complete.any():
        raise InputError("processes", f"no point of {table.name} has all of {list(processes)}")
    sigma = table.numbers(["cross_section_fb"])[counts.rows, 0]
    total = np.bincount(of_row, sigma)
    mean = np.bincount(of_row, sigma * counts.efficiency) / total
    error = np.sqrt(np.bincount(of_row, np.square(sigma * counts.error))) / total
    per_mean = np.bincount(of_row, np.square(sigma) * counts.variance_per_mean) / np.square(total)
    _require_fractions(mean, unique, table, region)
    return Dataset(
        inputs[first][complete],
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


class _Counts(NamedTuple):
    """Rows of a table that belong to the processes, and what was counted there."""

    rows: np.ndarray
    point_id: FloatArray
    process: np.ndarray
    efficiency: FloatArray
    error: FloatArray
    variance_per_mean: FloatArray


def _counts(table: Table, region: str, processes: Sequence[str]) -> _Counts:
    known = sorted(name.removeprefix("passed_") for name in table.columns if "passed_" in name)
    if region not in known:
        raise InputError("region", one_of(region, known, f"a region of {table.name}"))
    process = np.asarray(table.columns["process"])
    rows = np.flatnonzero(np.isin(process, list(processes)))
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
        process[rows],
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
