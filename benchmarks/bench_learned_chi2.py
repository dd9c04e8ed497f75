"""How well is a chi2 learned, from what, and what does a scan with it find?

    python benchmarks/bench_learned_chi2.py [part ...]

Parts (all by default), each written to results/learned_chi2.json as it ends:

- ``simulated``: chi2 of the 2014 simulated points, whose Monte Carlo noise is known;
- ``spectra``: chi2 of the learned efficiencies at 4627 exact spectra, from parameters (direct) and
  from model-independent features (reparametrised), by the networks of arXiv:1703.01309 and by ours;
- ``transfer``: the same, seen at tan(beta) < 30 and asked above; and asked of another model with a
  bino LSP (bino.npz: M1 from 50 to 800 GeV, mu = 1500 GeV, M3 = 2000 GeV, spectra by SPheno 4.0.5);
- ``draws``: chi2 of 60 000 draws from the prior of scans/natural_susy/four_regions.yaml;
- ``rare``: 5000 points added to 15 000 of these: as they come, and where chi2 is rare;
- ``speed``: prediction of one point and of 10 000, in NumPy on one thread;
- ``scan``: that scan, and the one with the learned chi2, overlaid.

Every tenth point is held out, by seed. Needs the extras nn and simulation.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.distance import jensenshannon
from threadpoolctl import threadpool_limits

from fitplugin.data.tables import Table, read_table, write_table
from fitplugin.likelihoods.learned import LearnedOptions, chi2_dataset
from fitplugin.physics.features import NAMES
from fitplugin.plots.runs.figures import plot_runs
from fitplugin.runs import runner
from fitplugin.runs.config import read_scan
from fitplugin.runs.directory import read_run
from fitplugin.runs.loading import load_scan
from fitplugin.studies.learned import chi2_table
from fitplugin.studies.learned.judged_model import (
    EDGES,
    Errors,
    edges_for,
    judge,
    nearest_neighbour,
)
from fitplugin.studies.learned.rare import propose
from fitplugin.surrogates import Dataset
from fitplugin.surrogates.networks.deep_network import DeepNetwork
from fitplugin.surrogates.networks.deep_options import DeepNetworkOptions

HERE = Path(__file__).parent
SCANS = HERE.parent / "scans" / "natural_susy"
RESULTS = HERE / "results" / "learned_chi2.json"
N_DRAWS = 60_000
SEED = 1
PARAMETERS = ("mu", "tan_beta", "M3", "mQ3", "mtR", "At")
# at the paper's rate of 1e-3 the tanh output saturates in the first epoch: most of its targets lay
# at the middle and at the upper end of the range, most of these near the lower one
DIRECT = {"mode": "direct", "learning_rate": 3e-4}
# its batches are made for 200 000 points: with few steps per epoch more epochs are a fair chance
FEW = {"epochs": 1000, "plateau": 50, "patience": 200}
REPARAMETRISED = {"mode": "reparametrised"}
OURS = {"transform": {"kind": "sqrt", "offset": 0.1}, "hidden": [200, 200, 200],
        "optimiser": "nadam", "learning_rate": 2e-3}  # fmt: skip


class Task(NamedTuple):
    """A network to be trained, and the points to be predicted with it."""

    label: str
    options: dict[str, Any]
    training: Dataset
    held_out: dict[str, Dataset]


def learn(task: Task) -> dict[str, Any]:
    """Train, and judge at each set of held-out points beside the nearest neighbour."""
    start = time.perf_counter()
    with threadpool_limits(1):
        model = DeepNetwork(DeepNetworkOptions.model_validate(task.options)).fit(
            task.training, np.random.default_rng(SEED)
        )
    seconds = time.perf_counter() - start
    found: dict[str, Any] = {"training_s": round(seconds, 1), "n_training": task.training.n_points}
    for name, data in task.held_out.items():
        neighbour = nearest_neighbour(task.training, data.inputs)
        test = judge(model, data, edges_for(data.targets[:, 0]), {"nearest": neighbour})
        network, nearest = test.errors
        found[name] = {
            "n_points": test.n_points, "n_outside": test.n_outside,
            "inside_68": round(test.coverage68, 4), "network": errors(network),
            "nearest": errors(nearest),
        }  # fmt: skip
    return found


def errors(each: Errors) -> dict[str, Any]:
    return {
        "mean": round(each.mean, 3),
        "by_range": [
            [part.low, round(part.high, 3), part.n_points, round(part.error, 3)]
            for part in each.by_range
        ],
    }


def learn_all(tasks: list[Task]) -> dict[str, Any]:
    order = sorted(tasks, key=lambda task: -task.training.n_points)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        futures = {task.label: pool.submit(learn, task) for task in order}
        found = {}
        for task in tasks:
            found[task.label] = futures[task.label].result()
            for name in task.held_out:
                one = found[task.label][name]
                print(f"{task.label}, {name}: {one['network']['mean']}, "
                      f"nearest {one['nearest']['mean']}", flush=True)  # fmt: skip
    return found


def data_of(table: Table, inputs: tuple[str, ...]) -> Dataset:
    return chi2_dataset([table], LearnedOptions(dataset=table.name, inputs=inputs))


def split(data: Dataset) -> tuple[Dataset, Dataset]:
    return data.split(data.n_points // 10, np.random.default_rng(SEED))


def four_ways(table: Table) -> list[Task]:
    """Direct and reparametrised, each by the paper's network and by ours."""
    tasks = []
    for label, inputs, options in (
        ("direct, paper's network", PARAMETERS, {**DIRECT, **FEW}),
        ("direct, ours", PARAMETERS, OURS),
        ("reparametrised, paper's network", NAMES, REPARAMETRISED),
        ("reparametrised, ours", NAMES, OURS),
    ):
        training, held_out = split(data_of(table, inputs))
        tasks.append(Task(label, options, training, {"held out": held_out}))
    return tasks


def as_table(name: str, made: chi2_table.Chi2Table) -> Table:
    return Table(name, made.columns, made.card, "")


def four_regions() -> Any:
    return load_scan(SCANS / "four_regions.yaml", in_parallel=True)


def simulated() -> dict[str, Any]:
    """Raw chi2, with features where the spectrum has them."""
    made = chi2_table.of_simulation(four_regions(), SCANS)
    features = read_table("natural_susy/features")
    _, rows, others = np.intersect1d(made.columns["id"], features.columns["id"],
                                     return_indices=True)  # fmt: skip
    columns = {name: column[rows] for name, column in made.columns.items()}
    columns |= {name: features.columns[name][others].astype(float) for name in NAMES}
    table = Table("simulated", columns, made.card, "")
    chi2, noise = columns["chi2"], columns["chi2_noise"]
    ends = edges_for(chi2)
    ends[-1] += 1e-9  # the last range is closed
    inside = [(chi2 >= low) & (chi2 < high) for low, high in pairwise(ends)]
    return {
        "n_points": len(chi2),
        "noise": {
            "what": "mean absolute deviation of chi2 from its median when events are drawn again",
            "mean": round(float(noise.mean()), 3), "median": round(float(np.median(noise)), 3),
            "by_range": [round(float(noise[rows].mean()), 3) for rows in inside],
        },
        **learn_all(four_ways(table)),
    }  # fmt: skip


def spectra() -> dict[str, Any]:
    made = chi2_table.of_points(four_regions(), read_table("natural_susy/features"))
    table = as_table("spectra", made)
    return {"n_points": len(table.columns["chi2"]), **learn_all(four_ways(table))}


def transfer() -> dict[str, Any]:
    scan = four_regions()
    here = as_table("here", chi2_table.of_points(scan, read_table("natural_susy/features")))
    bino = as_table("bino", chi2_table.of_points(scan, read_table(str(HERE / "bino.npz"))))
    low = here.columns["tan_beta"] < 30.0
    parts = {
        name: Table(name, {n: c[rows] for n, c in here.columns.items()}, {}, "")
        for name, rows in (("low", low), ("high", ~low))
    }
    tasks = []
    for label, inputs in (("direct, ours", PARAMETERS), ("reparametrised, ours", NAMES)):
        training, held_out = split(data_of(parts["low"], inputs))
        others = {"held out": held_out, "tan_beta > 30": data_of(parts["high"], inputs)}
        if inputs == NAMES:
            others["bino LSP"] = data_of(bino, inputs)
        tasks.append(Task(label, OURS, training, others))
    # a few points of the other model, seen as well
    training = data_of(here, NAMES)
    few, rest = data_of(bino, NAMES).split(
        len(bino.columns["chi2"]) // 2, np.random.default_rng(SEED)
    )
    both = Dataset(
        np.concatenate([training.inputs, few.inputs]),
        np.concatenate([training.targets, few.targets]),
        NAMES, ("chi2",),
        np.stack([np.minimum(training.ranges[:, 0], few.ranges[:, 0]),
                  np.maximum(training.ranges[:, 1], few.ranges[:, 1])], axis=1),
    )  # fmt: skip
    tasks.append(Task("reparametrised, natural SUSY", OURS, training, {"bino LSP": rest}))
    tasks.append(Task("reparametrised, half of the bino points added", OURS, both,
                      {"bino LSP": rest}))  # fmt: skip
    return learn_all(tasks)


def draws() -> dict[str, Any]:
    path = SCANS / "chi2.npz"
    if not path.exists():
        made = chi2_table.of_prior(four_regions(), N_DRAWS, SEED)
        write_table(path, made.columns, made.card)
    table = read_table(str(path))
    (term,) = read_scan(SCANS / "learned_chi2.yaml").likelihoods
    spectrum = term.options.inputs
    own = term.options.surrogate.options.model_dump(mode="json")
    scanned = ("mu", "mQ3", "mtR")
    from_parameters = {**own, "features": ["abs(mu)", "sign(mu)", "mQ3", "mtR"]}
    tasks = []
    for label, inputs, options in (
        ("masses and branching fractions, ours", spectrum, own),
        ("parameters, ours", scanned, from_parameters),
        ("parameters, paper's network", scanned, {**DIRECT, "epochs": 150}),
        ("parameters, paper's network, linear output", scanned,
         {**DIRECT, "output": "linear", "epochs": 150}),
    ):  # fmt: skip
        training, held_out = split(data_of(table, inputs))
        tasks.append(Task(label, options, training, {"held out": held_out}))
    return {"n_points": len(table.columns["chi2"]), **learn_all(tasks)}


def rare() -> dict[str, Any]:
    """What both strategies of arXiv:1703.01309, section 3.2, gain over points as they come."""
    built = four_regions()
    table = read_table(str(SCANS / "chi2.npz"))
    (term,) = read_scan(SCANS / "learned_chi2.yaml").likelihoods
    own = term.options.surrogate.options.model_dump(mode="json")
    data, held_out = split(data_of(table, term.options.inputs))
    names = built.joint.names
    scanned, _ = split(data_of(table, names))
    rows = np.arange(15_000)
    ranges = [(25.0, 95.0)]
    found: dict[str, Any] = {"ranges": ranges, "n_points": len(rows), "n_added": 5000}
    tasks = [
        Task("none added", own, data.take(rows), {"held out": held_out}),
        Task("as they come", own, data.take(np.arange(20_000)), {"held out": held_out}),
    ]
    for strategy in ("density", "seeded"):
        # some proposals have no spectrum, or another chi2
        proposed = propose(scanned.take(rows), 8000, strategy, np.random.default_rng(SEED), ranges)
        points = Table(strategy, dict(zip(names, proposed.inputs.T, strict=True)), {}, "")
        made = as_table(strategy, chi2_table.of_points(built, points))
        added = data_of(made, term.options.inputs)
        found[f"share of {strategy} in the ranges"] = round(
            float(((added.targets >= 25) & (added.targets <= 95)).mean()), 3
        )
        added = added.take(np.arange(min(5000, added.n_points)))
        joined = Dataset(
            np.concatenate([data.inputs[rows], added.inputs]),
            np.concatenate([data.targets[rows], added.targets]),
            data.input_names, ("chi2",),
            np.stack([np.minimum(data.ranges[:, 0], added.ranges[:, 0]),
                      np.maximum(data.ranges[:, 1], added.ranges[:, 1])], axis=1),
        )  # fmt: skip
        tasks.append(Task(strategy, own, joined, {"held out": held_out}))
    return {**found, **learn_all(tasks)}


def seconds(call: Callable[[], object], repeats: int) -> float:
    call()
    laps = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        laps.append(time.perf_counter() - start)
    return float(np.median(laps))


def speed() -> dict[str, Any]:
    """Median times of predictions; weights do not matter for them."""
    rng = np.random.default_rng(SEED)
    found = {}
    for label, n_inputs, options in (
        ("direct, paper's network", 6, DIRECT),
        ("reparametrised, paper's network", 56, REPARAMETRISED),
        ("two networks of 3 x 200", 13, {**OURS, "n_networks": 2}),
    ):
        x = rng.uniform(0, 1, (400, n_inputs))
        names = tuple(f"x{i}" for i in range(n_inputs))
        box = np.tile([0.0, 1.0], (n_inputs, 1))
        data = Dataset(x, 1.0 + x[:, :1], names, ("chi2",), box)
        with threadpool_limits(1):
            model = DeepNetwork(DeepNetworkOptions.model_validate({**options, "epochs": 1})).fit(
                data, rng
            )
            one, many = rng.uniform(0, 1, (1, n_inputs)), rng.uniform(0, 1, (10_000, n_inputs))
            found[label] = {
                "one_us": round(1e6 * seconds(lambda m=model, p=one: m.predict(p), 300), 1),
                "of_10000_us": round(1e2 * seconds(lambda m=model, p=many: m.predict(p), 7), 2),
            }
        print(label, found[label], flush=True)
    return found


def scan() -> dict[str, Any]:
    """Both scans, their marginals and evidences."""
    runs, cost = [], {}
    for name in ("four_regions", "learned_chi2"):
        path = HERE.parent / "runs" / f"bench_{name}"
        start = time.perf_counter()
        load_scan(SCANS / f"{name}.yaml", in_parallel=True)
        trained = time.perf_counter()
        runner.run(SCANS / f"{name}.yaml", path, force=True)
        cost[name] = {
            "models_s": round(trained - start, 1),
            "scan_s": round(time.perf_counter() - trained, 1),
        }
        runs.append(read_run(path))
    (figure,) = plot_runs(runs, HERE / "results", ["region by region", "learned chi2"],
                          ["marginals"], ["png"])  # fmt: skip
    figure.rename(HERE / "results" / "learned_chi2_marginals.png")
    first, second = (run.summary for run in runs)
    marginals = {}
    for name in ("mu", "mQ3", "mtR"):
        a, b = (run.posterior for run in runs)
        marginals[name] = {
            "mean": [first["parameters"][name]["mean"], second["parameters"][name]["mean"]],
            "std": [first["parameters"][name]["std"], second["parameters"][name]["std"]],
            "shift_in_std": round(
                (second["parameters"][name]["mean"] - first["parameters"][name]["mean"])
                / first["parameters"][name]["std"], 3,
            ),
            "jensen_shannon_bit": round(divergence(a, b, name), 5),
        }  # fmt: skip
    return {
        "cost": cost,
        "marginals": marginals,
        "log_z": [[s["log_z"], s["log_z_error"]] for s in (first, second)],
        "n_eff": [s["n_eff"] for s in (first, second)],
    }


def divergence(a: Any, b: Any, name: str) -> float:
    low = min(a.columns[name].min(), b.columns[name].min())
    high = max(a.columns[name].max(), b.columns[name].max())
    shares = [np.histogram(p.columns[name], 40, (low, high), weights=p.weights)[0] for p in (a, b)]
    return float(jensenshannon(*shares, base=2) ** 2)


PARTS = {"speed": speed, "simulated": simulated, "spectra": spectra, "transfer": transfer,
         "draws": draws, "rare": rare, "scan": scan}  # fmt: skip


def main() -> None:
    """Measure the parts that are asked for, and write the results after each."""
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    found["edges"] = list(EDGES)
    for part in sys.argv[1:] or PARTS:
        found[part] = PARTS[part]()
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
