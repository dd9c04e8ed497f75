"""Where the time of a likelihood goes: its parts, on points that a scan meets.

The parts are the real objects of the likelihood, found by what they are (a surrogate, a
cross-section, a term), so that nothing here depends on how they work inside.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from fitplugin.arrays import FloatArray
from fitplugin.components import Component
from fitplugin.likelihoods.joint import JointLikelihood, Recipe
from fitplugin.physics.cross_section import PairProduction
from fitplugin.physics.efficiency import LearnedEfficiency
from fitplugin.physics.own_theory import LearnedCrossSection
from fitplugin.physics.theory import Theory
from fitplugin.runs.build import Scan, build
from fitplugin.runs.models import ModelCache
from fitplugin.studies.speed.stopwatch import Clock, Spread, Stopwatch
from fitplugin.surrogates import Dataset, Surrogate

# in the order of the chain; several have a region or a model in their name
MASSES, BRANCHING, VALIDITY = "spectrum: masses", "spectrum: branching", "spectrum: validity"
SPECTRUM = "spectrum: rest"
CROSS_SECTION, YIELDS, COUNTS = "cross-section", "yields", "counts"
TERMS, CONSTRAINTS, CHECKS = "other terms", "constraints", "checks"

MEANING: Mapping[str, str] = {
    SPECTRUM: "derived inputs, assembling",
    YIELDS: "events with errors, collecting the observables",
    COUNTS: "every region and their combination",
    CHECKS: "of theta, NaN and blobs, assembling the batch",
}
"""What a part holds, where its name does not say it."""

_TRAINED = {"spectrum": MASSES, "branching": BRANCHING, "validity": VALIDITY}
_LEAST_REPEATS, _MOST_REPEATS = 5, 200


class Timing(NamedTuple):
    """Seconds per point of one kind of points in batches of one size, on one numerical thread.

    Processor time of this process but for ``wall``: others on the machine do not count. What waits
    for another program does not count either; then ``wall`` is much larger.
    """

    points: str
    """``posterior``: drawn from the run's posterior; ``box``: from the whole prior box."""
    n_points: int
    """Of a batch."""
    n_repeats: int
    seconds: Spread
    """Per point, of the likelihood as it is."""
    wall: Spread
    """The same by the clock on the wall."""
    parts: Mapping[str, Spread]
    """Per point, by part, of the same likelihood with timers in it."""
    timers: float
    """What the timers add, as a share of the median."""

    def efficiencies(self) -> float:
        """Return seconds per point for the efficiencies of all regions."""
        start = efficiency_part("").rstrip("]")
        return sum(part.median for name, part in self.parts.items() if name.startswith(start))


class TimedLikelihood(NamedTuple):
    """A likelihood with timers in its parts; its values are the same."""

    evaluate: Callable[[FloatArray], Any]
    watch: Stopwatch


def efficiency_part(region: str) -> str:
    """Return the name of a region's efficiency among the parts."""
    return f"efficiency[{region}]"


def timed_likelihood(
    scan: Scan, folder: Path, cache: Path, clock: Clock = time.process_time
) -> TimedLikelihood:
    """Build the likelihood of a scan again, with timers in its parts.

    Parameters
    ----------
    scan : Scan
        As `fitplugin.runs.loading.load_scan` gives it, so that its models are trained.
    folder : path
        Where relative paths in the scan file start.
    cache : path
        Folder of trained models.
    clock : callable
    """
    watch = Stopwatch(clock)
    models = _TimedModels(cache, scan.config.training_seed, watch)
    joint = build(scan.config, folder, models).joint
    timed = JointLikelihood(
        joint.space,
        _timed_theory(joint.theory, watch),
        [watch.over(term, COUNTS) for term in joint.regions],
        watch.over(joint.combination, COUNTS),
        [watch.over(term, TERMS) for term in joint.terms],
        [watch.over(term, CONSTRAINTS) for term in joint.constraints],
        Recipe(_never, (), joint.digest()),
    )
    return TimedLikelihood(watch.timed(CHECKS, timed.evaluate), watch)


def time_parts(
    joint: JointLikelihood,
    timed: TimedLikelihood,
    points: str,
    theta: FloatArray,
    n_points: int,
    rng: np.random.Generator,
    budget_s: float = 2.0,
    clock: Clock = time.perf_counter,
    cpu_clock: Clock = time.process_time,
) -> Timing:
    """Time a likelihood and its parts, in turns, on batches drawn from (n, n_dim) points.

    Repeats until ``budget_s`` is spent, at least 5 times and at most 200.
    """
    plain: list[float] = []
    wall: list[float] = []
    parts: list[dict[str, float]] = []
    with threadpool_limits(1):
        joint.evaluate(theta[:n_points])
        begin = clock()
        while _goes_on(len(plain), clock() - begin, budget_s):
            batch = theta[rng.integers(len(theta), size=n_points)]
            start, cpu_start = clock(), cpu_clock()
            joint.evaluate(batch)
            plain.append((cpu_clock() - cpu_start) / n_points)
            wall.append((clock() - start) / n_points)
            timed.watch.take()
            timed.evaluate(batch)
            parts.append(timed.watch.take())
    names = dict.fromkeys(name for one in parts for name in sorted(one, key=_place))
    table = {
        name: np.array([one.get(name, 0.0) for one in parts]) / n_points
        for name in sorted(names, key=_place)
    }
    with_timers = float(np.median(np.sum(list(table.values()), axis=0)))
    return Timing(
        points,
        n_points,
        len(plain),
        Spread.of(plain),
        Spread.of(wall),
        {name: Spread.of(values) for name, values in table.items()},
        with_timers / float(np.median(plain)) - 1.0,
    )


def time_in_turns(
    asked: Sequence[Callable[[FloatArray], Any]],
    theta: FloatArray,
    n_points: int,
    rng: np.random.Generator,
    budget_s: float = 2.0,
    clock: Clock = time.perf_counter,
) -> tuple[tuple[Spread, ...], int]:
    """Wall time per point of functions of (n_points, n_dim) batches, and how often each was asked.

    They take turns on the same batches, so that whatever else the machine does hits all of them.
    """
    found: list[list[float]] = []
    with threadpool_limits(1):
        begin = clock()
        # a slow one is asked once: better than not at all
        while not found or (clock() - begin < budget_s and len(found) < _MOST_REPEATS):
            batch = theta[rng.integers(len(theta), size=n_points)]
            marks = [clock()]
            for ask in asked:
                ask(batch)
                marks.append(clock())
            found.append(list(np.diff(marks) / n_points))
    return tuple(Spread.of(values) for values in zip(*found, strict=True)), len(found)


def _goes_on(n_repeats: int, seconds: float, budget_s: float) -> bool:
    return n_repeats < _LEAST_REPEATS or (seconds < budget_s and n_repeats < _MOST_REPEATS)


class _TimedModels(ModelCache):
    """Trained surrogates, each with a timer."""

    def __init__(self, folder: Path, seed: int, watch: Stopwatch) -> None:
        super().__init__(folder, seed)
        self._watch = watch

    def __call__(self, name: str, dataset: Dataset, surrogate: Component) -> Surrogate:
        kind, _, of = name.partition("-")
        known = {"efficiency": efficiency_part(of), "likelihood": TERMS}
        part = known.get(kind) or _TRAINED.get(name, f"model: {name}")
        return self._watch.over(super().__call__(name, dataset, surrogate), part)


def _timed_theory(theory: Theory, watch: Stopwatch) -> Theory:
    copy = watch.over(theory, YIELDS)
    for name, value in list(vars(copy).items()):
        vars(copy)[name] = _timed_part(value, watch)
    return copy


def _timed_part(value: Any, watch: Stopwatch) -> Any:
    if isinstance(value, PairProduction | LearnedCrossSection):
        return watch.over(value, CROSS_SECTION)
    if isinstance(value, Mapping):
        return {
            key: watch.over(one, efficiency_part(key))
            if isinstance(one, LearnedEfficiency)
            else one
            for key, one in value.items()
        }
    return watch.over(value, SPECTRUM) if hasattr(value, "spectrum") else value


_ORDER = (
    MASSES, BRANCHING, VALIDITY, "model: ", SPECTRUM, CROSS_SECTION, "efficiency[", YIELDS, COUNTS,
    TERMS, CONSTRAINTS, CHECKS,
)  # fmt: skip


def _place(part: str) -> tuple[int, str]:
    return next(i for i, start in enumerate(_ORDER) if part.startswith(start)), part


def _never(*_: Any) -> JointLikelihood:
    raise RuntimeError("a likelihood with timers stays in its process")
