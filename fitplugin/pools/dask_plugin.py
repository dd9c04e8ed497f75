"""How a large function reaches all workers of a dask cluster, also those that start later."""

from __future__ import annotations

from typing import Any

from distributed import WorkerPlugin

from fitplugin.pools.dask_task import SealedFunction, forget, keep


class KeptFunction(WorkerPlugin):
    """Keeps a function in every worker until it is unregistered."""

    def __init__(self, function: SealedFunction) -> None:
        self._function = function

    def setup(self, worker: Any) -> None:
        """Keep the function in the worker that has just learnt of it."""
        keep(self._function)

    def teardown(self, worker: Any) -> None:
        """Forget it."""
        forget(self._function)
