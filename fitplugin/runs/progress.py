"""Progress bars with an ETA; silent when the output is not a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

from tqdm import tqdm

from fitplugin.runs.models import Job
from fitplugin.samplers.base import Progress


@contextmanager
def training_bar(jobs: Sequence[Job]) -> Iterator[Callable[[str], None]]:
    """Count trained models; give the callback that is told the name of each before it starts."""
    with tqdm(total=len(jobs), desc="training", unit="model", disable=None, leave=False) as bar:
        started = 0

        def on_train(name: str) -> None:
            nonlocal started
            if started:
                bar.update()
            started += 1
            bar.set_postfix_str(name)

        yield on_train


@contextmanager
def prior_bar(n_valid: int) -> Iterator[Callable[[int], None]]:
    """Count valid points of the prior; give the callback that is told how many there are."""
    with tqdm(total=n_valid, desc="prior", unit="point", disable=None, leave=False) as bar:

        def progress(n_found: int) -> None:
            bar.update(n_found - bar.n)

        yield progress


class ScanBar:
    """Progress of a nested sampler: iterations done of those expected until the tolerance."""

    def __init__(self) -> None:
        self._bar = tqdm(desc="sampling", unit="it", disable=None, leave=False, smoothing=0.1)
        self._first: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        """Take one record of the sampler."""
        bar = self._bar
        if bar.disable:
            return
        bar.total = max(progress.iteration + 1, self._expected(progress))
        bar.n = progress.iteration
        bar.set_postfix_str(
            f"calls={progress.n_like} ln Z={progress.log_z:.2f} remaining={progress.remaining:.2g}",
            refresh=False,
        )
        bar.update(0)

    def _expected(self, progress: Progress) -> int:
        # the evidence that remains shrinks about exponentially with the iterations
        if not 0 < progress.remaining < math.inf:
            return progress.iteration + 1
        if self._first is None:
            self._first = progress
        gained = self._first.remaining - progress.remaining
        if gained <= 0:
            return 2 * progress.iteration
        rate = gained / max(1, progress.iteration - self._first.iteration)
        return progress.iteration + int(progress.remaining / rate)

    def __enter__(self) -> ScanBar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()
