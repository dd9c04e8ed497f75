"""Simulated points as the truth of an audit: observables by the names that a run gives them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from fitplugin.arrays import FloatArray
from fitplugin.data.tables import Table
from fitplugin.errors import InputError, one_of
from fitplugin.runs.config import ScanConfig
from fitplugin.simulation.campaign_file import Contents
from fitplugin.simulation.records import PointRecord
from fitplugin.studies.trust.truth_table import WEIGHT

# SLHA files have some nine digits, tables of draws more
_SAME = 1e-6


def truth_columns(
    campaigns: Sequence[Contents], config: ScanConfig, points: Table | None = None
) -> tuple[dict[str, FloatArray], int]:
    """Return the columns of a table for `fitplugin audit --with`, and how many points it lacks.

    Parameters
    ----------
    campaigns : sequence of Contents
    config : ScanConfig
        Its parameters, regions and processes are those of the table.
    points : Table, optional
        Draws from the posterior: their weights are taken over, and only they are in the table.

    Raises
    ------
    InputError
        If a point has no parameters, or a region or process of the scan was not simulated.

    Source: efficiencies weighed by cross-section as in arXiv:1611.02704, p. 1; errors of the
    cross-section table are common to all processes and add linearly.
    """
    records = [record for campaign in campaigns for record in campaign.points.values()]
    if not records:
        raise InputError(str(campaigns[0].path), "no point of it is done")
    names = tuple(config.parameters)
    for record in records:
        for name in names:
            if name not in record.parameters:
                raise InputError(record.name, one_of(name, record.parameters, "a parameter of it"))
    rows = [_row(record, config) for record in records]
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    if points is None:
        return columns, 0
    return _joined(columns, points, names)


def _row(record: PointRecord, config: ScanConfig) -> dict[str, float]:
    wanted = config.pair_production.processes
    for process in wanted:
        if process not in record.processes:
            raise InputError(record.name, one_of(process, record.processes, "simulated there"))
    processes = [record.processes[process] for process in wanted]
    sigma = np.array([process.cross_section_fb for process in processes])
    relative = np.array([process.cross_section_rel_error for process in processes])
    row = {name: record.parameters[name] for name in config.parameters}
    row |= record.masses
    row["cross_section"] = float(sigma.sum())
    row["cross_section_error"] = float((sigma * relative).sum())
    weight = sigma / sigma.sum()
    for region in config.regions:
        column = region.efficiency.region
        if column not in processes[0].regions:
            problem = one_of(column, processes[0].regions, "a simulated region")
            raise InputError(f"{record.name}: {region.name}", problem)
        found = [process.regions[column] for process in processes]
        value = np.array([counts.efficiency for counts in found])
        error = np.array([counts.efficiency_error for counts in found])
        row[f"efficiency[{region.name}]"] = float((weight * value).sum())
        row[f"efficiency_error[{region.name}]"] = float(np.sqrt(np.square(weight * error).sum()))
    return row


def _joined(
    columns: dict[str, FloatArray], points: Table, names: Sequence[str]
) -> tuple[dict[str, FloatArray], int]:
    """Keep the rows of ``points``, with their weights; count those that were not simulated."""
    wanted = points.numbers([*names, WEIGHT])
    theta, weights = wanted[:, :-1], wanted[:, -1]
    simulated = np.stack([columns[name] for name in names], axis=1)
    width = np.maximum(np.abs(simulated).max(axis=0), 1e-300)
    distance, nearest = cKDTree(simulated / width).query(theta / width, p=np.inf)
    is_there = distance < _SAME
    if not is_there.any():
        raise InputError(points.name, "none of its points was simulated")
    joined = {name: column[nearest[is_there]] for name, column in columns.items()}
    # to the last digit what the run has
    joined |= {name: theta[is_there, i] for i, name in enumerate(names)}
    return {**joined, WEIGHT: weights[is_there]}, int((~is_there).sum())
