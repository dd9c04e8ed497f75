"""Run a scan and measure it: wall time by stage, and how much of it is the likelihood."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.runs import directory
from fitplugin.runs.build import Scan
from fitplugin.runs.progress import ScanBar, prior_bar
from fitplugin.runs.runner import open_pool
from fitplugin.runs.summary import best_evidence
from fitplugin.samplers.base import Problem
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.contract import evaluation_of
from fitplugin.samplers.evaluation import Recorded
from fitplugin.samplers.journal import Journal
from fitplugin.samplers.prior import PriorSample, Validity, sample_prior
from fitplugin.stats.weighted import effective_size
from fitplugin.studies.speed.cost import Batches, RunCost, Stage
from fitplugin.studies.speed.stopwatch import Clock

SECONDS = "batch_seconds"


class Clocked:
    """A problem that says with every point how long its batch took: one more blob.

    So the seconds come back from wherever the batch was evaluated.
    """

    def __init__(self, problem: Any, clock: Clock = time.perf_counter) -> None:
        self._problem = problem
        self._clock = clock
        self.names = tuple(problem.names)
        self.blob_names = (*problem.blob_names, SECONDS)

    def prior_transform(self, unit_cube: FloatArray) -> FloatArray:
        """Map (n_points, n_dim) or (n_dim,) from the unit cube to theta."""
        theta: FloatArray = self._problem.prior_transform(unit_cube)
        return theta

    def evaluate(self, theta: FloatArray) -> _Evaluation:
        """Evaluate (n_points, n_dim) points, as samplers do."""
        start = self._clock()
        found = evaluation_of(self._problem, theta)
        seconds = self._clock() - start
        blobs = {**found.blobs, SECONDS: np.full(len(theta), seconds)}
        return _Evaluation(found.log_likelihood, found.valid, blobs)


class _Evaluation(NamedTuple):
    log_likelihood: FloatArray
    valid: BoolArray
    blobs: Mapping[str, FloatArray]


class Evaluated(NamedTuple):
    """Every batch that was evaluated, in order: its size and its seconds."""

    sizes: np.ndarray
    seconds: FloatArray


def run_scan(
    scan: Scan,
    models_s: float,
    clock: Clock = time.perf_counter,
    problem: Problem | None = None,
    only_sampler: bool = False,
) -> tuple[RunCost, Chain]:
    """Run a scan as `fitplugin run` does, same seeds and settings, and say what it cost.

    Parameters
    ----------
    scan : Scan
    models_s : float
        What loading or training its models took.
    clock : callable
    problem : Problem, optional
        Asked by the sampler in place of the scan's own likelihood.
    only_sampler : bool
        Leave out the prior sample and the files.
    """
    config = scan.config
    prior_seed, sampler_seed = np.random.SeedSequence(config.seed).spawn(2)
    stages = {"models": Stage(models_s)}
    before_s = _cpu_seconds()
    with tempfile.TemporaryDirectory() as scratch, open_pool(config) as pool:
        folder = Path(scratch)
        prior: PriorSample | None = None
        if config.prior_sample and not only_sampler:
            start = clock()
            validity = Clocked(Validity(scan.joint), clock)
            with (
                closing(Recorded(validity, folder / "prior.journal")) as recorded,
                prior_bar(config.prior_sample, _silent) as told,
            ):
                prior = sample_prior(recorded, config.prior_sample, pool, prior_seed, progress=told)
            stages["prior"] = Stage(
                clock() - start, float(evaluated(folder, "prior", validity).seconds.sum())
            )
        start = clock()
        clocked = Clocked(problem or scan.joint, clock)
        options = config.sampler.options
        n_live, tolerance = getattr(options, "n_live", 1), getattr(options, "tolerance", 0.5)
        with (
            closing(Recorded(clocked, folder / "sampler.journal")) as recorded,
            ScanBar(n_live, tolerance, _silent) as bar,
        ):
            chain: Chain = config.sampler.plugin().run(
                recorded, options, pool, sampler_seed, folder, bar
            )
        wall_s = clock() - start
        batches = evaluated(folder, "sampler", clocked)
        stages["sampler"] = Stage(wall_s, float(batches.seconds.sum()))
        if not only_sampler:
            start = clock()
            directory.write_chain(folder, chain, config.free)
            if prior is not None:
                directory.write_prior(folder, prior.samples, config.free)
            stages["files"] = Stage(clock() - start)
    evidence = best_evidence(chain, prior)
    cost = RunCost(
        sampler=chain.sampler,
        n_live=chain.n_live,
        processes=pool.size,
        stages=stages,
        n_like=chain.n_like,
        n_eff=effective_size(chain.weights),
        log_z=evidence.log_z,
        log_z_error=evidence.log_z_error,
        log_z_box=evidence.log_z_box,
        log_z_box_error=evidence.log_z_box_error,
        batches=Batches.of(batches.sizes),
        cpu_s=_cpu_seconds() - before_s,
        source="run for this measurement",
    )
    return cost, chain


def evaluated(folder: Path, name: str, problem: Problem) -> Evaluated:
    """Read sizes and seconds of every batch from the journals of a stage.

    A sampler with processes of its own (MultiNest) keeps one journal for each of them.
    """
    batches = [batch for path in sorted(folder.glob(f"{name}*.journal"))
               for batch in _batches(path, problem)]  # fmt: skip
    sizes, seconds = zip(*batches, strict=True) if batches else ((), ())
    return Evaluated(np.array(sizes, dtype=int), np.array(seconds, dtype=float))


def _batches(path: Path, problem: Problem) -> Iterator[tuple[int, float]]:
    with closing(Journal(path, problem.names, problem.blob_names)) as journal:
        # the seconds are those of the batch, in each of its rows
        while (rows := journal.next()) is not None:
            yield len(rows), float(rows[0, -1])


def _cpu_seconds() -> float:
    """Processor time of this process and of its children that have ended [s]."""
    return sum(os.times()[:4])


def _silent(_: Mapping[str, Any]) -> None:
    """Report to nobody: this run has no directory for `fitplugin status` to read."""
