"""Let many walks that ask for one point at a time advance together, in batches.

A random walk needs the likelihood of its last step before it can take the next, but many walks do
not need each other. Each runs in a thread of its own until it asks; when all that still run have
asked, their points are evaluated as one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

import numpy as np

from fitplugin.arrays import FloatArray

Result = TypeVar("Result")
Ask = Callable[[FloatArray], Any]
Walk = Callable[[Ask], Result]


class _Abandoned(BaseException):
    """Ends the threads of the other walks when one of them, or the likelihood, fails."""


class _Walker(Thread):
    """One walk in its thread; it tells ``reports`` when it asks and when it ends."""

    def __init__(self, place: int, walk: Walk[Any], reports: SimpleQueue[int]) -> None:
        super().__init__(daemon=True)
        self._place = place
        self._walk = walk
        self._reports = reports
        self._answers: SimpleQueue[Any] = SimpleQueue()
        self.question: FloatArray | None = None
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._walk(self._ask)
        except BaseException as error:
            self.error = error
        self.question = None
        self._reports.put(self._place)

    def answer(self, value: Any) -> None:
        self._answers.put(value)

    def _ask(self, theta: FloatArray) -> Any:
        self.question = theta
        self._reports.put(self._place)
        answer = self._answers.get()
        if isinstance(answer, _Abandoned):
            raise answer
        return answer


def advance_together(
    walks: Sequence[Walk[Result]], evaluate: Callable[[FloatArray], Sequence[Any]]
) -> list[Result]:
    """Run all walks to their end and return their results, in order.

    Parameters
    ----------
    walks : sequence of callables
        Each is called with ``ask``, which takes (n_dim,) theta and returns its evaluation.
    evaluate : callable
        (n_points, n_dim) points to a sequence of n_points evaluations; called in this thread,
        with the points in the order of the walks.
    """
    reports: SimpleQueue[int] = SimpleQueue()
    walkers = [_Walker(place, walk, reports) for place, walk in enumerate(walks)]
    running = list(walkers)
    for walker in walkers:
        walker.start()
    try:
        while running:
            for _ in running:
                reports.get()
            running = [walker for walker in running if walker.question is not None]
            if running:
                theta = np.array([walker.question for walker in running])
                for walker, value in zip(running, evaluate(theta), strict=True):
                    walker.answer(value)
    except BaseException:
        for walker in running:
            walker.answer(_Abandoned())
        raise
    finally:
        for walker in walkers:
            walker.join()
    for walker in walkers:
        if walker.error is not None:
            raise walker.error
    return [walker.result for walker in walkers]
