"""The rows of a training set of efficiencies: counts by point and process, added up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from fitplugin.data.tables import Table
from fitplugin.physics.squarks import DECAYS, MASSES, branching_names
from fitplugin.simulation.records import PointRecord

# Single precision in the shipped tables, and few digits in SLHA files: closer is the same point.
_SAME = 1e-6
KINEMATICS = (*MASSES, *branching_names(tuple(DECAYS)))
"""Masses and branching fractions of a point: what a process-level efficiency is learned from."""


class Rows:
    """Counts by point and process, with the ids under which points are known."""

    def __init__(self, merge: Table | None, inputs: Sequence[str], regions: Sequence[str]) -> None:
        self._inputs, self._regions = tuple(inputs), tuple(regions)
        self._values = [f"{kind}_{r}" for kind in ("passed", "variance") for r in self._regions]
        self._points: dict[int, dict[str, float]] = {}
        self._counts: dict[tuple[int, str], dict[str, float]] = {}
        if merge is None:
            return
        point_names = (*self._inputs, *KINEMATICS)
        count_names = ("cross_section_fb", "cross_section_rel_error", "n_generated", *self._values)
        ids = merge.numbers(["id"])[:, 0].astype(int).tolist()
        processes = map(str, merge.columns["process"])
        points, counts = merge.numbers(point_names), merge.numbers(count_names)
        for point_id, process, point, count in zip(ids, processes, points, counts, strict=True):
            self._points[point_id] = dict(zip(point_names, map(float, point), strict=True))
            self._counts[point_id, process] = dict(zip(count_names, map(float, count), strict=True))

    def ids_of(self, records: Sequence[PointRecord]) -> list[int]:
        """Return an id for each simulation: that of the same point if it is there."""
        theta = np.array([[r.parameters[n] for n in self._inputs] for r in records])
        known = np.array([[p[n] for n in self._inputs] for p in self._points.values()])
        both = np.concatenate([known.reshape(-1, theta.shape[1]), theta])
        width = np.ptp(both, axis=0)
        scaled = both / np.where(width > 0, width, 1.0)
        nearest = cKDTree(scaled).query_ball_point(scaled[len(known) :], _SAME, p=np.inf)
        ids: list[int] = list(self._points)
        taken = set(ids)
        for position, (record, neighbours) in enumerate(
            zip(records, nearest, strict=True), start=len(known)
        ):
            first = min(neighbours)
            ids.append(ids[first] if first < position else _free_id(record.name, taken))
            taken.add(ids[-1])
        return ids[len(known) :]

    def add(self, record: PointRecord, point_id: int) -> bool:
        """Add the counts of a simulation; return whether its point was there."""
        is_there = point_id in self._points
        if not is_there:
            values = {**record.parameters, **record.masses, **record.branching}
            self._points[point_id] = {n: values[n] for n in (*self._inputs, *KINEMATICS)}
        for process, found in record.processes.items():
            count = self._counts.setdefault((point_id, process), {
                "cross_section_fb": found.cross_section_fb,
                "cross_section_rel_error": found.cross_section_rel_error,
                "n_generated": 0.0,
                **dict.fromkeys(self._values, 0.0),
            })  # fmt: skip
            count["n_generated"] += found.n_generated
            for region in self._regions:
                count[f"passed_{region}"] += found.regions[region].passed
                count[f"variance_{region}"] += found.regions[region].variance
        return is_there

    def columns(self) -> dict[str, np.ndarray]:
        """Return the table, by id and process as they came."""
        keys = sorted(self._counts, key=lambda key: key[0])
        columns: dict[str, np.ndarray] = {"id": np.array([point_id for point_id, _ in keys])}
        for name in (*self._inputs, *KINEMATICS):
            columns[name] = np.array([self._points[point_id][name] for point_id, _ in keys])
        columns["process"] = np.array([process for _, process in keys])
        for name in next(iter(self._counts.values())):
            columns[name] = np.array([self._counts[key][name] for key in keys])
        columns["n_generated"] = columns["n_generated"].astype(np.int64)
        return columns


def _free_id(name: str, taken: set[int]) -> int:
    if name.isdigit() and int(name) not in taken and int(name) < 2**31:
        return int(name)
    return max(taken, default=0) + 1
