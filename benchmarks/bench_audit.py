"""Does the reconstruction survive the simulation that its surrogates were learned from?

Draws from the posterior of scans/natural_susy/reconstruction.yaml were run through the spectrum
program of the shipped table (SPheno 4.0.5) and simulated with far more events than the training
points (30 000 in full per process, ten detector replicas; `fitplugin simulate`). Their table is
simulated_truth.csv. This script runs the scan, audits it by that table, and compares predictions
with simulation. Writes results/audit.json and results/audit.png.

    python benchmarks/bench_audit.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fitplugin.data.tables import Table, read_table
from fitplugin.plots import style
from fitplugin.pools.serial import SerialPool
from fitplugin.runs import runner
from fitplugin.runs.directory import read_run
from fitplugin.studies.finished import reopen
from fitplugin.studies.trust.audit import Audit, audit

HERE = Path(__file__).parent
SCAN = HERE.parent / "scans" / "natural_susy" / "reconstruction.yaml"
TRUTH = HERE / "simulated_truth.csv"
RESULTS = HERE / "results"
REGIONS = ("0-lepton", "1-lepton")
WELL_SIMULATED = 0.2
SPECTRUM = ("m_higgs", "m_chargino1", "m_stop1", "m_stop2", "m_sbottom1")


def main() -> None:
    table = read_table(str(TRUTH))
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        runner.run(SCAN, scratch / "run")
        run = read_run(scratch / "run")
        found = audit(run, str(TRUTH), SerialPool(), scratch / "journal")
        scan = reopen(run)
        batch = scan.joint.evaluate(table.numbers(scan.joint.names))
    compared = {name: compare(name, table, batch.blobs) for name in observables()}
    result = {
        "points": len(table.columns["weight"]),
        "audit": {**found.to_dict(), "truth": TRUTH.name},
        "bootstrap_error_of_shifts": shift_errors(found, table.numbers(scan.joint.names)),
        "predicted_minus_simulated": {
            name: {key: value for key, value in one.items() if not isinstance(value, np.ndarray)}
            for name, one in compared.items()
        },
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "audit.json").write_text(json.dumps(result, indent=2) + "\n")
    with style.applied():
        figure(compared).savefig(RESULTS / "audit.png", dpi=style.DPI)
    print(json.dumps(result, indent=2))


def observables() -> tuple[str, ...]:
    return (*SPECTRUM, "cross_section", *(f"efficiency[{region}]" for region in REGIONS))


def shift_errors(found: Audit, theta: np.ndarray) -> dict[str, float]:
    """Standard deviations of the shifts of means, from draws of the draws."""
    assert found.posterior is not None
    rng = np.random.default_rng(1)
    weights, names = found.posterior.weights, list(found.posterior.parameters)
    rows = rng.integers(len(theta), size=(2000, len(theta)))
    drawn, shares = theta[rows], weights[rows][..., None]
    shifts = (shares * drawn).sum(axis=1) / shares.sum(axis=1) - drawn.mean(axis=1)
    return dict(zip(names, (shifts.std(axis=0) / theta.std(axis=0)).tolist(), strict=True))


def compare(name: str, table: Table, blobs: Any) -> dict[str, Any]:
    """Predicted and simulated values, their errors, and pulls by both errors together."""
    base, bracket, region = name.partition("[")
    error = f"{base}_error{bracket}{region}"
    simulated = table.numbers([name])[:, 0]
    predicted, predicted_error = blobs[name], blobs[error]
    # cross-sections have one common error of the table, which is no error of the prediction
    if name == "cross_section":
        common = table.numbers([error])[:, 0] / simulated * predicted
        predicted_error = np.sqrt(np.maximum(predicted_error**2 - common**2, 0.0))
        simulated_error = np.zeros_like(simulated)
    elif bracket:
        simulated_error = table.numbers([error])[:, 0]
    else:
        simulated_error = np.zeros_like(simulated)
    both = np.hypot(predicted_error, simulated_error)
    pulls = (predicted - simulated) / both
    # where the simulation itself says something: light squarks leave a handful of events
    known = simulated_error < WELL_SIMULATED * simulated
    ratio = predicted[known] / simulated[known] - 1.0
    noise = simulated_error[known] / simulated[known]
    return {
        "predicted": predicted,
        "predicted_error": predicted_error,
        "simulated": simulated,
        "simulated_error": simulated_error,
        "pulls": pulls,
        "mean_pull": float(pulls.mean()),
        "width_of_pulls": float(pulls.std(ddof=1)),
        "well_simulated_points": int(known.sum()),
        "bias": float(ratio.mean()),
        "bias_error": float(ratio.std(ddof=1) / np.sqrt(len(ratio))),
        "relative_rms": float(np.sqrt(np.square(ratio).mean())),
        "of_which_simulation": float(np.sqrt(np.square(noise).mean())),
        "median_relative_error_claimed": float(
            np.median(predicted_error[known] / predicted[known])
        ),
    }


def figure(compared: dict[str, Any]) -> Figure:
    """Efficiencies predicted against simulated, and the pulls of every observable."""
    drawn = Figure(figsize=(style.PAGE_WIDTH, 2.7), layout="constrained")
    *left, right = drawn.subplots(1, 3, width_ratios=[1, 1, 1.25])
    for axis, region in zip(left, REGIONS, strict=True):
        one = compared[f"efficiency[{region}]"]
        axis.errorbar(
            100 * one["simulated"], 100 * one["predicted"], 100 * one["predicted_error"],
            100 * one["simulated_error"], fmt="o", ms=2.5, lw=0.7, color=style.POSTERIOR,
        )  # fmt: skip
        top = 100 * max(one["simulated"].max(), one["predicted"].max()) * 1.15
        axis.plot([0, top], [0, top], color="black", lw=0.7)
        axis.set(xlim=(0, top), ylim=(0, top))
        axis.set_title(f"efficiency, {region} [%]", fontsize=9)
        axis.set(xlabel="simulated", ylabel="predicted")
    names = list(compared)
    for row, name in enumerate(names):
        pulls = compared[name]["pulls"]
        jitter = np.linspace(-0.25, 0.25, len(pulls))
        shown = np.clip(pulls, -4.6, 4.6)
        right.plot(shown, row + jitter, "o", ms=2, color=style.POSTERIOR)
        right.errorbar(pulls.mean(), row, xerr=pulls.std(ddof=1), fmt="|", color="black", lw=1)
    right.axvspan(-1, 1, color=style.PRIOR, alpha=0.4, lw=0)
    right.set_yticks(range(len(names)), [spoken(name) for name in names])
    right.set(xlim=(-5, 5), ylim=(len(names) - 0.4, -0.6), xlabel="(predicted - simulated) / error")
    return drawn


def spoken(name: str) -> str:
    base, _, region = name.partition("[")
    if region:
        return f"efficiency, {region.rstrip(']')}"
    return "cross-section" if base == "cross_section" else style.label(name).removesuffix(" [GeV]")


# workers of the scan start with this file
if __name__ == "__main__":
    main()
