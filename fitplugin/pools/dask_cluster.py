"""Start a dask cluster on this machine, and find the address of one that runs elsewhere."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from fitplugin.errors import FitpluginError, InputError
from fitplugin.extras import require
from fitplugin.pools.worker import THREAD_VARIABLES, interrupt_blocked, single_thread

_PLACE = "the pool dask"

# Seconds that all workers of this machine together have to end.
_CLOSING = 30.0


def require_distributed() -> Any:
    """Return the module `distributed`, imported when it is needed.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    return require("distributed", _PLACE, "pip install 'fitplugin[dask]'", "dask.distributed")


def start_local_cluster(workers: int, timeout: float, ends: ExitStack) -> str:
    """Start worker processes on this machine, reachable from this machine only.

    Parameters
    ----------
    workers : int
        Number of processes, each with one numerical thread.
    timeout : float
        Seconds that they have to start.
    ends : ExitStack
        Told how to end them.

    Returns
    -------
    str
        The address of the scheduler, which runs in this process.

    Raises
    ------
    FitpluginError
        If the workers do not start in time.
    """
    distributed = require_distributed()
    import dask

    scratch = ends.enter_context(
        tempfile.TemporaryDirectory(prefix="fitplugin-", ignore_cleanup_errors=True)
    )
    # a worker that is started again later takes its environment from here
    again = {"distributed.nanny.pre-spawn-environ": dict.fromkeys(THREAD_VARIABLES, "1")}
    # the threads that start the workers inherit the mask of this one, and hand it on
    with _environment_kept(), single_thread(), interrupt_blocked(), dask.config.set(again):
        cluster = distributed.LocalCluster(
            n_workers=0,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            # with a limit dask would pause workers: a scan that waits without a word
            memory_limit=0,
            local_directory=scratch,
            silence_logs=logging.CRITICAL,
        )
        ends.callback(_close, cluster)
        cluster.scale(workers)
        try:
            cluster.wait_for_workers(workers, timeout)
        except distributed.TimeoutError as error:
            raise FitpluginError(
                f"the dask workers on this machine did not start within {timeout:g} s, because "
                "the machine is slow (the pool's option 'timeout' gives it more time) or the main "
                "script has no `if __name__ == '__main__':` guard"
            ) from error
    return str(cluster.scheduler_address)


def _close(cluster: Any) -> None:
    """End the workers; those with a task in hand are killed after some seconds."""
    distributed = require_distributed()
    with suppress(distributed.TimeoutError):  # at the latest they end with this process
        cluster.close(timeout=_CLOSING)


def scheduler_address(address: str) -> str:
    """Return the address itself, or what a scheduler wrote in the file of that name.

    Raises
    ------
    InputError
        If the file is not there or does not name an address.
    """
    if not address.endswith(".json"):
        return address
    try:
        return str(json.loads(Path(address).read_text(encoding="utf-8"))["address"])
    except OSError as error:
        raise InputError(
            _PLACE, f"{address} cannot be read ({error.strerror}): has the scheduler started?"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            _PLACE, f"{address} names no 'address'; `dask scheduler --scheduler-file` writes one"
        ) from error


def connect(address: str, timeout: float) -> Any:
    """Return a client of the scheduler at an address, or of the one that wrote a file.

    Raises
    ------
    InputError
        If no scheduler answers within ``timeout`` seconds.
    """
    distributed = require_distributed()

    found = scheduler_address(address)
    place = found if found == address else f"{found}, the address in {address},"
    try:
        distributed.utils.LoopRunner().run_sync(_greet, found, timeout)
        return distributed.Client(found, timeout=timeout, set_as_default=False)
    # distributed raises asyncio's, which is another class before Python 3.11
    except (OSError, ValueError, distributed.TimeoutError) as error:
        raise InputError(
            _PLACE,
            f"no dask scheduler answers at {place} within {timeout:g} s. Start one "
            "(`dask scheduler` prints its address), correct the address, or leave it out for "
            "workers on this machine",
        ) from error


async def _greet(address: str, timeout: float) -> None:
    """Have a scheduler say who it is: a client would wait for ever for a listener that is silent.

    Raises
    ------
    ValueError
        If the address is malformed.
    OSError, TimeoutError
        If it does not answer.
    """
    distributed = require_distributed()
    distributed.comm.get_address_host_port(address, strict=True)
    security = distributed.Security().get_connection_args("client")
    async with distributed.rpc(address, connection_args=security) as scheduler:
        await asyncio.wait_for(scheduler.identity(), timeout)


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Undo what is done to the environment meanwhile: dask sets variables for its workers."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)
