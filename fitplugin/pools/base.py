"""The one thing a pool must do: map a function over items, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Pool(Protocol):
    """Workers that map a function over items; a context manager.

    dynesty, nautilus and `concurrent.futures` users all ask for this and no more.
    """

    @property
    def size(self) -> int:
        """Number of workers (1 for a serial pool)."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return ``[function(item) for item in items]``, in order; exceptions propagate."""

    def __enter__(self) -> Any: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
