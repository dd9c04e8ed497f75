"""The pool of one: everything runs in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import ClassVar, TypeVar

from pydantic import BaseModel

from fitplugin.pools.base import POINTS_PER_TASK, PoolOptions

Item = TypeVar("Item")
Result = TypeVar("Result")


class SerialOptions(PoolOptions):
    """Options of the pool `serial`."""


class SerialPool:
    """Map in this process, one item after another.

    >>> with SerialPool() as pool:
    ...     pool.map(abs, [-1, 2])
    [1, 2]
    """

    Options: ClassVar[type[BaseModel]] = SerialOptions

    def __init__(self, points_per_task: int = POINTS_PER_TASK) -> None:
        self.points_per_task = points_per_task

    @classmethod
    def from_options(cls, options: SerialOptions, processes: int) -> SerialPool:
        """Return a pool; it has one worker, whatever ``processes``."""
        return cls(options.points_per_task)

    @property
    def size(self) -> int:
        """Always 1."""
        return 1

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return ``[function(item) for item in items]``."""
        return list(self.imap(function, items))

    def imap(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield ``function(item)``, computed when it is asked for."""
        return map(function, items)

    def __enter__(self) -> SerialPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None
