"""Workers that dask manages: on this machine, or wherever a scheduler has some."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import ClassVar, TypeVar

from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator

from fitplugin.components import allows_code
from fitplugin.errors import InputError
from fitplugin.plugins import code_refused
from fitplugin.pools.base import POINTS_PER_TASK, PoolOptions
from fitplugin.pools.dask_client import PatientClient
from fitplugin.pools.dask_cluster import connect, start_local_cluster

Item = TypeVar("Item")
Result = TypeVar("Result")

_TIMEOUT = 30.0
_PATIENCE = 300.0


class DaskOptions(PoolOptions):
    """Options of the pool `dask`."""

    address: str | None = None
    """Where a scheduler listens, such as ``tcp://node:8786``, or the ``.json`` file that it wrote.
    Without one, workers are started on this machine. In a file it needs permission to run code."""
    workers: int | None = Field(default=None, gt=0)
    """Number of workers on this machine (by default the number of processes of the scan)."""
    timeout: float = Field(default=_TIMEOUT, gt=0.0)
    """Seconds that a scheduler has to answer, or workers on this machine to start."""
    patience: float = Field(default=_PATIENCE, gt=0.0)
    """Seconds to wait for workers while there are none, and for a silent scheduler."""

    @field_validator("address")
    @classmethod
    def _is_trusted(cls, address: str | None, info: ValidationInfo) -> str | None:
        # dask unpickles what a scheduler sends
        if address is not None and not allows_code(info):
            raise ValueError(code_refused(f"{address!r} is a scheduler that could run code here"))
        return address

    @model_validator(mode="after")
    def _one_cluster(self) -> DaskOptions:
        if self.address is not None and self.workers is not None:
            raise ValueError(
                "'workers' counts those on this machine, and 'address' names a cluster that has "
                "its own; leave one of them out"
            )
        return self


class DaskPool:
    """Map over the workers of a dask cluster.

    Functions and items are pickled, by value where they are defined in the main script. A large
    function is sent to each worker once, a small one with each task; a worker unpickles it once.
    Python, the packages and the files that the function reads must be the same at the scheduler
    and its workers as here. Lost workers are made up for: what they computed is computed again.

    A script that uses this pool without an address needs the usual
    ``if __name__ == "__main__":`` guard.

    Parameters
    ----------
    address : str, optional
        Where a scheduler listens, or the ``.json`` file that it wrote; that cluster is used and
        left running. Otherwise a cluster on this machine is started on first use, and ended.
    workers : int
        Number of worker processes of a cluster on this machine, each with one numerical thread.
    points_per_task : int
        Points that a vectorised evaluation packs in one task.
    timeout : float
        Seconds that a scheduler has to answer, or workers on this machine to start.
    patience : float
        Seconds to wait for workers while there are none, and for a silent scheduler.
    """

    Options: ClassVar[type[BaseModel]] = DaskOptions

    def __init__(
        self,
        address: str | None = None,
        workers: int = 1,
        points_per_task: int = POINTS_PER_TASK,
        timeout: float = _TIMEOUT,
        patience: float = _PATIENCE,
    ) -> None:
        if workers < 1:
            raise InputError("workers", f"must be at least 1, not {workers}")
        self.points_per_task = points_per_task
        self._address = address
        self._workers = workers
        self._timeout = timeout
        self._patience = patience
        self._ends = ExitStack()
        self._client: PatientClient | None = None

    @classmethod
    def from_options(cls, options: DaskOptions, processes: int) -> DaskPool:
        """Return a pool; on this machine it has ``processes`` workers if the options say none."""
        return cls(
            options.address,
            options.workers or processes,
            options.points_per_task,
            options.timeout,
            options.patience,
        )

    @property
    def size(self) -> int:
        """Number of workers, at a foreign scheduler the threads of all that it has now.

        Raises
        ------
        FitpluginError
            If a foreign scheduler is lost, or gets no workers within the patience.
        """
        return self._workers if self._address is None else self._connected().wait_for_workers()

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return ``[function(item) for item in items]``, in order; exceptions propagate.

        Raises
        ------
        InputError
            If no scheduler answers.
        FitpluginError
            If workers do not start, or are gone, the scheduler is lost, or a task ends every
            worker that tries it.
        """
        return list(self.imap(function, items))

    def imap(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield what `map` returns, each result as soon as it and all before it are there.

        Raises
        ------
        InputError
            If no scheduler answers.
        FitpluginError
            If workers do not start, or are gone, the scheduler is lost, or a task ends every
            worker that tries it.
        """
        todo = list(items)
        if not todo:
            return
        client = self._connected()
        futures = deque(client.submit(function, todo))
        try:
            while futures:
                yield from client.take_results(futures)
        finally:
            client.give_up(futures)

    def close(self) -> None:
        """Leave the cluster; end it if it was started here."""
        self._client = None
        self._ends.close()

    def _connected(self) -> PatientClient:
        if self._client is None:
            with ExitStack() as ends:
                if self._address is None:
                    address = start_local_cluster(self._workers, self._timeout, ends)
                else:
                    address = self._address
                client = PatientClient(connect(address, self._timeout), self._patience)
                ends.callback(client.close, self._timeout)
                self._ends = ends.pop_all()
            self._client = client
        return self._client

    def __enter__(self) -> DaskPool:
        if self._address is not None:  # a wrong address is refused before any work
            self._connected()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
