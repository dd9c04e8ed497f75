"""A worker process with one numerical thread, deaf to Ctrl-C, that never outlives its parent."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import connection, parent_process, resource_tracker
from multiprocessing.context import SpawnProcess

# Numerical libraries read these once, when they are loaded; N workers with N threads each
# would fight for the same cores.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


class WorkerProcess(SpawnProcess):
    """A spawned process: it shares nothing with its parent but what is sent to it.

    Fork is not used: it copies the locks of numerical libraries in whatever state they are.
    """

    def start(self) -> None:
        """Start with the environment and the signal mask of a worker."""
        with single_thread(), interrupt_blocked():
            super().start()


def exit_with_parent() -> None:
    """End this process as soon as its parent is gone, also when that was killed.

    A worker waits for work on a pipe whose writing end it holds itself, so it would never
    notice.
    """
    parent = parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def watch() -> None:
        connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def single_thread() -> Iterator[None]:
    """Set the thread variables to 1 for processes started meanwhile."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def interrupt_blocked() -> Iterator[None]:
    """Block Ctrl-C for processes started meanwhile: the parent alone answers it.

    The mask is inherited, so the worker is quiet from its first instruction; a Ctrl-C that
    arrives meanwhile reaches the parent afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows has no signal masks
        yield
        return
    # which would otherwise be started meanwhile, and unblock Ctrl-C in the thread that starts it
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
