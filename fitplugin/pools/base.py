"""The one thing a pool must do: map a function over items, in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import BaseModel, Field

from fitplugin.options import Options

Item = TypeVar("Item")
Result = TypeVar("Result")

# One default for every pool: results may depend on the size of a batch, and so must not depend on
# the pool. Large enough to make the way to a worker cheap, small enough to spread a batch.
POINTS_PER_TASK = 512


def available_cores() -> int:
    """Return how many processor cores this process may use: a batch system may grant a part."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class PoolOptions(Options):
    """What every pool can be told."""

    points_per_task: int = Field(default=POINTS_PER_TASK, gt=0)
    """Points that a vectorised evaluation packs in one task."""


class Pool(Protocol):
    """Workers that map a function over items; a context manager.

    A pool is built from its section of a scan file with `from_options`.
    """

    Options: ClassVar[type[BaseModel]]

    points_per_task: int
    """Points that a vectorised evaluation packs in one task."""

    @classmethod
    def from_options(cls, options: Any, processes: int) -> Any:
        """Return a pool; ``processes`` is its size where the options leave that open."""

    @property
    def size(self) -> int:
        """Number of workers (1 for a serial pool)."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return ``[function(item) for item in items]``, in order; exceptions propagate."""

    def imap(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield what `map` returns, each result as soon as it and all before it are there.

        Work starts with the first result asked for. A caller may stop early: what has not begun
        is given up.
        """

    def __enter__(self) -> Any: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
