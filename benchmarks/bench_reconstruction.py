"""How long does the paper's reconstruction take, training included, and is its evidence right?

The paper (arXiv:1611.02704): 4000 live points, about 1e5 likelihood evaluations, 66 h on six CPUs.
Runs scans/natural_susy/reconstruction.yaml from an empty model cache and again with the models
there, compares ln Z with the midpoint rule on a 3-D grid of the same likelihood, and writes
results/reconstruction.json and the figures beside it.

    python benchmarks/bench_reconstruction.py
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
from pathlib import Path

import numpy as np

import fitplugin
from fitplugin.plots.runs.figures import plot_run
from fitplugin.runs import runner
from fitplugin.runs.directory import Run
from fitplugin.studies.speed import paper

HERE = Path(__file__).parent
SCAN = HERE.parent / "scans" / "natural_susy" / "reconstruction.yaml"
RESULTS = HERE / "results"
GRID = 40


def grid_log_z(cache: Path) -> float:
    """ln Z over the whole box by the midpoint rule with GRID points per parameter."""
    joint = fitplugin.load(SCAN, cache)
    middles = (np.arange(GRID) + 0.5) / GRID
    grid = np.stack(np.meshgrid(middles, middles, middles), axis=-1).reshape(-1, 3)
    log_likelihood = joint.evaluate(joint.prior_transform(grid)).log_likelihood
    return float(np.logaddexp.reduce(log_likelihood) - np.log(len(grid)))


def row(run: Run) -> dict[str, object]:
    """What one run cost and found."""
    keys = ("n_like", "n_eff", "log_z_box", "log_z_box_error", "valid_fraction", "wall_time_s")
    seconds = run.manifest["seconds"]
    cores = run.manifest["processes"]
    return {
        **{key: run.summary[key] for key in keys},
        "seconds": seconds,
        "processes": cores,
        "paper_cpu_hours_over_ours": paper.CPU_HOURS * 3600 / (cores * run.summary["wall_time_s"]),
        "parameters": run.summary["parameters"],
    }


def main() -> None:
    """Run twice, compare, write."""
    RESULTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        cache, target = Path(scratch, "models"), Path(scratch, "run")
        cold = runner.run(SCAN, target, cache=cache)
        warm = runner.run(SCAN, target, cache=cache, force=True)
        for path in plot_run(warm):
            if path.name in ("marginals.png", "corner.png"):
                shutil.copy(path, RESULTS / f"reconstruction_{path.name}")
        result = {
            "scan": SCAN.name,
            "fitplugin": fitplugin.__version__,
            "python": platform.python_version(),
            "cpu_count": os.cpu_count(),
            "libraries": warm.manifest["libraries"],
            "cold_cache": row(cold),
            "warm_cache": row(warm),
            "grid_log_z_box": grid_log_z(cache),
            "grid_points_per_parameter": GRID,
            "paper": {
                "hours": paper.HOURS,
                "cpus": paper.CPUS,
                "n_live": paper.N_LIVE,
                "n_like": paper.N_LIKE,
            },
        }
    (RESULTS / "reconstruction.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps({k: v for k, v in result.items() if k != "libraries"}, indent=2))


if __name__ == "__main__":
    main()
