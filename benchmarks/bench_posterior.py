"""Is the posterior of a scan right? Beside brute force on the same likelihood.

Runs scans/natural_susy/reconstruction.yaml, and evaluates its likelihood at SCRAMBLES independent
scrambled Sobol sequences of 2^LOG2_POINTS points each, which a hard edge of the constraints costs
nothing but noise (a lattice it would give a bias of its own), in batches of 1000 on one core. Says
the Jensen-Shannon divergence of every marginal (40 bins) in bits, what as many perfect draws as
the run has effective samples would give, the same for the masses, and how ln Z compares. The
scrambles say the error of brute force. Writes results/posterior.json and posterior_grid.png.

    python benchmarks/bench_posterior.py [RUN]

with a finished run of that scan in place of a new one, if it is given.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from scipy.spatial.distance import jensenshannon
from scipy.stats import qmc
from threadpoolctl import threadpool_limits
from tqdm import tqdm

import fitplugin
from fitplugin.plots import style
from fitplugin.runs import runner
from fitplugin.runs.directory import Run, read_run
from fitplugin.stats.weighted import effective_size, summarise

HERE = Path(__file__).parent
SCAN = HERE.parent / "scans" / "natural_susy" / "reconstruction.yaml"
RESULTS = HERE / "results"
LOG2_POINTS, SCRAMBLES, BATCH = 16, 8, 1000
BINS = 40
TARGET_BITS = 0.005
N_RESAMPLED = 200
DERIVED = ("m_higgs", "m_stop1", "m_stop2", "m_sbottom1", "m_chargino1")


class Reference(NamedTuple):
    """Brute force: points of the box by scramble, (n_scrambles, n_points, ...)."""

    columns: dict[str, np.ndarray]
    log_likelihood: np.ndarray
    seconds: float

    @property
    def weights(self) -> np.ndarray:
        return np.exp(self.log_likelihood - self.log_likelihood.max())


def brute_force() -> Reference:
    joint = fitplugin.load(SCAN)
    n_points = 2**LOG2_POINTS
    starts = range(0, n_points, BATCH)
    columns: dict[str, list[np.ndarray]] = {}
    values = []
    begin = time.perf_counter()
    with (
        threadpool_limits(1),
        tqdm(total=SCRAMBLES * n_points, desc="brute force", disable=None, leave=False) as bar,
    ):
        for seed in range(SCRAMBLES):
            sequence = qmc.Sobol(joint.n_dim, rng=np.random.default_rng(seed))
            theta = joint.prior_transform(sequence.random_base2(LOG2_POINTS))
            batches = []
            for start in starts:
                batches.append(joint.evaluate(theta[start : start + BATCH]))
                bar.update(len(batches[-1].valid))
            values.append(np.concatenate([batch.log_likelihood for batch in batches]))
            named = dict(zip(joint.names, theta.T, strict=True))
            for name in DERIVED:
                named[name] = np.concatenate([batch.blobs[name] for batch in batches])
            for name, column in named.items():
                columns.setdefault(name, []).append(column)
    seconds = time.perf_counter() - begin
    return Reference({k: np.stack(v) for k, v in columns.items()}, np.stack(values), seconds)


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen-Shannon divergence of two histograms, in bits."""
    return float(jensenshannon(p, q, base=2) ** 2)


def noise_floor(shares: np.ndarray, n_eff: float) -> float:
    """Expected divergence [bit] of the histogram of n_eff perfect draws from their distribution.

    To second order in the fluctuations it is chi2/(8 n_eff) nats, with n_bins - 1 degrees of
    freedom.
    """
    return (np.count_nonzero(shares) - 1) / (8.0 * np.log(2.0) * n_eff)


def resampled_floor(shares: np.ndarray, n_eff: float) -> tuple[float, float]:
    """Mean and 95 % quantile of that divergence, by drawing N_RESAMPLED such samples."""
    draws = np.random.default_rng(0).multinomial(int(n_eff), shares, N_RESAMPLED)
    found = [divergence(shares, one.astype(float)) for one in draws]
    return float(np.mean(found)), float(np.quantile(found, 0.95))


def edges_of(name: str, run: Run, reference: Reference) -> np.ndarray:
    """Scanned parameters: the box; masses: the central 99.8 % of brute force, tails in the ends."""
    if name in run.ranges:
        return np.linspace(*run.ranges[name], BINS + 1)
    order = np.argsort(reference.columns[name], axis=None)
    cumulative = np.cumsum(reference.weights.ravel()[order])
    ends = np.searchsorted(cumulative / cumulative[-1], [0.001, 0.999])
    low, high = reference.columns[name].ravel()[order[ends]]
    edges = np.linspace(low, high, BINS + 1)
    edges[0], edges[-1] = -np.inf, np.inf
    return edges


def marginal(name: str, run: Run, reference: Reference) -> dict[str, object]:
    edges = edges_of(name, run, reference)
    posterior = run.posterior
    by_scramble = np.array(
        [
            np.histogram(column, edges, weights=weights)[0]
            for column, weights in zip(reference.columns[name], reference.weights, strict=True)
        ]
    )
    truth = by_scramble.sum(axis=0)
    ours = np.histogram(posterior.columns[name], edges, weights=posterior.weights)[0]
    shares = truth / truth.sum()
    # half of the scrambles against the other half: four times the noise of all of them
    halves = [by_scramble[half::2].sum(axis=0) for half in (0, 1)]
    n_eff = run.summary["n_eff"]
    mean, most = resampled_floor(shares, n_eff)
    exact = summarise(reference.columns[name].ravel(), reference.weights.ravel())
    found = summarise(posterior.columns[name], posterior.weights)
    return {
        "js_bits": divergence(truth, ours),
        "noise_floor_bits": noise_floor(shares, n_eff),
        "resampled_floor_bits": mean,
        "resampled_floor_95_bits": most,
        "brute_force_noise_bits": divergence(*halves) / 4.0,
        "mean_shift_in_std": (found.mean - exact.mean) / exact.std,
        "std_ratio": found.std / exact.std,
        "bins": BINS,
    }


def log_z_of(reference: Reference) -> tuple[float, float]:
    """ln Z over the box, and its error from the scatter of the scrambles."""
    n_scrambles, n_points = reference.log_likelihood.shape
    each = np.exp(np.logaddexp.reduce(reference.log_likelihood, axis=1) - np.log(n_points))
    return float(np.log(each.mean())), float(each.std(ddof=1) / np.sqrt(n_scrambles) / each.mean())


def draw(run: Run, reference: Reference) -> Figure:
    figure = Figure(figsize=(style.PAGE_WIDTH, 2.5), layout="constrained")
    weights = reference.weights.ravel()
    for axes, name in zip(figure.subplots(1, 3), run.ranges, strict=True):
        edges = edges_of(name, run, reference)
        truth = np.histogram(reference.columns[name].ravel(), edges, weights=weights, density=True)[
            0
        ]
        ours = np.histogram(
            run.posterior.columns[name], edges, weights=run.posterior.weights, density=True
        )[0]
        axes.stairs(truth, edges, fill=True, color=style.PRIOR, label="brute force")
        axes.stairs(ours, edges, color=style.POSTERIOR, lw=1.3, label="nested sampling")
        axes.set(xlabel=style.label(name), xlim=(edges[0], edges[-1]), yticks=[])
        axes.set_ylim(0, 1.08 * max(truth.max(), ours.max()))
    figure.axes[0].set_ylabel("probability density")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def main() -> None:
    if len(sys.argv) > 1:
        run = read_run(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as folder:
            run = runner.run(SCAN, Path(folder, "run"))
    reference = brute_force()
    log_z, error = log_z_of(reference)
    summary = run.summary
    both = float(np.hypot(error, summary["log_z_box_error"]))
    marginals = {name: marginal(name, run, reference) for name in (*run.ranges, *DERIVED)}
    valid = np.isfinite(reference.log_likelihood)
    scanned = [marginals[name]["js_bits"] for name in run.ranges]
    result = {
        "question": "posterior and evidence of the scan against brute force on its likelihood",
        "scan": SCAN.name,
        "digest": run.manifest["digest"],
        "python": platform.python_version(),
        "libraries": run.manifest["libraries"],
        "brute_force": {
            "points": int(reference.log_likelihood.size),
            "scrambled_sobol_sequences": SCRAMBLES,
            "n_eff": effective_size(reference.weights),
            "valid_fraction": float(valid.mean()),
            "log_z_box": log_z,
            "log_z_box_error": error,
            "seconds": round(reference.seconds, 1),
            "us_per_point": round(1e6 * reference.seconds / reference.log_likelihood.size, 1),
        },
        "run": {key: summary[key] for key in ("sampler", "n_live", "n_like", "n_eff", "log_z_box",
                                              "log_z_box_error", "valid_fraction")},
        "log_z_difference": summary["log_z_box"] - log_z,
        "log_z_difference_in_errors": (summary["log_z_box"] - log_z) / both,
        "marginals": marginals,
        "largest_js_bits": max(scanned),
        "targets_met": {
            f"every scanned marginal below {TARGET_BITS} bit": max(scanned) < TARGET_BITS,
            "ln Z within 2 errors": abs(summary["log_z_box"] - log_z) < 2 * both,
        },
    }  # fmt: skip
    (RESULTS / "posterior.json").write_text(json.dumps(result, indent=1) + "\n")
    with style.applied():
        draw(run, reference).savefig(RESULTS / "posterior_grid.png", dpi=200)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
