"""Simulate many points on several processes: whatever happens, what is done stays done."""

from __future__ import annotations

import queue
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from fitplugin import plugins
from fitplugin.errors import FitpluginError, InputError
from fitplugin.pools.processes import ProcessPool
from fitplugin.simulation.base import Counts, Request
from fitplugin.simulation.points import Point, Unusable
from fitplugin.simulation.records import FailedRecord, PointRecord, Records


class Order(NamedTuple):
    """What a worker needs to simulate a point; ``folder`` is where a kind that is a file starts."""

    kind: str
    options: Mapping[str, Any]
    folder: Path | None
    request: Request


class Outcome(NamedTuple):
    """Counts by process, or the reason why there are none."""

    counts: Mapping[str, Counts] | None
    seconds: float
    reason: str | None = None


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


def simulate(order: Order) -> Outcome:
    """Simulate a point. An error of the simulator is the reason why this point has no counts."""
    start = time.perf_counter()
    try:
        # whoever gives the order has loaded it already, with the user's word if it is code
        plugin = plugins.load("fitplugin.simulators", order.kind, order.folder, allow_code=True)
        context = plugins.validation_context(order.folder, True)
        simulator = plugin(plugin.Options.model_validate(order.options, context=context))
        counts = simulator.simulate(order.request)
        _require_complete(counts, order.request, simulator.regions)
    except FitpluginError as error:
        return Outcome(None, _since(start), one_line(str(error), order.request.name))
    except Exception as error:  # of a guest: the other points go on
        place = traceback.extract_tb(error.__traceback__)[-1]
        reason = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
        return Outcome(None, _since(start), one_line(reason, order.request.name))
    return Outcome(counts, _since(start))


def run(
    points: Sequence[Point],
    unusable: Sequence[Unusable],
    simulator: plugins.Component,
    folder: Path | None,
    records: Records,
    processes: int,
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
        Points at a time; each in a process of its own kind, so that a generator that crashes
        costs its point and nothing else.

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
        for index, outcome in _outcomes(orders, processes):
            record = _record(waiting[index], outcome)
            records.append(record)
            if isinstance(record, FailedRecord):
                failures[record.name] = record.failed
                bar.set_postfix(failed=len(failures), refresh=False)
            else:
                done.append(record.name)
                seconds.append(outcome.seconds)
            bar.update()
    return Summary(
        tuple(done),
        already_there,
        failures,
        tuple(seconds),
    )


def _outcomes(orders: Sequence[Order], processes: int) -> Iterator[tuple[int, Outcome]]:
    """Yield index and outcome of each order, as they come."""
    size = max(1, min(processes, len(orders)))
    workers = [_Worker() for _ in range(size)] if orders else []
    free: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
    for worker in workers:
        free.put(worker)

    def on_a_worker(order: Order) -> Outcome:
        worker = free.get()
        try:
            return worker(order)
        finally:
            free.put(worker)

    try:
        with ThreadPoolExecutor(size) as threads:
            try:
                futures = {threads.submit(on_a_worker, order): i for i, order in enumerate(orders)}
                for future in as_completed(futures):
                    yield futures[future], future.result()
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                for worker in workers:
                    worker.interrupt()
                raise
    finally:
        # only now: no thread uses them any more
        for worker in workers:
            worker.end()


class _Worker:
    """One process, started anew when it dies."""

    def __init__(self) -> None:
        self._pool = ProcessPool(1)
        self._pool.map(abs, [0])  # starts the process, before any thread

    def __call__(self, order: Order) -> Outcome:
        start = time.perf_counter()
        try:
            return self._pool.map(simulate, [order])[0]
        except FitpluginError:
            self._pool.close()
            self._pool = ProcessPool(1)
            return Outcome(
                None,
                _since(start),
                "the process that simulated it died: the generator crashed, or the system ended "
                "it for want of memory",
            )

    def interrupt(self) -> None:
        """End the process now: whoever waits for it is told that it died."""
        self._pool.terminate()

    def end(self) -> None:
        """End the process, and what belongs to it."""
        self._pool.close()


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


def _require_complete(counts: Any, request: Request, regions: Sequence[str]) -> None:
    for process in request.processes:
        if process not in counts:
            raise InputError(process, "the simulator gave no counts of this process")
        found = counts[process]
        for region in regions:
            if region not in found.passed or region not in found.variance:
                raise InputError(f"{process}: {region}", "the simulator gave no counts of it")


def one_line(text: str, name: str) -> str:
    """Return a reason in one line, without the name of the point that it is of."""
    return " ".join(text.removeprefix(f"{name}: ").split())


def _since(start: float) -> float:
    return time.perf_counter() - start


def now() -> str:
    """Return the time as it stands in records."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
