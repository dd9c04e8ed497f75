"""Points simulated in processes of their own: one that dies or hangs costs its point, no other."""

from __future__ import annotations

import queue
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Timer
from typing import Any, NamedTuple

from fitplugin import plugins
from fitplugin.components import validation_context
from fitplugin.errors import FitpluginError, InputError
from fitplugin.pools.processes import ProcessPool
from fitplugin.simulation.base import Counts, Request


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


def outcomes(
    orders: Sequence[Order], processes: int, time_limit: float | None = None
) -> Iterator[tuple[int, Outcome]]:
    """Yield index and outcome of each order, as they come.

    Parameters
    ----------
    orders : sequence of Order
    processes : int
        Points at a time, each in a process of its own.
    time_limit : float or None
        Seconds after which a point is given up and its process ended.
    """
    size = max(1, min(processes, len(orders)))
    workers = [_Worker(time_limit) for _ in range(size)] if orders else []
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
    """One process, started anew when it died or had to be ended."""

    def __init__(self, time_limit: float | None) -> None:
        self._time_limit = time_limit
        self._pool = ProcessPool(1)
        self._start()  # before any thread

    def __call__(self, order: Order) -> Outcome:
        start, outcome, is_late = time.perf_counter(), None, Event()
        with suppress(FitpluginError):  # the process is gone
            self._start()
            with _alarm(self._time_limit, is_late, self._pool.terminate):
                start = time.perf_counter()
                outcome = self._pool.map(simulate, [order])[0]
        if outcome is None or is_late.is_set():
            self._pool.close()
            self._pool = ProcessPool(1)
        if outcome is not None:
            return outcome
        reason = (
            f"took longer than the time limit of {self._time_limit:g} s and was ended"
            if is_late.is_set()
            else "the process that simulated it died: the generator crashed, or the system ended "
            "it for want of memory"
        )
        return Outcome(None, _since(start), reason)

    def interrupt(self) -> None:
        """End the process now: whoever waits for it is told that it died."""
        self._pool.terminate()

    def end(self) -> None:
        """End the process, and what belongs to it."""
        self._pool.close()

    def _start(self) -> None:
        """Have a process running: to start one is not the time of a point."""
        self._pool.map(abs, [0])


@contextmanager
def _alarm(seconds: float | None, is_late: Event, end: Callable[[], None]) -> Iterator[None]:
    """Set ``is_late`` and call ``end`` once the block takes longer than that."""

    def ring() -> None:
        is_late.set()
        end()

    if seconds is None:
        yield
        return
    timer = Timer(seconds, ring)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # it may be ringing: then that is over before anyone looks


def _since(start: float) -> float:
    return time.perf_counter() - start


def simulate(order: Order) -> Outcome:
    """Simulate a point. An error of the simulator is the reason why this point has no counts."""
    start = time.perf_counter()
    try:
        # whoever gives the order has loaded it already, with the user's word if it is code
        plugin = plugins.load("fitplugin.simulators", order.kind, order.folder, allow_code=True)
        context = validation_context(order.folder, True)
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
