"""From campaigns to a training set: the table that efficiencies are learned from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.data.tables import Table
from fitplugin.errors import InputError
from fitplugin.physics.natural_susy import DIMENSIONLESS
from fitplugin.physics.simulated_table import regions_of
from fitplugin.simulation.campaign_file import Contents
from fitplugin.simulation.records import PointRecord
from fitplugin.simulation.rows import Rows

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
    rows = Rows(merge, inputs, regions)
    before = set(merge.card.get("simulations", ())) if merge else set()
    ids = rows.ids_of([record for _, record in simulations])
    n_new = n_merged = n_repeated = 0
    for (key, record), point_id in zip(simulations, ids, strict=True):
        if key in before:
            n_repeated += 1
            continue
        is_there = rows.add(record, point_id)
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
        others[merge.name] = set(regions_of(merge))
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
