"""How do training, prediction and memory grow with the number of training points?

The default mode of ``dgp`` on a smooth function of six inputs with noise and two targets, at
n = 1e3 ... 1e6, each in a process of its own whose peak memory the system reports. All of it is
synthetic: the shipped table has 2014 points. Expected: training about linear, a local prediction
about constant, and 1e6 points within 8 GiB.

    python benchmarks/bench_growth.py [results.json]
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from fitplugin.surrogates import Dataset
from fitplugin.surrogates.dgp import DistributedGP

SIZES = (1_000, 3_162, 10_000, 31_623, 100_000, 316_228, 1_000_000)
REPEATS = {1_000: 5, 3_162: 5, 10_000: 3, 31_623: 2, 100_000: 2}  # trainings; else one
N_DIM, NOISE, N_BATCH, N_ALONE = 6, 0.1, 10_000, 2000
LIMIT_GIB = 8.0
RESULTS = Path(__file__).parent / "results" / "growth.json"
QUANTITIES = {
    "training_s": "training [s]",
    "us_one_point": r"one point [$\mu$s]",
    "us_per_point_in_batch": r"per point of 10 000 [$\mu$s]",
    "data_and_model_gib": "peak memory above start [GiB]",
}


def function(inputs: np.ndarray) -> np.ndarray:
    a, b, c, d, e, f = inputs.T
    return np.stack([np.sin(2 * a + b) + c * d + 0.5 * e**2, np.cos(a - c) * (1 + f) + b * e], 1)


def draw(n_points: int, rng: np.random.Generator) -> Dataset:
    inputs = rng.uniform(-1.0, 1.0, (n_points, N_DIM))
    targets = function(inputs) + NOISE * rng.standard_normal((n_points, 2))
    box = np.tile([-1.0, 1.0], (N_DIM, 1))
    return Dataset(inputs, targets, tuple("abcdef"), ("first", "second"), box)


def gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure(n_points: int) -> dict[str, float]:
    """One size, in this process."""
    before = gib()
    data = draw(n_points, np.random.default_rng(n_points))
    seconds = []
    for _ in range(REPEATS.get(n_points, 1)):
        start = time.perf_counter()
        model = DistributedGP().fit(data, np.random.default_rng(0))
        seconds.append(time.perf_counter() - start)
    peak = gib()
    new = np.random.default_rng(1).uniform(-1.0, 1.0, (N_BATCH, N_DIM))
    batch, alone = [], []
    for _ in range(5):
        start = time.perf_counter()
        mean = model.predict(new).mean
        batch.append(time.perf_counter() - start)
    for row in new[:N_ALONE]:
        start = time.perf_counter()
        model.predict(row[np.newaxis])
        alone.append(time.perf_counter() - start)
    return {
        "n_points": n_points,
        "training_s": round(min(seconds), 3),
        "us_one_point": round(1e6 * statistics.median(alone), 1),
        "us_per_point_in_batch": round(1e6 * min(batch) / N_BATCH, 2),
        "peak_memory_gib": round(peak, 3),
        "data_and_model_gib": round(peak - before, 3),
        "rmse_to_truth": round(float(np.sqrt(np.square(mean - function(new)).mean())), 5),
    }


def slopes(rows: list[dict[str, float]]) -> dict[str, float]:
    """Exponents of n: slopes of least-squares lines in the logarithms, from 1e4 on."""
    rows = [row for row in rows if row["n_points"] >= 10_000]
    log_n = np.log([row["n_points"] for row in rows])
    return {
        name: round(float(np.polyfit(log_n, np.log([row[name] for row in rows]), 1)[0]), 2)
        for name in QUANTITIES
    }


def draw_figure(rows: list[dict[str, float]], slope: dict[str, float], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    from fitplugin.plots import style

    n = [row["n_points"] for row in rows]
    with style.applied():
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(style.PAGE_WIDTH, 2.9), layout="constrained"
        )
        lines = {
            left: {"training_s": ("o", style.POSTERIOR), "data_and_model_gib": ("s", "#0072b2")},
            right: {
                "us_one_point": ("o", style.POSTERIOR),
                "us_per_point_in_batch": ("s", "#0072b2"),
            },
        }
        for axes, wanted in lines.items():
            for name, (marker, colour) in wanted.items():
                values = [row[name] for row in rows]
                axes.loglog(
                    n, values, marker=marker, ms=4, lw=1, color=colour,
                    label=f"{QUANTITIES[name]}: $n^{{{slope[name]:.2f}}}$",
                )  # fmt: skip
            axes.set_xlabel("training points $n$")
        left.axhline(LIMIT_GIB, color=style.PRIOR, lw=1, ls="--")
        left.text(n[0], 1.15 * LIMIT_GIB, "8 GiB", color="0.4", fontsize=8)
        low, high = left.get_ylim()
        left.set_ylim(low, 30 * high)
        left.set_ylabel("seconds, GiB")
        right.set_ylabel(r"microseconds")
        low, high = right.get_ylim()
        right.set_ylim(low / 2, 4 * high)
        left.legend(loc="upper left")
        right.legend(loc="upper left")
        figure.savefig(path, dpi=200)


def main() -> None:
    if sys.argv[1:2] == ["--size"]:
        print(json.dumps(measure(int(sys.argv[2]))))
        return
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    rows = []
    for n_points in SIZES:
        command = [sys.executable, __file__, "--size", str(n_points)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout))
        print(rows[-1], flush=True)
    slope = slopes(rows)
    print("exponents of n from 1e4 on", slope)
    result = {
        "question": "growth of the default mode with the number of training points",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "cpu_count": os.cpu_count(),
        "data": f"synthetic: {N_DIM} inputs, 2 targets, noise {NOISE}",
        "rows": rows,
        "exponents_from_1e4": slope,
        "fits_in_8_gib": rows[-1]["peak_memory_gib"] < LIMIT_GIB,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    draw_figure(rows, slope, path.with_suffix(".png"))


if __name__ == "__main__":
    main()
