"""Signal-region efficiencies: training sets from simulated counts, and learned predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.data.tables import Table
from fitplugin.errors import InputError, one_of
from fitplugin.physics.spectrum import input_box
from fitplugin.stats.gaussian import rectified
from fitplugin.surrogates import Dataset, Surrogate


class Efficiency(NamedTuple):
    """Efficiency and its error, both (n_points,)."""

    value: FloatArray
    error: FloatArray


class LearnedEfficiency:
    """The efficiency of one region, from a surrogate, with the physical bound at zero."""

    def __init__(self, surrogate: Surrogate) -> None:
        self._surrogate = surrogate

    def __call__(self, parameters: FloatArray) -> Efficiency:
        """Predict at (n_points, n_inputs) parameter points.

        The surrogate is Gaussian and may reach below zero; what is returned are the mean and
        the standard deviation of max(efficiency, 0) under that Gaussian.
        """
        mean, std = self._surrogate.predict(parameters)
        return Efficiency(*rectified(mean[:, 0], std[:, 0]))


def efficiency_dataset(table: Table, region: str, processes: Sequence[str]) -> Dataset:
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
    known = sorted(name.removeprefix("passed_") for name in table.columns if "passed_" in name)
    if region not in known:
        raise InputError("region", one_of(region, known, f"a region of {table.name}"))
    names, ranges = input_box(table)
    columns = table.numbers(
        ["id", "cross_section_fb", "n_generated", f"passed_{region}", f"variance_{region}"]
    )
    selected = np.isin(table.columns["process"], list(processes))
    point_id, sigma, generated, passed, variance = columns[selected].T
    inputs = table.numbers(names)[selected]

    unique, first, of_row = np.unique(point_id, return_index=True, return_inverse=True)
    complete = np.bincount(of_row) == len(processes)
    if not complete.any():
        raise InputError("processes", f"no point of {table.name} has all of {list(processes)}")
    total = np.bincount(of_row, sigma)
    mean = np.bincount(of_row, sigma * passed / generated) / total
    error = np.sqrt(np.bincount(of_row, np.square(sigma / generated) * variance)) / total
    outside = (mean < 0) | (mean > 1) | ~np.isfinite(mean)
    if outside.any():
        bad = np.flatnonzero(outside)[0]
        raise InputError(
            f"{table.name}: {region}",
            f"point {unique[bad]:.0f} has efficiency {mean[bad]:g}; must lie in [0, 1]",
        )
    return Dataset(
        inputs[first][complete],
        mean[complete, np.newaxis],
        names,
        (f"efficiency[{region}]",),
        ranges,
        error[complete, np.newaxis],
    )
