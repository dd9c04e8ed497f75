"""The scan's likelihood beside another one: time, the same scan run with it, and equal quality."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.runs.build import Scan
from fitplugin.studies.guest import Guest
from fitplugin.studies.speed.cost import RunCost, Stage
from fitplugin.studies.speed.parts import Timing, time_in_turns
from fitplugin.studies.speed.stopwatch import Clock, Spread
from fitplugin.studies.speed.timed_run import run_scan


class BatchTime(NamedTuple):
    """Seconds per point in batches of one size, theirs beside ours, on the same points."""

    points: str
    n_points: int
    n_repeats: int
    theirs: Spread
    ours: Spread

    @property
    def ratio(self) -> float:
        """Theirs over ours, of the medians."""
        return self.theirs.median / self.ours.median


class Differences(NamedTuple):
    """ln L of the other likelihood minus ours, at draws from our posterior.

    A constant difference changes the evidence by as much and no posterior; ``std`` does.
    """

    n_points: int
    n_refused: int
    """Points that the other refuses; it need not have our constraints."""
    mean: float
    std: float
    largest: float
    """Largest absolute value."""


class AtEqualQuality(NamedTuple):
    """The other's sampler cost brought to our quality, and over ours."""

    cost_s: float
    """processes x wall time of the sampler [s]: theirs as it was run."""
    ours_s: float
    at_equal_n_eff_s: float
    """cost x (our n_eff / their n_eff)."""
    at_equal_error_s: float
    """cost x (their error of ln Z / our error)^2."""

    @property
    def ratio_at_equal_n_eff(self) -> float:
        """How many times cheaper ours is, for as many effective samples."""
        return self.at_equal_n_eff_s / self.ours_s

    @property
    def ratio_at_equal_error(self) -> float:
        """How many times cheaper ours is, for the same error of ln Z."""
        return self.at_equal_error_s / self.ours_s


class Peer(NamedTuple):
    """Another likelihood in this scan."""

    reference: str
    times: tuple[BatchTime, ...]
    differences: Differences
    run: RunCost
    is_extrapolated: bool
    """True if its run would have taken too long: time per point x our calls, our overhead."""
    scaled: AtEqualQuality


def at_equal_n_eff(cost: float, n_eff: float, target: float) -> float:
    """Scale a cost to another number of effective samples, which it is proportional to.

    >>> at_equal_n_eff(10.0, 500.0, 1000.0)
    20.0
    """
    return cost * target / n_eff


def at_equal_error(cost: float, error: float, target: float) -> float:
    """Scale a cost to another error of ln Z, which falls with the root of the live points.

    >>> at_equal_error(10.0, 0.2, 0.1)
    40.0
    """
    return cost * (error / target) ** 2


def measure_peer(
    guest: Guest,
    scan: Scan,
    ours: RunCost,
    timings: tuple[Timing, ...],
    posterior: FloatArray,
    box: FloatArray,
    rng: np.random.Generator,
    limit_s: float,
    budget_s: float,
    clock: Clock,
) -> Peer:
    """Measure another likelihood on the points and batch sizes at which ours was measured.

    Parameters
    ----------
    guest : Guest
    scan : Scan
    ours : RunCost
        The scan with its own likelihood.
    timings : sequence of Timing
        Of our likelihood.
    posterior, box : (n, n_dim) arrays
        Points to ask.
    rng : Generator
    limit_s : float
        Longest expected wall time of a run with the other likelihood [s]; beyond, extrapolate.
    budget_s : float
        Of each batch size [s].
    clock : callable
    """
    from_where = {"posterior": posterior, "box": box}
    times = []
    for timing in timings:
        theta = from_where[timing.points]
        (theirs, own), n_repeats = time_in_turns(
            (guest.evaluate, scan.joint.evaluate), theta, timing.n_points, rng, budget_s, clock
        )
        times.append(BatchTime(timing.points, timing.n_points, n_repeats, theirs, own))
    expected_s = _nearest(times, ours).theirs.median * ours.n_like / ours.processes
    is_extrapolated = expected_s > limit_s
    if is_extrapolated:
        run = extrapolated(ours, expected_s, _nearest(times, ours).ours.median)
    else:
        run, _ = run_scan(scan, 0.0, clock, problem=guest, only_sampler=True)
    slowest = max(time.theirs.median for time in times)
    n_common = int(min(len(posterior), max(10, limit_s / 10 / slowest)))
    theta = posterior[:n_common]
    return Peer(
        guest.reference,
        tuple(times),
        differences(scan.joint.evaluate(theta), guest.evaluate(theta)),
        run,
        is_extrapolated,
        scaled(run, ours),
    )


def differences(ours: Any, theirs: Any) -> Differences:
    """Compare two evaluations of the same points, where both are valid."""
    both: BoolArray = np.asarray(ours.valid & theirs.valid)
    difference = (theirs.log_likelihood - ours.log_likelihood)[both]
    if not len(difference):
        difference = np.array([np.nan])
    return Differences(
        len(both),
        int((ours.valid & ~theirs.valid).sum()),
        float(difference.mean()),
        float(difference.std()),
        float(np.abs(difference).max()),
    )


def extrapolated(ours: RunCost, likelihood_s: float, our_seconds: float) -> RunCost:
    """Guess what a run would cost that makes our calls with another likelihood.

    Parameters
    ----------
    ours : RunCost
    likelihood_s : float
        Wall time of our calls with the other likelihood, spread over the processes [s].
    our_seconds : float
        Ours per point, taken out of our wall time where the run did not measure it [s].
    """
    stage = ours.stages["sampler"]
    busy = stage.likelihood_s
    if busy is None:
        busy = our_seconds * ours.n_like
    overhead_s = max(stage.wall_s - busy / ours.processes, 0.0)
    stages = {"sampler": Stage(overhead_s + likelihood_s, likelihood_s * ours.processes)}
    return ours._replace(
        stages=stages, batches=None, source="extrapolated: time per point x our calls, our overhead"
    )


def scaled(theirs: RunCost, ours: RunCost) -> AtEqualQuality:
    """Bring the cost of their sampler to our effective samples, and to our error of ln Z.

    Of the errors over the box and over the valid prior the smaller is the sampler's own; the other
    has that of the valid fraction in it.
    """
    cost = theirs.sampler_cpu_s
    errors = [min(run.log_z_error, run.log_z_box_error) for run in (theirs, ours)]
    return AtEqualQuality(
        cost,
        ours.sampler_cpu_s,
        at_equal_n_eff(cost, theirs.n_eff, ours.n_eff),
        at_equal_error(cost, *errors),
    )


def _nearest(times: list[BatchTime], ours: RunCost) -> BatchTime:
    """Return what was measured nearest to the batches that the run sends."""
    wanted = ours.batches.median if ours.batches else 1
    return min(times, key=lambda time: (abs(time.n_points - wanted), time.points != "posterior"))
