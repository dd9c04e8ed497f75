"""The pool of one: everything runs in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class SerialPool:
    """Map in this process, one item after another.

    >>> with SerialPool() as pool:
    ...     pool.map(abs, [-1, 2])
    [1, 2]
    """

    @property
    def size(self) -> int:
        """Always 1."""
        return 1

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return ``[function(item) for item in items]``."""
        return [function(item) for item in items]

    def __enter__(self) -> SerialPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None
