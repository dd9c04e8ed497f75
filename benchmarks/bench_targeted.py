"""How many simulations does a posterior need, if they are asked where it is?

    python benchmarks/bench_targeted.py

The Z' of scans/resonance: two parameters, three windows, a posterior that takes one per cent of the
box. Loops of `fitplugin learn` ask its toy simulation 60 times, by `posterior`, at random and by
Latin hypercubes; after every round the marginals are held against those of the exact likelihood.
Ten seeds each, some 10 minutes on two cores; writes results/targeted.json and targeted.png.
"""

from __future__ import annotations

import json
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from bench_active import js_bits
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from fitplugin.active.goal import Learned
from fitplugin.active.loop import Loop
from fitplugin.active.options import read_loop
from fitplugin.plots import style

SCANS = Path(__file__).parents[1] / "scans"
RESULTS = Path(__file__).parent / "results"
METHODS = {"posterior": "posterior-targeted", "random": "random", "latin": "Latin hypercube"}
SEEDS = range(10)
FIRST, BATCH, ROUNDS = 15, 5, 9
N_THETA, N_BINS = 10_000, 40


@cache
def exact() -> tuple[np.ndarray, np.ndarray]:
    """Points of the box, and the targets there by the truth behind the toy."""
    sys.path.insert(0, str(SCANS / "resonance"))
    import make_data

    low, high = np.array(list(make_data.BOX.values())).T
    theta = low + np.random.default_rng(0).random((N_THETA, 2)) * (high - low)
    roots = []
    for part in np.array_split(theta, 40):  # the quadrature is large
        found = make_data.efficiency(*part.T)
        roots.append(np.sqrt(np.stack([found[name] for name in make_data.WINDOWS], axis=1)))
    log_sigma = np.log(make_data.cross_section(*theta.T))
    return theta, np.column_stack([log_sigma, np.concatenate(roots)])


def weights(loop: Loop, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    log_likelihood = loop.options.goal.log_likelihood(mean, std)
    return np.asarray(np.exp(log_likelihood - logsumexp(log_likelihood)))


def follow(order: tuple[str, int]) -> list[float]:
    """Divergence after every round of one loop."""
    choose, seed = order
    content = yaml.safe_load((SCANS / "loops" / "resonance.yaml").read_text())
    content |= {
        "first": FIRST, "batch": {"size": BATCH, "choose": choose}, "rounds": ROUNDS,
        "stop": {"log_likelihood_std": 1e-6}, "seed": seed,
    }  # fmt: skip
    content["oracle"]["function"] = f"{SCANS / 'resonance' / 'make_data.py'}:answer"
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        path = Path(folder) / "loop.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        loop = Loop(
            read_loop(path, allow_code=True), path.parent, path.parent / "state", allow_code=True
        )
        theta, targets = exact()
        truth = weights(loop, targets, np.zeros_like(targets))
        found: list[float] = []

        def measure(model: Learned) -> None:
            found.append(js_bits(theta, weights(loop, *model.examine(theta)), truth, N_BINS))

        loop.run(measure)
    return found


def figure(found: dict[str, Any]) -> Figure:
    drawn = Figure(figsize=(style.WIDTHS["column"], 2.6), layout="constrained")
    axis = drawn.subplots()
    for number, (method, words) in enumerate(METHODS.items()):
        line, rows = style.line(number), found["js_bits"][method]
        axis.errorbar(found["asked"], rows["mean"], rows["error"], color=line.colour,
                      ls=line.dashes, lw=1.1, marker="o", ms=3, label=words)  # fmt: skip
    axis.set_yscale("log")
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xlabel("points asked")
    axis.set_ylabel("divergence from exact [bit]")
    axis.legend(fontsize=7)
    return drawn


def main() -> None:
    orders = [(method, seed) for method in METHODS for seed in SEEDS]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        rows = np.array(list(pool.map(follow, orders))).reshape(len(METHODS), len(SEEDS), -1)
    found: dict[str, Any] = {
        "seeds": len(SEEDS),
        "asked": [FIRST + BATCH * index for index in range(ROUNDS + 1)],
        "js_bits": {
            method: {
                "mean": each.mean(axis=0).tolist(),
                "error": (each.std(axis=0, ddof=1) / np.sqrt(len(SEEDS))).tolist(),
            }
            for method, each in zip(METHODS, rows, strict=True)
        },
    }
    (RESULTS / "targeted.json").write_text(json.dumps(found, indent=1) + "\n")
    with style.applied():
        figure(found).savefig(RESULTS / "targeted.png", dpi=style.DPI)
    for method, each in found["js_bits"].items():
        print(method, [f"{value:.4f}" for value in each["mean"]])


if __name__ == "__main__":
    main()
