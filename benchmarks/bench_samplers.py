"""What does each sampler cost on the natural-SUSY likelihood, and what do its wrapper and pool add?

Runs the likelihood of scans/natural_susy/reconstruction.yaml with every sampler that is installed:
in one process, in two, and on a local dask cluster of two; then each sampler by hand on the same
likelihood, as its own documentation says. Writes results/samplers.json.

    python benchmarks/bench_samplers.py
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import fitplugin
from fitplugin import plugins
from fitplugin.adapters import callables
from fitplugin.errors import InputError
from fitplugin.pools.serial import SerialPool
from fitplugin.samplers.evaluation import Recorded, evaluate_many
from fitplugin.stats.weighted import effective_size

HERE = Path(__file__).parent
SCAN = HERE.parent / "scans" / "natural_susy" / "reconstruction.yaml"
N_LIVE = 250
OPTIONS: dict[str, dict[str, Any]] = {
    "dynesty": {"n_live": N_LIVE},
    "multinest": {"n_live": N_LIVE},
    "ultranest": {"n_live": N_LIVE},
    "nautilus": {"n_live": 500, "n_eff": 1000},
}
POOLS: dict[str, int] = {"serial": 1, "processes": 2, "dask": 2}


class Timed:
    """A problem that knows how long it was asked."""

    def __init__(self, problem: Any) -> None:
        self._problem = problem
        self.names, self.blob_names = problem.names, problem.blob_names
        self.prior_transform = problem.prior_transform
        self.seconds = 0.0

    def evaluate(self, theta: Any) -> Any:
        start = time.perf_counter()
        try:
            return self._problem.evaluate(theta)
        finally:
            self.seconds += time.perf_counter() - start


def ours(joint: Any, kind: str, pool_name: str) -> dict[str, Any] | None:
    """Run a sampler as a scan does, journal included."""
    sampler = plugins.load("fitplugin.samplers", kind)()
    options = sampler.Options(**OPTIONS[kind])
    try:
        sampler.require(options, 3)
    except InputError as error:
        print(f"{kind}: {error}")
        return None
    if hasattr(sampler, "for_processes"):
        options = sampler.for_processes(options, POOLS[pool_name])
    plugin = plugins.load("fitplugin.pools", pool_name)
    timed = Timed(joint)
    problem = timed if pool_name == "serial" and kind != "multinest" else joint
    with (
        tempfile.TemporaryDirectory() as folder,
        plugin.from_options(plugin.Options(), POOLS[pool_name]) as pool,
    ):
        pool.map(abs, range(8))
        recorded = Recorded(problem, Path(folder, "a.journal"))
        start = time.perf_counter()
        chain = sampler.run(
            recorded, options, pool, np.random.SeedSequence(1), Path(folder), lambda record: None
        )
        seconds = time.perf_counter() - start
        recorded.close()
    n_eff = effective_size(chain.weights)
    return {
        "sampler": kind,
        "pool": pool_name,
        "seconds": seconds,
        "n_like": chain.n_like,
        "n_eff": n_eff,
        "n_eff_per_second": n_eff / seconds,
        "share_outside_likelihood": 1 - timed.seconds / seconds if timed.seconds else None,
        "log_z_box": chain.evidence.log_z_box,
        "log_z_box_error": chain.evidence.log_z_box_error,
    }


def overhead(joint: Any) -> dict[str, float]:
    """Return what checks and journal add to an evaluation, as a share, by size of the batch."""
    rng = np.random.default_rng(2)
    found = {}
    with tempfile.TemporaryDirectory() as folder, SerialPool() as pool:
        recorded = Recorded(joint, Path(folder, "a.journal"))
        for size in (1, 32, 64):
            times = []
            for _ in range(2000 // (size + 20)):  # in turns, so that noise hits both
                theta = joint.prior_transform(rng.random((size, joint.n_dim)))
                marks = [time.perf_counter()]
                joint.evaluate(theta)
                marks.append(time.perf_counter())
                evaluate_many(recorded, theta, pool)
                marks.append(time.perf_counter())
                times.append(np.diff(marks))
            plain, through = np.median(times, axis=0)
            found[str(size)] = float(through / plain - 1.0)
        recorded.close()
    return found


def by_hand(joint: Any, kind: str) -> dict[str, Any]:
    """Run a sampler as its own documentation says, with the same likelihood and live points."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "dynesty":
            import dynesty

            sampler = dynesty.NestedSampler(
                joint.log_likelihood, joint.prior_transform, joint.n_dim, nlive=N_LIVE,
                rstate=np.random.default_rng(1),
            )  # fmt: skip
            sampler.run_nested(dlogz=0.5, print_progress=False)
            n_like, log_z = int(np.sum(sampler.results.ncall)), float(sampler.results.logz[-1])
        elif kind == "ultranest":
            import ultranest

            np.random.seed(1)  # noqa: NPY002
            sampler = ultranest.ReactiveNestedSampler(**callables.ultranest(joint))
            found = sampler.run(
                min_num_live_points=N_LIVE,
                show_status=False,
                viz_callback=False,
                max_num_improvement_loops=0,
            )
            n_like, log_z = int(found["ncall"]), float(found["logz"])
        else:
            import nautilus

            sampler = nautilus.Sampler(
                joint.prior_transform, joint.log_likelihood, n_dim=joint.n_dim, n_live=500,
                n_networks=0, vectorized=True, seed=1,
            )  # fmt: skip
            sampler.run(n_eff=1000)
            n_like, log_z = int(sampler.n_like), float(sampler.log_z)
    seconds = time.perf_counter() - start
    return {"sampler": kind, "seconds": seconds, "n_like": n_like, "log_z": log_z}


def main() -> None:
    """Run everything, print and write."""
    joint = fitplugin.load(SCAN)
    joint.evaluate([[254.6, 1280.5, 1333.6]])
    rows = [
        row
        for kind in OPTIONS
        for pool in POOLS
        # MultiNest starts its own processes, whatever the pool
        if (kind, pool) != ("multinest", "dask") and (row := ours(joint, kind, pool))
    ]
    hand = [by_hand(joint, kind) for kind in ("dynesty", "ultranest", "nautilus")]
    result = {
        "scan": SCAN.name,
        "fitplugin": fitplugin.__version__,
        "python": platform.python_version(),
        "cpu_count": os.cpu_count(),
        "n_live": N_LIVE,
        "runs": rows,
        "by_hand": hand,
        "overhead_of_an_evaluation": overhead(joint),
    }
    (HERE / "results" / "samplers.json").write_text(json.dumps(result, indent=2) + "\n")
    print("overhead of an evaluation:", result["overhead_of_an_evaluation"])
    for row in [*rows, *hand]:
        print({key: round(v, 4) if isinstance(v, float) else v for key, v in row.items()})


if __name__ == "__main__":
    main()
