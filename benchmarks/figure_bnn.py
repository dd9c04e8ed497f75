"""Learning curves of Bayesian networks beside other surrogates, from results/bnn.json.

python benchmarks/figure_bnn.py
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from fitplugin.plots import style

RESULTS = Path(__file__).parent / "results"
PANELS = {
    "validity": ("validity, pMSSM", r"$1 - F_1$ of valid points"),
    "m_higgs": ("Higgs mass, pMSSM", "mean error [%]"),
    "cross_section": ("squark pairs, six parameters", "mean error [%]"),
}
REACH = 2e6  # training points to which the curve is continued


def score(target: str, found: Mapping[str, Any]) -> float:
    """What falls with better surrogates."""
    if target == "validity":
        return float(1.0 - found["decisions"]["mean"]["f1"])
    return float(found["percent_error"])


def theirs(target: str, found: Mapping[str, Any]) -> tuple[float, float]:
    """Training points and score of arXiv:2007.04506."""
    given = found["theirs"][target]
    value = 1.0 - given["f1_mean"] if target == "validity" else given["percent_error"]
    return given["n_points"], value


def power_law(numbers: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """Exponent and constant of a straight line through the logarithms."""
    slope, constant = np.polyfit(np.log(numbers), np.log(scores), 1)
    return float(slope), float(constant)


def draw(axis: Axes, target: str, found: Mapping[str, Any]) -> None:
    curve = found[target]["curve"]
    numbers = np.array([float(n) for n in curve])
    scores = np.array([score(target, each) for each in curve.values()])
    first = style.line(0)
    axis.plot(numbers, scores, marker="o", ms=3, lw=1.2, color=first.colour, label="ensemble")
    slope, constant = power_law(numbers, scores)
    ends = np.array([numbers[-1], REACH])
    axis.plot(ends, np.exp(constant) * ends**slope, lw=0.8, ls=":", color=first.colour,
              label="continued")  # fmt: skip
    middle = np.sqrt(ends[0] * ends[1])
    axis.text(middle, np.exp(constant) * middle**slope, f" $n^{{{slope:.2f}}}$", fontsize=7)
    others = {k: v for k, v in found[target]["table"].items() if k != "ensemble"}
    for number, (label, each) in enumerate(others.items(), start=1):
        if "reason" not in each:
            axis.plot(each["n_training"], score(target, each), "D", ms=4, ls="none",
                      color=style.line(number).colour, label=label)  # fmt: skip
    axis.plot(*theirs(target, found), "*", ms=9, color="black", ls="none", label="arXiv:2007.04506")
    title, words = PANELS[target]
    axis.set_title(title, fontsize=8)
    axis.set_ylabel(words)
    axis.set_xlabel("training points")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axis.yaxis.set_minor_formatter("{x:g}")
    axis.tick_params(axis="y", which="both", labelsize=7)


def main() -> None:
    """Draw the figure beside the results."""
    found = json.loads((RESULTS / "bnn.json").read_text())
    with style.applied():
        figure = Figure(figsize=(style.PAGE_WIDTH, 2.7), layout="constrained")
        axes = figure.subplots(1, len(PANELS))
        for axis, target in zip(axes, PANELS, strict=True):
            draw(axis, target, found)
        entries = axes[0].get_legend_handles_labels()
        figure.legend(*entries, loc="outside lower center", ncols=7, fontsize=6.5)
        figure.savefig(RESULTS / "bnn.png", dpi=style.DPI)


if __name__ == "__main__":
    main()
