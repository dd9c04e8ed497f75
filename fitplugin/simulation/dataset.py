"""From campaigns to a training set: the table that efficiencies are learned from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from fitplugin.arrays import FloatArray
from fitplugin.data.tables import Table
from fitplugin.errors import InputError
from fitplugin.physics.natural_susy import DIMENSIONLESS
from fitplugin.physics.squarks import DECAYS, MASSES, branching_names
from fitplugin.simulation.records import Contents, PointRecord

# Single precision in the shipped tables, and few digits in SLHA files: closer is the same point.
_SAME = 1e-6
KINEMATICS = (*MASSES, *branching_names(tuple(DECAYS)))
"""Masses and branching fractions of a point: what a process-level efficiency is learned from."""

Ranges = Mapping[str, tuple[float, float]]


class Built(NamedTuple):
    """A table, its card, and how it came together.

    Attributes
    ----------
    columns : mapping of str to (n_rows,) array
        One row per point and process.
    card : mapping
    n_new, n_merged, n_repeated : int
        Simulations of points that were not there, of points that were, and those that had been
        counted before.
    """

    columns: Mapping[str, np.ndarray]
    card: Mapping[str, Any]
    n_new: int
    n_merged: int
    n_repeated: int


def build(
    campaigns: Sequence[Contents], merge: Table | None = None, ranges: Ranges | None = None
) -> Built:
    """Make one table of campaigns and, if given, of a table that is there.

    Independent events of the same point and process are added up: generated, passed, variance.

    Parameters
    ----------
    campaigns : sequence of Contents
    merge : Table, optional
        Such as the shipped ``natural_susy/efficiencies``.
    ranges : mapping of str to (low, high), optional
        Box from which the points were drawn; by default that of ``merge``, widened to what is
        there, or else the extremes.

    Raises
    ------
    InputError
        If there is no point, regions or parameters differ, a point has no parameters, or two
        simulations share their events.
    """
    simulations = list(_simulations(campaigns))
    if not simulations:
        names = ", ".join(str(campaign.path) for campaign in campaigns)
        raise InputError(names, "no point of it is done")
    regions = _agreed_regions(campaigns, merge)
    inputs = _agreed_inputs(simulations, merge)
    rows = _Rows(merge, inputs, regions) if merge else _Rows(None, inputs, regions)
    before = set(merge.card.get("simulations", ())) if merge else set()
    places = rows.places_of(simulations)
    n_new = n_merged = n_repeated = 0
    for (key, record), place in zip(simulations, places, strict=True):
        if key in before:
            n_repeated += 1
            continue
        is_there = rows.add(record, place)
        n_merged += is_there
        n_new += not is_there
    columns = rows.columns()
    card = _card(campaigns, merge, columns, inputs, ranges)
    card["simulations"] = sorted(before | {key for key, _ in simulations})
    return Built(columns, card, n_new, n_merged, n_repeated)


def _simulations(campaigns: Sequence[Contents]) -> Iterator[tuple[str, PointRecord]]:
    """Give every simulation once, in an order that does not depend on that of the files."""
    seen: dict[str, PointRecord] = {}
    for campaign in campaigns:
        for record in campaign.points.values():
            key = f"{record.sha256[:16]}:{record.seed}"
            other = seen.setdefault(key, record)
            if other.processes != record.processes:
                raise InputError(
                    f"{campaign.path}: {record.name}",
                    f"was simulated twice with seed {record.seed} and other settings: the two "
                    "share events and cannot be added; simulate with another --seed",
                )
    return iter(sorted(seen.items(), key=lambda item: (item[1].name, item[0])))


def _agreed_regions(campaigns: Sequence[Contents], merge: Table | None) -> tuple[str, ...]:
    regions = campaigns[0].header.regions
    others = {str(c.path): set(c.header.regions) for c in campaigns[1:]}
    if merge is not None:
        others[merge.name] = {
            name.removeprefix("passed_") for name in merge.columns if name.startswith("passed_")
        }
    for name, found in others.items():
        if found != set(regions):
            only = ", ".join(sorted(found ^ set(regions)))
            raise InputError(
                name, f"has other regions than {campaigns[0].path}: {only} only in one of them"
            )
    return regions


def _agreed_inputs(
    simulations: Sequence[tuple[str, PointRecord]], merge: Table | None
) -> tuple[str, ...]:
    first = simulations[0][1]
    inputs = tuple(merge.card["inputs"]) if merge else tuple(first.parameters)
    if not inputs:
        raise InputError(
            first.name,
            "has no parameters: its SLHA file has none of the expected blocks; say where they "
            "stand with `fitplugin simulate --parameter NAME=BLOCK:INDEX`",
        )
    for _, record in simulations:
        missing = [name for name in inputs if name not in record.parameters]
        if missing:
            raise InputError(record.name, f"has no parameter {', '.join(missing)}")
    return inputs


class _Rows:
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
        for number, process, point, count in zip(ids, processes, points, counts, strict=True):
            self._points[number] = dict(zip(point_names, map(float, point), strict=True))
            self._counts[number, process] = dict(zip(count_names, map(float, count), strict=True))

    def places_of(self, simulations: Sequence[tuple[str, PointRecord]]) -> list[int]:
        """Return an id for each simulation: that of the same point if it is there."""
        theta = np.array([[r.parameters[n] for n in self._inputs] for _, r in simulations])
        known = np.array([[p[n] for n in self._inputs] for p in self._points.values()])
        both = np.concatenate([known.reshape(-1, theta.shape[1]), theta])
        width = np.ptp(both, axis=0)
        scaled = both / np.where(width > 0, width, 1.0)
        nearest = cKDTree(scaled).query_ball_point(scaled[len(known) :], _SAME, p=np.inf)
        ids: list[int] = list(self._points)
        taken = set(ids)
        for position, ((_, record), neighbours) in enumerate(
            zip(simulations, nearest, strict=True), start=len(known)
        ):
            first = min(neighbours)
            ids.append(ids[first] if first < position else _free_id(record.name, taken))
            taken.add(ids[-1])
        return ids[len(known) :]

    def add(self, record: PointRecord, number: int) -> bool:
        """Add the counts of a simulation; return whether its point was there."""
        is_there = number in self._points
        if not is_there:
            values = {**record.parameters, **record.masses, **record.branching}
            self._points[number] = {n: values[n] for n in (*self._inputs, *KINEMATICS)}
        for process, found in record.processes.items():
            count = self._counts.setdefault((number, process), {
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
        columns: dict[str, np.ndarray] = {"id": np.array([number for number, _ in keys])}
        for name in (*self._inputs, *KINEMATICS):
            columns[name] = np.array([self._points[number][name] for number, _ in keys])
        columns["process"] = np.array([process for _, process in keys])
        for name in next(iter(self._counts.values())):
            columns[name] = np.array([self._counts[key][name] for key in keys])
        columns["n_generated"] = columns["n_generated"].astype(np.int64)
        return columns


def _free_id(name: str, taken: set[int]) -> int:
    if name.isdigit() and int(name) not in taken and int(name) < 2**31:
        return int(name)
    return max(taken, default=0) + 1


def _card(
    campaigns: Sequence[Contents],
    merge: Table | None,
    columns: Mapping[str, np.ndarray],
    inputs: Sequence[str],
    ranges: Ranges | None,
) -> dict[str, Any]:
    chains = {_chain(campaign) for campaign in campaigns}
    cited = [text for campaign in campaigns for text in campaign.header.citations]
    merged = [f"{merge.name} ({merge.card.get('title', 'no title')})"] if merge else []
    return {
        "title": "Simulated signal-region efficiencies",
        "what": "One row per point (id) and production process; passed_R is the expected number of "
        "the n_generated events in region R, variance_R its variance.",
        "source": "; ".join([*merged, *sorted(chains)]),
        "units": "masses and soft parameters in GeV, cross_section_fb in fb, its error relative",
        "cite": list(dict.fromkeys([*(merge.card.get("cite", ()) if merge else ()), *cited])),
        "inputs": {
            name: {
                "unit": "" if name in DIMENSIONLESS else "GeV",
                "range": list(_range(name, columns[name], merge, ranges)),
            }
            for name in inputs
        },
    }


def _chain(campaign: Contents) -> str:
    header = campaign.header
    versions = ", ".join(f"{name} {version}" for name, version in header.versions.items())
    return f"{header.simulator['kind']} ({versions}), {header.events} events, seed {header.seed}"


def _range(
    name: str, values: FloatArray, merge: Table | None, ranges: Ranges | None
) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if ranges and name in ranges:
        asked_low, asked_high = ranges[name]
        if low < asked_low or high > asked_high:
            raise InputError(
                f"--range {name}", f"points lie from {low:g} to {high:g}, outside of it"
            )
        return asked_low, asked_high
    if merge is not None:
        known_low, known_high = merge.card["inputs"][name]["range"]
        return min(low, known_low), max(high, known_high)
    return low, high
