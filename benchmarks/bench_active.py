"""How many simulations does active learning save: for a contour, and for a posterior?

    python bench_active.py [contour] [fifth] [posterior]

Contour: the expected upper limit of two LHC regions over six parameters, at the shipped spectra; a
fifth of the points judges and is never asked. Posterior: the reconstruction trained on part of the
simulated points, against all of them. Both over ten seeds. Takes about 20 minutes on two cores.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

import fitplugin
from fitplugin.active.learning import learn
from fitplugin.active.limits import LimitOptions
from fitplugin.active.loop import Loop
from fitplugin.active.options import LoopOptions, read_loop
from fitplugin.data.tables import read_table, write_table
from fitplugin.errors import FitpluginError
from fitplugin.physics.cross_section import PairProduction
from fitplugin.physics.spectrum_table import valid_rows
from fitplugin.stats.counts import log_marginal
from fitplugin.surrogates.acquisition import variance_elsewhere

RESULT = Path(__file__).parent / "results" / "active.json"
SCANS = Path(__file__).parents[1] / "scans" / "natural_susy"
LOOPS = SCANS.parent / "loops"
SEEDS = range(10)
PROCESSES = ("stop1", "stop2", "sbottom1")
FIRST, BATCH, ROUNDS, FIFTH = 40, 40, 8, 19
ALL = 4000  # more than there are
PARAMETERS = ("mu", "tan_beta", "M3", "mQ3", "mtR", "At")
LEARNED = ("0-lepton", "1-lepton")
METHODS = ("entropy_discs", "entropy", "greedy", "random", "latin", "grid")
SIZES = (50, 100, 200, 400, 800)
MASSES = ("m_stop1", "m_stop2", "m_sbottom1", "m_neutralino1")
N_THETA, N_BINS, REACH, NOISE = 6000, 20, 200.0, 0.05


# -- contour ---------------------------------------------------------------------------------------


def write_oracle(folder: Path) -> None:
    """Limits and cross-sections at the shipped spectra, as tables.

    Efficiencies are those that the reconstruction has learned from all simulated points: with
    the Monte Carlo errors of the simulated ones (half of them beyond 40 per cent) the labels
    themselves would be wrong near the contour, and no number of points would mend it.
    """
    limits = read_loop(LOOPS / "exclusion.yaml").limits
    assert isinstance(limits, LimitOptions)
    spectra = read_table("natural_susy/spectra")
    kept = valid_rows(spectra)
    higgs, chargino = np.abs(spectra.numbers(["m_higgs", "m_chargino1"])[kept].T)
    rows = kept[(higgs > 119) & (higgs < 131) & (chargino > 95)]
    theory = fitplugin.load(SCANS / "reconstruction.yaml").theory
    masses, branching = theory.spectrum_names
    columns = {name: spectra.numbers([name])[rows, 0] for name in (*masses, *branching)}
    observed = theory.at_spectrum(
        spectra.numbers(theory.input_names)[rows],
        {name: columns[name] for name in masses},
        {name: columns[name] for name in branching},
    )
    values = {name: observed.values[name] for name in ("cross_section", "cross_section_error")}
    for region, name in zip(limits.regions, LEARNED, strict=True):
        values[f"efficiency[{region.name}]"] = observed.values[f"efficiency[{name}]"]
        values[f"efficiency_error[{region.name}]"] = np.zeros(len(rows))
    log_mu = limits.log_limits(values)["log_mu_expected"]
    inputs = {name: spectra.numbers([name])[rows, 0] for name in PARAMETERS}
    write_table(folder / "limits.npz", {**inputs, "log_mu_expected": log_mu}, {})
    rows = kept

    production = PairProduction(read_table("natural_susy/cross_sections_14TeV"), PROCESSES)
    masses = {f"m_{p}": np.abs(spectra.numbers([f"m_{p}"])[rows, 0]) for p in PROCESSES}
    total = production.total(masses, {name: 0.0 * m for name, m in masses.items()})
    kept = total.in_table
    cheap = {name: spectra.numbers([name])[rows, 0][kept] for name in PARAMETERS}
    write_table(
        folder / "cheap.npz", {**cheap, "log_cross_section": -np.log(total.value[kept])}, {}
    )


class Order(NamedTuple):
    folder: str
    method: str
    seed: int
    warm: bool = False
    rounds: int = ROUNDS


def loop_of(order: Order) -> LoopOptions:
    """The shipped loop with tables as oracle and warm start."""
    content = yaml.safe_load((LOOPS / "exclusion.yaml").read_text())
    del content["limits"]
    whole = order.method == "all"
    content |= {
        "oracle": {"kind": "table", "dataset": "limits.npz"},
        "target": {"names": ["log_mu_expected"]},
        "first": FIRST if not whole else 1000,
        "batch": {"size": BATCH if not whole else ALL,
                  "choose": order.method if not whole else "random", "candidates": ALL},
        "rounds": order.rounds if not whole else 1,
        "stop": {"undecided": 1e-9},
        "seed": order.seed,
    }  # fmt: skip
    if order.warm:
        content["warm_start"] = {
            "dataset": "cheap.npz", "target": "log_cross_section", "points": 200
        }  # fmt: skip
    path = Path(order.folder) / f"{order.method}_{order.seed}_{order.warm}.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return read_loop(path)


def follow(order: Order) -> list[dict[str, Any]]:
    """Rounds of one loop."""
    output = Path(order.folder) / f"{order.method}_{order.seed}_{order.warm}"
    with threadpool_limits(1):
        loop = Loop(loop_of(order), Path(order.folder), output)
        with contextlib.suppress(FitpluginError):  # all points are asked
            loop.run()
    if order.method == "all":  # the last round leaves no candidate to judge by
        test, truth = loop._test
        model = learn(loop.options, loop.state, None)
        judged = loop.options.goal.judge(model, test, test, truth)
        return [{"asked": len(loop.state.asked), **judged}]
    return loop.state.rounds


def contour(pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Accuracy and F1 against number of points, by method: mean and error over seeds."""
    with tempfile.TemporaryDirectory() as folder:
        write_oracle(Path(folder))
        orders = [Order(folder, "all", seed) for seed in SEEDS[:4]]
        orders += [Order(folder, method, seed) for method in METHODS for seed in SEEDS]
        orders += [Order(folder, "entropy_discs", seed, True) for seed in SEEDS]
        rounds = list(pool.map(follow, orders))
    found: dict[str, Any] = {}
    for order, each in zip(orders, rounds, strict=True):
        label = order.method + (" + cross-section" if order.warm else "")
        found.setdefault(label, []).append(each)
    return {label: _averaged(runs) for label, runs in found.items()}


def fifth(pool: ProcessPoolExecutor) -> dict[str, Any]:
    """The same until a fifth of the points is asked."""
    with tempfile.TemporaryDirectory() as folder:
        write_oracle(Path(folder))
        orders = [Order(folder, method, seed, False, FIFTH)
                  for method in ("entropy_discs", "random") for seed in SEEDS]  # fmt: skip
        rounds = list(pool.map(follow, orders))
    return {
        method: _averaged([r for o, r in zip(orders, rounds, strict=True) if o.method == method])
        for method in ("entropy_discs", "random")
    }


def _averaged(runs: list[list[dict[str, Any]]]) -> list[dict[str, float]]:
    rows = []
    for rounds in zip(*runs, strict=True):
        row: dict[str, float] = {"asked": float(np.mean([each["asked"] for each in rounds]))}
        for name in ("accuracy", "f1"):
            values = np.array([each["test"][name] for each in rounds])
            row[name] = float(values.mean())
            row[f"{name}_error"] = float(values.std(ddof=1) / np.sqrt(len(values)))
        rows.append(row)
    return rows


# -- posterior -------------------------------------------------------------------------------------


class Reference(NamedTuple):
    """The reconstruction with all points: prior draws, their weights, counts of the mock."""

    theta: np.ndarray
    log_l: np.ndarray
    counts: dict[str, float]


def scan_with(table: Path | None, counts: dict[str, float] | None, folder: Path) -> Any:
    """The reconstruction, with another table of efficiencies and given counts."""
    content = yaml.safe_load((SCANS / "reconstruction.yaml").read_text())
    for region in content["regions"]:
        if table is not None:
            region["efficiency"]["dataset"] = str(table)
        if counts is not None:
            region["n_observed"] = counts[region["name"]]
    if counts is not None:
        del content["mock"]
    path = folder / "scan.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return fitplugin.load(path, folder / "models")


def reference(folder: Path) -> Reference:
    joint = scan_with(None, None, folder)
    rng = np.random.default_rng(0)
    theta = joint.prior_transform(rng.random((60 * N_THETA, joint.n_dim)))
    log_l = joint.evaluate(theta).log_likelihood
    rows = np.flatnonzero(np.isfinite(log_l))[:N_THETA]
    counts = {region.name: region.options.n_observed for region in joint.regions}
    return Reference(theta[rows], log_l[rows], counts)


def js_bits(
    theta: np.ndarray, first: np.ndarray, second: np.ndarray, n_bins: int = N_BINS
) -> float:
    """Mean over parameters of the Jensen-Shannon divergence of binned marginals."""
    total = 0.0
    for column in theta.T:
        edges = np.linspace(column.min(), column.max(), n_bins + 1)
        p, q = (np.histogram(column, edges, weights=w)[0] / w.sum() for w in (first, second))
        m = 0.5 * (p + q)
        total += sum(0.5 * (a[a > 0] * np.log2(a[a > 0] / m[a > 0])).sum() for a in (p, q))
    return float(total / theta.shape[1])


class Trial(NamedTuple):
    targeted: bool
    seed: int
    folder: str


def posterior_run(trial: Trial) -> list[dict[str, float]]:
    """JS divergence to the posterior of all points, against number of training points."""
    folder = Path(trial.folder) / f"{trial.targeted}_{trial.seed}"
    folder.mkdir()
    whole = np.load(Path(trial.folder) / "reference.npz")
    counts = json.loads((Path(trial.folder) / "counts.json").read_text())
    theta, log_full = whole["theta"], whole["log_l"]
    full = np.exp(log_full - logsumexp(log_full))
    table = read_table("natural_susy/efficiencies")
    ids = np.unique(table.columns["id"])
    spectra = read_table("natural_susy/spectra")
    at = np.searchsorted(spectra.columns["id"], ids)
    pool = np.abs(spectra.numbers(MASSES)[at])
    rng = np.random.default_rng(trial.seed)
    chosen = rng.choice(len(ids), SIZES[0], replace=False)
    rows: list[dict[str, float]] = []
    batch, log_l = None, log_full
    with threadpool_limits(1):
        for size in SIZES:
            extra = size - len(chosen)
            if batch is not None:
                free = np.setdiff1d(np.arange(len(ids)), chosen)
                if trial.targeted:
                    picked = _targeted(batch, counts, log_l, pool, chosen, extra)
                else:
                    picked = rng.choice(free, extra, replace=False)
                chosen = np.concatenate([chosen, picked])
            keep = np.isin(table.columns["id"], ids[chosen])
            path = folder / f"{size}.npz"
            columns = {name: np.asarray(c)[keep] for name, c in table.columns.items()}
            write_table(path, columns, dict(table.card))
            joint = scan_with(path, counts, folder)
            batch = joint.evaluate(theta)
            log_l = np.where(np.isfinite(batch.log_likelihood), batch.log_likelihood, -1e9)
            weights = np.exp(log_l - logsumexp(log_l))
            rows.append({"n": size, "js_bits": js_bits(theta, weights, full)})
    return rows


def _targeted(
    batch: Any,
    counts: dict[str, float],
    log_l: np.ndarray,
    pool: np.ndarray,
    chosen: np.ndarray,
    n: int,
) -> np.ndarray:
    """Points that take most of the variance of ln L from the posterior, those there are given."""
    # of half the log-likelihood: where it may be wrong there must be some weight
    weights = np.exp(0.5 * (log_l - log_l.max()))
    change = np.zeros(len(weights))
    data = {"0-lepton": (12.2, 3.9), "1-lepton": (21.1, 5.9)}
    for name, (b, db) in data.items():
        s, ds = batch.blobs[f"n_signal[{name}]"], batch.blobs[f"n_signal_error[{name}]"]
        up, down = (log_marginal(counts[name], np.maximum(k * s, 1e-6), ds, b, db)
                    for k in (1.05, 0.95))  # fmt: skip
        change += np.sqrt(weights) * np.abs(up - down) / 0.1  # d ln L / d ln S
    masses = np.stack([np.abs(batch.blobs[name]) for name in MASSES], axis=1)
    top = np.argsort(-change)[:1500:2]

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        distance = ((a[:, np.newaxis] - b) ** 2).sum(axis=2)
        return np.asarray(np.exp(-0.5 * distance / REACH**2))

    covariance, crossed = kernel(pool, pool), kernel(pool, masses[top])
    gain = np.linalg.solve(
        covariance[np.ix_(chosen, chosen)] + NOISE * np.eye(len(chosen)),
        np.hstack([covariance[chosen], crossed[chosen]]),
    )
    seen = covariance[:, chosen] @ gain
    covariance, crossed = covariance - seen[:, : len(pool)], crossed - seen[:, len(pool) :]
    free = np.setdiff1d(np.arange(len(pool)), chosen)
    rows = variance_elsewhere(
        np.square(change[top])[np.newaxis], crossed[np.newaxis, free],
        covariance[np.newaxis][:, free][:, :, free], np.array([NOISE]), n,
    )  # fmt: skip
    return free[rows]


def posterior(pool: ProcessPoolExecutor) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        whole = reference(Path(folder))
        np.savez(Path(folder) / "reference.npz", theta=whole.theta, log_l=whole.log_l)
        (Path(folder) / "counts.json").write_text(json.dumps(whole.counts))
        trials = [Trial(targeted, seed, folder) for targeted in (True, False) for seed in SEEDS]
        runs = list(pool.map(posterior_run, trials))
    found: dict[str, Any] = {}
    for label, targeted in (("targeted", True), ("random", False)):
        values = np.array([[row["js_bits"] for row in run]
                           for trial, run in zip(trials, runs, strict=True)
                           if trial.targeted is targeted])  # fmt: skip
        found[label] = {
            "n": list(SIZES), "js_bits": values.mean(axis=0).tolist(),
            "js_bits_error": (values.std(axis=0, ddof=1) / np.sqrt(len(values))).tolist(),
        }  # fmt: skip
    log_l = whole.log_l
    w = np.exp(log_l - logsumexp(log_l))
    found["n_eff"] = float(1.0 / np.square(w).sum())
    return found


def main() -> None:
    parts = sys.argv[1:] or ["contour", "fifth", "posterior"]
    results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        for part in parts:
            run = {"contour": contour, "fifth": fifth, "posterior": posterior}[part]
            results[part] = run(pool)
            RESULT.write_text(json.dumps(results, indent=1) + "\n")
            print(json.dumps(results[part], indent=1), flush=True)


if __name__ == "__main__":
    main()
