"""Quality against number of simulations, from results/active.json.

python benchmarks/figure_active.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from fitplugin.plots import style

RESULTS = Path(__file__).parent / "results"
CURVES = (
    ("entropy_discs", "entropy, Poisson discs"),
    ("entropy_discs + cross-section", "the same, warm start"),
    ("entropy", "entropy alone"),
    ("greedy", "entropy times variance"),
    ("random", "random"),
    ("latin", "Latin hypercube"),
    ("grid", "grid"),
)


def contour(axis: Axes, found: dict) -> None:
    for number, (key, words) in enumerate(CURVES):
        rows, line = found[key], style.line(number)
        asked, value, error = (np.array([row[name] for row in rows])
                               for name in ("asked", "accuracy", "accuracy_error"))  # fmt: skip
        axis.plot(asked, value, color=line.colour, ls=line.dashes, lw=1.1, label=words)
        axis.fill_between(asked, value - error, value + error, color=line.colour, alpha=0.15, lw=0)
    whole = found["all"][-1]
    axis.axhline(whole["accuracy"], color="black", lw=0.7)
    axis.text(asked[0], whole["accuracy"], f"all {whole['asked']:.0f}", va="bottom", fontsize=7)
    axis.set_ylim(top=whole["accuracy"] + 0.02)
    axis.set_xlabel("points asked")
    axis.set_ylabel("right side of the contour, test points")
    axis.legend(fontsize=6.5, loc="lower right")


def posterior(axis: Axes, found: dict) -> None:
    for number, (key, words) in enumerate(
        (("targeted", "posterior-targeted"), ("random", "random"))
    ):
        line = style.line(number if key == "targeted" else 4)
        rows = found[key]
        axis.errorbar(rows["n"], rows["js_bits"], rows["js_bits_error"], color=line.colour,
                      ls=line.dashes, lw=1.1, marker="o", ms=3, label=words)  # fmt: skip
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xticks(rows["n"], map(str, rows["n"]))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axis.yaxis.set_minor_formatter("{x:g}")
    axis.tick_params(axis="y", which="both", labelsize=7)
    axis.set_xlabel("training points")
    axis.set_ylabel("Jensen-Shannon to the full data [bit]")
    axis.legend(fontsize=7)


def main() -> None:
    """Draw the figure beside the results."""
    found = json.loads((RESULTS / "active.json").read_text())
    with style.applied():
        figure = Figure(figsize=(style.PAGE_WIDTH, 3.0), layout="constrained")
        first, second = figure.subplots(1, 2)
        contour(first, found["contour"])
        posterior(second, found["posterior"])
        figure.savefig(RESULTS / "active.png", dpi=style.DPI)


if __name__ == "__main__":
    main()
