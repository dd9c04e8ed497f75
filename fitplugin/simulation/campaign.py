"""Simulate many points on several processes: whatever happens, what is done stays done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from fitplugin.components import Component
from fitplugin.errors import InputError
from fitplugin.simulation.campaign_file import Records
from fitplugin.simulation.points import Point, Unusable
from fitplugin.simulation.records import FailedRecord, PointRecord
from fitplugin.simulation.workers import Order, Outcome, one_line, outcomes


class Summary(NamedTuple):
    """How a campaign ended: names of points."""

    done: tuple[str, ...]
    already_there: tuple[str, ...]
    failures: Mapping[str, str]
    seconds: tuple[float, ...]
    """Of the points that were simulated now."""
    unanswered: tuple[str, ...] = ()
    """Requests to another chain that have no answer yet."""


def to_dict(summary: Summary, output: Path) -> dict[str, Any]:
    """Return a summary as plain values, for JSON."""
    return {"output": str(output), **summary._asdict()}


def run(
    points: Sequence[Point],
    unusable: Sequence[Unusable],
    simulator: Component,
    folder: Path | None,
    records: Records,
    processes: int,
    time_limit: float | None = None,
) -> Summary:
    """Simulate the points that are not there yet, and write each down as soon as it is done.

    Parameters
    ----------
    points : sequence of Point
    unusable : sequence of Unusable
        Files that are no points; written down as failed.
    simulator : Component
    folder : path or None
        Where a simulator that is a file of the user's starts.
    records : Records
        The file of the campaign.
    processes : int
        Points at a time; each in a process of its own, so that a generator that crashes costs its
        point and nothing else.
    time_limit : float or None
        Seconds after which a point is given up: it has failed, and the others go on.

    Raises
    ------
    InputError
        If a point of the file has the name of another point now, before any work.
    """
    there = records.contents.points
    for point in points:
        known = there.get(point.request.name)
        if known is not None and known.sha256 != point.request.sha256:
            raise InputError(
                point.request.name,
                f"is another point in {records.contents.path}: the SLHA file of that name has "
                "changed; name another --output",
            )
    failures = {}
    for name, sha256, reason in unusable:
        failures[name] = reason
        records.append(FailedRecord(name=name, sha256=sha256, failed=reason, time=now()))
    waiting = [point for point in points if point.request.name not in there]
    already_there = tuple(p.request.name for p in points if p.request.name in there)
    done, seconds = [], []
    options = simulator.options.model_dump(mode="json")
    orders = [Order(simulator.kind, options, folder, point.request) for point in waiting]
    with tqdm(total=len(points), initial=len(points) - len(waiting), desc="simulating",
              unit="point", disable=None, smoothing=0.1) as bar:  # fmt: skip
        for index, outcome in outcomes(orders, processes, time_limit):
            record = _record(waiting[index], outcome)
            records.append(record)
            if isinstance(record, FailedRecord):
                failures[record.name] = record.failed
                bar.set_postfix(failed=len(failures), refresh=False)
            else:
                done.append(record.name)
                seconds.append(outcome.seconds)
            bar.update()
    return Summary(tuple(done), already_there, failures, tuple(seconds))


def _record(point: Point, outcome: Outcome) -> PointRecord | FailedRecord:
    if outcome.counts is not None:
        try:
            return point.record(outcome.counts, round(outcome.seconds, 3), now())
        except InputError as error:
            outcome = outcome._replace(reason=one_line(str(error), point.request.name))
    return FailedRecord(
        name=point.request.name,
        sha256=point.request.sha256,
        failed=outcome.reason or "no reason is given",
        time=now(),
    )


def now() -> str:
    """Return the time as it stands in records."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
