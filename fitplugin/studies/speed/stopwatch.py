"""Time by part of anything that is made of objects, each moment counted once."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

Thing = TypeVar("Thing")
Clock = Callable[[], float]


class Spread(NamedTuple):
    """Median and quartiles of repeated measurements."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: ArrayLike) -> Spread:
        """Summarise (n_repeats,) values.

        >>> Spread.of([3.0, 1.0, 2.0])
        Spread(median=2.0, low=1.5, high=2.5)
        """
        low, median, high = np.quantile(np.asarray(values, dtype=float), [0.25, 0.5, 0.75]).tolist()
        return cls(median, low, high)


class Stopwatch:
    """Seconds by part: time within a part that is within another counts for the inner one only.

    So the parts of a call add up to what the call took.

    Parameters
    ----------
    clock : callable
        Seconds from any origin.

    >>> ticks = iter(range(10))
    >>> watch = Stopwatch(lambda: float(next(ticks)))
    >>> inner = watch.timed("inner", lambda: None)
    >>> watch.timed("outer", inner)()
    >>> watch.take()
    {'outer': 2.0, 'inner': 1.0}
    """

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._seconds: dict[str, float] = {}
        self._under_way: list[str] = []
        self._last = 0.0

    def take(self) -> dict[str, float]:
        """Return seconds by part since the last time, and begin anew."""
        found, self._seconds = self._seconds, {}
        return found

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, its time counted for a part."""

        def call(*arguments: Any, **options: Any) -> Any:
            self._lap()
            self._under_way.append(part)
            try:
                return function(*arguments, **options)
            finally:
                self._lap()
                self._under_way.pop()

        return call

    def over(self, thing: Thing, part: str) -> Thing:
        """Return a copy of an object whose public methods count for a part.

        It is of a subclass, so that code that asks what it is finds what it looks for. An object
        without a ``__dict__`` is returned as it is; its time then counts for who calls it.
        """
        own = type(thing)
        if not hasattr(thing, "__dict__"):
            return thing
        methods = {
            name: self.timed(part, function)
            for base in reversed(own.__mro__)
            for name, function in vars(base).items()
            if isinstance(function, FunctionType)
            and (name == "__call__" or not name.startswith("_"))
        }
        # not copy.copy: what pickles as a recipe would be built again, without what was put in
        copy: Thing = object.__new__(type(own.__name__, (own,), methods))
        vars(copy).update(vars(thing))
        return copy

    def _lap(self) -> None:
        now = self._clock()
        if self._under_way:
            part = self._under_way[-1]
            self._seconds[part] = self._seconds.get(part, 0.0) + now - self._last
        self._last = now
