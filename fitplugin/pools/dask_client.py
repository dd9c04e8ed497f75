"""A connection to a dask scheduler that never waits for ever."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

from fitplugin.errors import FitpluginError
from fitplugin.pools.dask_task import SealedFunction, call

# Bytes above which a function is sent ahead of its tasks, and not with each of them.
_LARGE = 100_000
# Functions sent ahead that workers keep for later calls.
_N_KEPT = 4

# Seconds without a result after which the cluster is asked how it is.
_GLANCE = 1.0


class PatientClient:
    """Submits tasks, and waits for their results as long as there is hope.

    Parameters
    ----------
    client : distributed.Client
    patience : float
        Seconds to wait for workers while there are none, and for a silent scheduler.
    """

    def __init__(self, client: Any, patience: float) -> None:
        self._client = client
        self._patience = patience
        self._address: str = client.scheduler.address
        self._kept: dict[str, SealedFunction] = {}

    def submit(self, function: Callable[..., Any], items: Sequence[Any]) -> list[Any]:
        """Return the futures of a function's values at some items."""
        import cloudpickle
        import dask

        self._require_connection()
        content = cloudpickle.dumps(function)
        sealed = SealedFunction(hashlib.sha256(content).hexdigest(), content)
        sealed_items = [cloudpickle.dumps(item) for item in items]
        # as a task that the others depend on, it would draw them all to the worker that has it
        if len(content) > _LARGE:
            sealed = self._known(sealed)
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
            # dask spreads tasks by groups, and a group is what shares a first part of its key
            group = f"fitplugin-{uuid4().hex}"
            futures: list[Any] = self._client.map(
                call,
                sealed_items,
                function=sealed,
                key=[(group, index) for index in range(len(items))],
            )
        return futures

    def take_results(self, futures: deque[Any]) -> Sequence[Any]:
        """Take finished futures off the front, waiting for the first; return their results.

        There may be none, if a result is lost with its worker at the wrong moment.

        Raises
        ------
        FitpluginError
            If the scheduler is lost, all workers are, or the task ended all that tried it.
        """
        error = self._wait_for(futures[0])
        if error is not None:
            raise self._failure(error)
        ready = []
        while futures and futures[0].status == "finished":
            ready.append(futures.popleft())
        if not ready:
            self._require_kept(futures[0])
            return ()
        results: Sequence[Any] = self._ask(self._client.gather, ready)
        return results

    def wait_for_workers(self) -> int:
        """Return the number of threads of the workers, as soon as there are any.

        Raises
        ------
        FitpluginError
            If the scheduler is lost, or there are none within the patience.
        """
        until = time.monotonic() + self._patience
        while True:
            self._require_connection()
            threads = self._ask(self._client.scheduler.ncores)
            if threads:
                return int(sum(threads.values()))
            if time.monotonic() > until:
                raise FitpluginError(
                    f"the dask cluster at {self._address} has had no workers for "
                    f"{self._patience:g} s; start some, or have more patience (the pool's "
                    "option 'patience')"
                )
            time.sleep(min(_GLANCE, self._patience / 4.0))

    def give_up(self, futures: Sequence[Any]) -> None:
        """Tell the scheduler that nobody will read these; what runs already runs on."""
        if futures and self._client.status == "running":
            self._client.cancel(list(futures))

    def close(self, timeout: float) -> None:
        """Leave the scheduler, which need not be there any more."""
        import distributed

        with suppress(FitpluginError, OSError, distributed.TimeoutError):
            for kept in self._kept.values():
                self._ask(self._client.unregister_worker_plugin, kept.name)
        # it would print the tracebacks of what it no longer reaches
        quiet = distributed.utils.silence_logging_cmgr(logging.CRITICAL)
        with quiet, suppress(OSError, distributed.TimeoutError):
            self._client.close(timeout)

    def _known(self, function: SealedFunction) -> SealedFunction:
        """Give a function to all workers, also to those to come; return it without content."""
        from fitplugin.pools.dask_plugin import KeptFunction

        kept = self._kept.pop(function.name, None)
        if kept is None:
            # not the digest: another client may have sent the same, and withdraw it
            kept = function._replace(name=f"fitplugin-{uuid4().hex}")
            self._ask(self._client.register_plugin, KeptFunction(kept), kept.name)
            kept = kept._replace(content=b"")
        self._kept[function.name] = kept
        if len(self._kept) > _N_KEPT:
            oldest = self._kept.pop(next(iter(self._kept)))
            self._ask(self._client.unregister_worker_plugin, oldest.name)
        return kept

    def _ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """Ask the scheduler, as long as there is hope of an answer."""
        try:
            return self._client.sync(question, *arguments, callback_timeout=self._patience)
        except Exception as accident:
            raise self._accident(accident) from accident

    def _wait_for(self, future: Any) -> BaseException | None:
        """Wait until a task is finished; return its exception if it has failed."""
        import distributed

        while True:
            with suppress(distributed.TimeoutError):
                error: BaseException | None = future.exception(timeout=_GLANCE)
                return error
            self.wait_for_workers()

    def _require_connection(self) -> None:
        if self._client.status != "running":
            raise self._lost()

    def _require_kept(self, future: Any) -> None:
        if future.cancelled():
            self._require_connection()
            raise FitpluginError(
                f"the dask scheduler at {self._address} has dropped this run's tasks: it was "
                "started again, or somebody has cancelled them. Start the run again"
            )

    def _lost(self) -> FitpluginError:
        return FitpluginError(
            f"the connection to the dask scheduler at {self._address} is lost: it was ended, or "
            "its machine or the network failed. Start it again, and then the run"
        )

    def _failure(self, error: BaseException) -> BaseException:
        """Return what a task raised as it is, and say why dask gave up a task."""
        if not type(error).__module__.startswith("distributed."):
            return error
        self._require_connection()
        return FitpluginError(
            f"dask gave up a task: {error} Workers die when the system kills them for want of "
            "memory (fewer need less), or when a library that the task calls crashes"
        )

    def _accident(self, error: Exception) -> BaseException:
        """Say what it means that the scheduler could not be asked."""
        import distributed

        self._require_connection()
        # a subclass of OSError from Python 3.11 on
        if isinstance(error, distributed.TimeoutError):
            return FitpluginError(
                f"the dask scheduler at {self._address} has not answered for {self._patience:g} s "
                "(the pool's option 'patience'); look at its machine, and start the run again"
            )
        return self._lost() if isinstance(error, OSError) else self._failure(error)
