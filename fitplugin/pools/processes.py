"""Worker processes on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import SpawnContext
from types import TracebackType
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, Field

from fitplugin.errors import FitpluginError, InputError
from fitplugin.pools.base import POINTS_PER_TASK, PoolOptions
from fitplugin.pools.worker import WorkerProcess, exit_with_parent

Item = TypeVar("Item")
Result = TypeVar("Result")


class ProcessOptions(PoolOptions):
    """Options of the pool `processes`."""

    processes: int | None = Field(default=None, gt=0)
    """Number of workers (by default the number of processes of the scan)."""


class ProcessPool:
    """Map over worker processes, started on first use.

    Functions and items are pickled for every call, so they should pickle to something small.
    A script that uses this pool needs the usual ``if __name__ == "__main__":`` guard.

    Parameters
    ----------
    processes : int
        Number of workers, each with one numerical thread.
    points_per_task : int
        Points that a vectorised evaluation packs in one task.
    """

    Options: ClassVar[type[BaseModel]] = ProcessOptions

    def __init__(self, processes: int, points_per_task: int = POINTS_PER_TASK) -> None:
        if processes < 1:
            raise InputError("processes", f"must be at least 1, not {processes}")
        self.points_per_task = points_per_task
        self._size = processes
        self._executor: ProcessPoolExecutor | None = None
        self._workers: list[WorkerProcess] = []

    @classmethod
    def from_options(cls, options: ProcessOptions, processes: int) -> ProcessPool:
        """Return a pool of as many workers as the options say, or else of ``processes``."""
        return cls(options.processes or processes, options.points_per_task)

    @property
    def size(self) -> int:
        """Number of workers."""
        return self._size

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return ``[function(item) for item in items]``, in order; exceptions propagate.

        Raises
        ------
        FitpluginError
            If a worker dies.
        """
        return list(self.imap(function, items))

    def imap(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield what `map` returns, each result as soon as it and all before it are there.

        Raises
        ------
        FitpluginError
            If a worker dies.
        """
        try:
            # item by item: a chunk would keep its first result back until its last is there
            yield from self._running().map(function, items, chunksize=1)
        except BrokenProcessPool as error:
            raise FitpluginError(
                "a worker process died, perhaps killed by the system for want of memory "
                "(fewer processes need less), or because the main script has no "
                "`if __name__ == '__main__':` guard"
            ) from error

    def close(self) -> None:
        """Let the workers finish and end them."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None
            self._workers.clear()

    def terminate(self) -> None:
        """End the workers now; a `map` under way, in another thread, raises. `close` it after."""
        for worker in self._workers:
            if worker.pid is not None:
                worker.terminate()

    def _running(self) -> ProcessPoolExecutor:
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                self._size, mp_context=self._context(), initializer=exit_with_parent
            )
        return self._executor

    def _context(self) -> SpawnContext:
        context = SpawnContext()
        context.Process = self._new_worker  # type: ignore[misc, assignment]
        return context

    def _new_worker(self, *args: Any, **options: Any) -> WorkerProcess:
        worker = WorkerProcess(*args, **options)
        self._workers.append(worker)
        return worker

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            # nobody will read the results: do not wait for evaluations that may be long
            self.terminate()
        self.close()
