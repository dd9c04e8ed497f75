"""How fast is a scan, and how much faster than something else? Measured, and stated honestly."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import TypeAdapter, ValidationError
from tqdm import tqdm

from fitplugin.arrays import FloatArray
from fitplugin.data.folders import refuse_other
from fitplugin.data.tables import read_table
from fitplugin.errors import InputError
from fitplugin.options import problem_of
from fitplugin.pools.base import POINTS_PER_TASK
from fitplugin.runs import directory
from fitplugin.runs.build import Scan
from fitplugin.runs.config import ScanConfig
from fitplugin.runs.loading import load_scan
from fitplugin.runs.models import default_cache
from fitplugin.studies.guest import Guest
from fitplugin.studies.machine import Machine, machine_now
from fitplugin.studies.speed.cost import RunCost, recorded_cost
from fitplugin.studies.speed.paper import Comparison, compared
from fitplugin.studies.speed.parts import Timing, time_parts, timed_likelihood
from fitplugin.studies.speed.peer import Peer, measure_peer
from fitplugin.studies.speed.simulated_cost import SimulatedCost, simulated_cost
from fitplugin.studies.speed.stopwatch import Clock
from fitplugin.studies.speed.timed_run import run_scan

SCHEMA_VERSION = 1
NUMBERS = "speed.json"
TEXT = "speed.txt"
LARGE_BATCH = 1000
_N_POINTS = 2000  # of each kind, from which batches are drawn


class Speed(NamedTuple):
    """What `measure` found."""

    scan: str
    """Name of the scan file."""
    title: str
    digest: str
    names: tuple[str, ...]
    regions: tuple[str, ...]
    machine: Machine
    timings: tuple[Timing, ...]
    """By points and size of batch, on one numerical thread."""
    typical_batch: int
    """Points of a batch as the run sends them; those of a task if it did not say."""
    run: RunCost
    n_simulated: int
    """Simulated points behind the efficiencies."""
    paper: tuple[Comparison, ...]
    against: Peer | None
    simulation: SimulatedCost | None = None
    """What simulating a point takes, if that was measured."""

    def timing(self, points: str, n_points: int) -> Timing:
        """Return one of the timings."""
        return _timing(self.timings, points, n_points)

    def sampler_overhead(self) -> tuple[float, bool]:
        """Share of the sampler's stage that is not likelihood, and whether it was measured.

        If not, it is estimated from the calls and the time per point in `typical_batch`.
        """
        measured = self.run.overhead("sampler")
        if measured is not None:
            return measured, True
        busy = self.run.n_like * self.timing("posterior", self.typical_batch).seconds.median
        return 1.0 - busy / self.run.sampler_cpu_s, False

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return {"schema": SCHEMA_VERSION, **_plain(self)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Speed:
        """Read what `to_dict` gave.

        Raises
        ------
        InputError
            If it is something else, or of another release.
        """
        if content.get("schema") != SCHEMA_VERSION:
            raise InputError(
                NUMBERS,
                f"has schema version {content.get('schema')}; this release reads {SCHEMA_VERSION}",
            )
        values = {key: value for key, value in content.items() if key != "schema"}
        try:
            return TypeAdapter(Speed).validate_python(values)
        except ValidationError as error:
            place, message = problem_of(error)
            raise InputError(f"{NUMBERS}: {place}", message) from error


def measure(
    scan_path: str | Path,
    against: str | None = None,
    run: str | Path | None = None,
    cache: str | Path | None = None,
    limit_s: float = 600.0,
    budget_s: float = 2.0,
    clock: Clock = time.perf_counter,
    cpu_clock: Clock = time.process_time,
    simulated: str | Path | None = None,
    *,
    allow_code: bool = False,
) -> Speed:
    """Run a scan, time its likelihood by part, and compare the cost.

    Parameters
    ----------
    scan_path : path
    against : str, optional
        Another likelihood to run this scan with: see `Guest`.
    run : path, optional
        A finished run of this scan, whose recorded seconds and posterior stand for a new one.
    cache : path, optional
        Folder of trained models; default: the user's cache.
    limit_s : float
        Longest run with the other likelihood [s]; what would take longer is extrapolated.
    budget_s : float
        For each batch size and kind of points [s].
    clock : callable
        Seconds of wall time from any origin; sent to workers.
    cpu_clock : callable
        Seconds of processor time of this process.
    simulated : path, optional
        File of `fitplugin simulate` with the seconds that simulating a point takes.
    allow_code : bool
        Run code that the scan file names, or another one to compare with.

    Raises
    ------
    InputError
        Before anything is measured: if the scan is not usable, the run is one of another scan, or
        the other likelihood cannot be found or does not fit.
    """
    path = Path(scan_path)
    models_folder = default_cache() if cache is None else Path(cache)
    machine = machine_now()
    simulation = None if simulated is None else simulated_cost(simulated)
    start = clock()
    scan = load_scan(path, models_folder, in_parallel=True, allow_code=allow_code)
    models_s = clock() - start
    joint = scan.joint
    guest = None
    if against:
        guest = Guest(against, joint.space, str(models_folder), allow_code=allow_code)
    rng = np.random.default_rng(scan.config.seed)
    if run is None:
        cost, chain = run_scan(scan, models_s, clock)
        posterior = _drawn(chain.samples, chain.weights, rng)
    else:
        cost, posterior = _recorded(Path(run), scan, rng)
    box = joint.prior_transform(rng.random((_N_POINTS, joint.n_dim)))
    typical = cost.batches.median if cost.batches else _likely_batch(scan.config)
    timed = timed_likelihood(scan, path.parent, models_folder, cpu_clock)
    plan = [
        (points, theta, size)
        for size in sorted({1, typical, LARGE_BATCH})
        for points, theta in (("posterior", posterior), ("box", box))
    ]
    timings = tuple(
        time_parts(joint, timed, points, theta, size, rng, budget_s, clock, cpu_clock)
        for points, theta, size in tqdm(plan, desc="timing", disable=None, leave=False)
    )
    peer = None
    if guest is not None:
        peer = measure_peer(
            guest, scan, cost, timings, posterior, box, rng, limit_s, budget_s, clock
        )
    alone, together = (_timing(timings, "posterior", size) for size in (1, typical))
    n_simulated = simulated_points(scan.config, path.parent)
    return Speed(
        scan=path.name,
        title=scan.config.title,
        digest=joint.digest(),
        names=tuple(joint.names),
        regions=tuple(region.name for region in scan.config.regions),
        machine=machine,
        timings=timings,
        typical_batch=typical,
        run=cost,
        n_simulated=n_simulated,
        paper=compared(
            alone.efficiencies(),
            cost,
            n_simulated,
            together.seconds.median,
            len(scan.config.regions),
        ),
        against=peer,
        simulation=simulation,
    )


def output_of(scan_path: str | Path, output: str | Path | None) -> Path:
    """Return the folder of a measurement: by default ``runs/NAME-bench`` for ``NAME.yaml``."""
    return Path(output) if output is not None else Path("runs") / f"{Path(scan_path).stem}-bench"


def refuse_existing(target: Path, force: bool) -> None:
    """Refuse to overwrite: a measurement without ``--force``, anything else always."""
    refuse_other(target, NUMBERS, "is no measurement", force)


def simulated_points(config: ScanConfig, folder: Path) -> int:
    """Count the simulated parameter points behind the efficiencies of a scan."""
    names = {region.efficiency.dataset for region in config.regions}
    tables = [read_table(name, folder).columns for name in sorted(names)]
    # a table of one's own has a row per point and needs no id
    return sum(
        len(np.unique(t["id"]) if config.theory is None else next(iter(t.values()))) for t in tables
    )


def _recorded(path: Path, scan: Scan, rng: np.random.Generator) -> tuple[RunCost, FloatArray]:
    """Read cost and posterior of a run that must be one of this scan."""
    run = directory.read_run(path)
    names = tuple(run.ranges)
    if names != tuple(scan.joint.names):
        raise InputError(
            str(path),
            f"is a run of another scan: it scanned {', '.join(names)}, this scan has "
            f"{', '.join(scan.joint.names)}",
        )
    if run.manifest["digest"] != scan.joint.digest():
        before, now = run.manifest["digests"], scan.digests
        changed = [name for name in now if before.get(name) != now[name]]
        raise InputError(
            str(path),
            f"is a run of another likelihood ({', '.join(changed) or 'its digest'} differs); run "
            "this scan again, or leave --run out",
        )
    samples = np.column_stack([run.posterior.columns[name] for name in names])
    return recorded_cost(run), _drawn(samples, run.posterior.weights, rng)


def _drawn(samples: FloatArray, weights: FloatArray, rng: np.random.Generator) -> FloatArray:
    rows = rng.choice(len(samples), _N_POINTS, p=weights / weights.sum())
    return np.asarray(samples[rows])


def _timing(timings: tuple[Timing, ...], points: str, n_points: int) -> Timing:
    return next(t for t in timings if (t.points, t.n_points) == (points, n_points))


def _likely_batch(config: ScanConfig) -> int:
    if hasattr(config.sampler.plugin, "for_processes"):
        return 1  # it asks in processes of its own, point by point
    options = config.pool.options if config.pool else None
    return int(getattr(options, "points_per_task", POINTS_PER_TASK))


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {name: _plain(one) for name, one in value._asdict().items()}
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
