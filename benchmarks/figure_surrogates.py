"""What do better surrogates change in the posterior, and in its cost?

Reconstructs the same counts (those that scans/natural_susy/reconstruction.yaml expects at its
benchmark) once with the surrogates of that scan and once with those of paper_surrogates.yaml, and
writes results/surrogates_posteriors.png and .json.

    python benchmarks/figure_surrogates.py
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import yaml
from matplotlib.figure import Figure

from fitplugin.physics.natural_susy import BENCHMARK, SIGN_UNSEEN
from fitplugin.plots import style
from fitplugin.runs import runner
from fitplugin.runs.directory import Run
from fitplugin.stats.weighted import summarise

HERE = Path(__file__).parent
SCANS = HERE.parent / "scans" / "natural_susy"
RESULTS = HERE / "results"
KINDS = {"default": "reconstruction.yaml", "paper": "paper_surrogates.yaml"}
COLOURS = {"default": style.POSTERIOR, "paper": "#4477aa"}


def reconstruct(scratch: Path) -> dict[str, Run]:
    """Both runs on the same counts."""
    runs: dict[str, Run] = {}
    for kind, name in KINDS.items():
        scan = yaml.safe_load((SCANS / name).read_text())
        if runs:
            del scan["mock"]
            scan["observed"] = runs["default"].summary["n_observed"]
        path = scratch / name
        path.write_text(yaml.safe_dump(scan))
        runs[kind] = runner.run(path, scratch / kind, cache=scratch / "models")
    return runs


def draw(runs: dict[str, Run]) -> Figure:
    """Prior in grey, both posteriors, the benchmark."""
    names = ("mu", "mQ3", "mtR")
    figure = Figure(figsize=(style.PAGE_WIDTH, 2.5), layout="constrained")
    for axis, name in zip(figure.subplots(1, 3), names, strict=True):
        fold = np.abs if name in SIGN_UNSEEN else np.asarray
        low, high = runs["default"].ranges[name]
        edges = np.linspace(0.0 if name in SIGN_UNSEEN else low, high, 31)
        prior = fold(runs["default"].prior[name])
        axis.hist(prior, edges, density=True, color=style.PRIOR, label="prior")
        for kind, run in runs.items():
            axis.hist(
                fold(run.posterior.columns[name]), edges, weights=run.posterior.weights,
                density=True, histtype="step", lw=1.5, color=COLOURS[kind],
                label=f"{kind} surrogates",
            )  # fmt: skip
        axis.axvline(BENCHMARK[name], color="black", lw=1, ls="--", label="benchmark")
        axis.set(
            xlabel=style.label(name, absolute=name in SIGN_UNSEEN),
            xlim=(edges[0], edges[-1]), yticks=[],
        )  # fmt: skip
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    figure.axes[0].set_ylabel("probability density")
    return figure


def main() -> None:
    """Run, draw, write."""
    with tempfile.TemporaryDirectory() as folder:
        runs = reconstruct(Path(folder))
        with style.applied():
            draw(runs).savefig(RESULTS / "surrogates_posteriors.png", dpi=200)
        result = {}
        for kind, run in runs.items():
            weights = run.posterior.weights
            errors = {
                region: summarise(
                    run.posterior.columns[f"n_signal_error[{region}]"]
                    / run.posterior.columns[f"n_signal[{region}]"],
                    weights,
                ).median
                for region in ("0-lepton", "1-lepton")
            }
            result[kind] = {
                **{k: run.summary[k] for k in ("n_observed", "log_z", "log_z_error", "n_like",
                                               "n_eff", "out_of_domain", "parameters")},
                "seconds": run.manifest["seconds"],
                "median_relative_signal_error": errors,
            }  # fmt: skip
    (RESULTS / "surrogates_posteriors.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
