"""Progress bars with an ETA; silent when the output is not a terminal."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from tqdm import tqdm

from fitplugin.samplers.base import Progress

# above this the sampler has found nothing yet, and expm1 would overflow
_NO_ESTIMATE = 500.0
_SECONDS_BETWEEN_REPORTS = 1.0


@contextmanager
def training_bar(names: Sequence[str], work: int) -> Iterator[Callable[[int, int], None]]:
    """Count the work of training; give what is told the index of a model that is done, and its."""
    quiet = None if names else True
    with tqdm(
        total=work, desc="training", unit="row", unit_scale=True, disable=quiet, leave=False
    ) as bar:
        left = list(names)
        bar.set_postfix_str(", ".join(left))

        def done(index: int, amount: int) -> None:
            left.remove(names[index])
            bar.set_postfix_str(", ".join(left), refresh=False)
            bar.update(amount)

        yield done


Report = Callable[[Mapping[str, Any]], None]


class _Regularly:
    """Pass records on, not more often than people read them."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._next = 0.0

    def __call__(self, make: Callable[[], Mapping[str, Any]]) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _SECONDS_BETWEEN_REPORTS
            self._report(make())


@contextmanager
def prior_bar(n_valid: int, report: Report) -> Iterator[Callable[[int], None]]:
    """Count valid points of the prior; give the callback that is told how many there are."""
    regularly = _Regularly(report)
    with tqdm(total=n_valid, desc="prior", unit="point", disable=None, leave=False) as bar:

        def progress(n_found: int) -> None:
            bar.update(n_found - bar.n)
            regularly(lambda: {"stage": "prior", "done": n_found, "total": n_valid})

        yield progress


class ScanBar:
    """Progress of a nested sampler: iterations done of those expected until the tolerance.

    Parameters
    ----------
    n_live : int
        Live points; each iteration shrinks the remaining prior volume by exp(-1/n_live).
    tolerance : float
        ln(Z_total / Z_found) at which the sampler stops.
    report : callable
        Told once a second or so, for other shells.
    """

    def __init__(self, n_live: int, tolerance: float, report: Report) -> None:
        self._bar = tqdm(desc="sampling", unit="it", disable=None, leave=False)
        self._n_live = n_live
        self._tolerance = tolerance
        self._regularly = _Regularly(report)
        self._started = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """Take one record of the sampler."""
        bar = self._bar
        self._regularly(lambda: self._record(progress))
        if bar.disable:
            return
        bar.total = progress.iteration + self._still_to_do(progress.remaining)
        bar.set_postfix_str(
            f"calls={progress.n_like} ln Z={progress.log_z:.2f} remaining={progress.remaining:.2g}",
            refresh=False,
        )
        bar.update(progress.iteration - bar.n)

    def _record(self, progress: Progress) -> dict[str, Any]:
        still = self._still_to_do(progress.remaining)
        elapsed = time.monotonic() - self._started
        is_known = progress.iteration > 0 and 0 < progress.remaining < _NO_ESTIMATE
        return {
            "stage": "sampler",
            "done": progress.iteration,
            "total": progress.iteration + still if is_known else None,
            "n_like": progress.n_like,
            "log_z_box": progress.log_z if math.isfinite(progress.log_z) else None,
            "remaining": progress.remaining if math.isfinite(progress.remaining) else None,
            "eta_s": round(elapsed * still / progress.iteration, 1) if is_known else None,
        }

    def _still_to_do(self, remaining: float) -> int:
        # remaining = ln(1 + L_max X / Z): once the peak is found, L_max X shrinks with X
        if not 0 < remaining < _NO_ESTIMATE:
            return 1
        excess = math.log(math.expm1(remaining) / math.expm1(self._tolerance))
        return max(1, round(self._n_live * excess))

    def __enter__(self) -> ScanBar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()
