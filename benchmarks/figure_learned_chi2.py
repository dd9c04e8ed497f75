"""Mean errors of a learned chi2 by range, from results/learned_chi2.json.

python benchmarks/figure_learned_chi2.py
"""

from __future__ import annotations

import json
from pathlib import Path

from matplotlib.figure import Figure

from fitplugin.plots import style

RESULTS = Path(__file__).parent / "results"
PANELS = (
    ("draws", "60 000 draws from the prior of a scan", (
        ("masses and branching fractions, ours", "network", "from masses and decays"),
        ("parameters, ours", "network", "from parameters"),
        ("parameters, paper's network", "network", "from parameters, SCYNet's network"),
        ("parameters, ours", "nearest", "nearest neighbour, parameters"),
    )),
    ("spectra", "4627 spectra, six parameters", (
        ("reparametrised, ours", "network", "from 56 features"),
        ("direct, ours", "network", "from parameters"),
        ("reparametrised, paper's network", "network", "from 56 features, SCYNet's network"),
        ("direct, ours", "nearest", "nearest neighbour, parameters"),
    )),
)  # fmt: skip


def main() -> None:
    """Draw the figure beside the results."""
    found = json.loads((RESULTS / "learned_chi2.json").read_text())
    with style.applied():
        figure = Figure(figsize=(style.PAGE_WIDTH, 2.9), layout="constrained")
        axes = figure.subplots(1, len(PANELS), sharey=True)
        for axis, (part, title, lines) in zip(axes, PANELS, strict=True):
            for number, (label, which, words) in enumerate(lines):
                ranges = found[part][label]["held out"][which]["by_range"]
                line = style.line(number)
                mean = found[part][label]["held out"][which]["mean"]
                axis.plot(range(len(ranges)), [entry[3] for entry in ranges], marker="o", ms=3,
                          color=line.colour, ls=line.dashes, lw=1.2,
                          label=f"{words} ({mean:.2f})")  # fmt: skip
            axis.set_xticks(
                range(len(ranges)), [f"{low:g}\u2013{high:.3g}" for low, high, _, _ in ranges]
            )
            axis.tick_params(axis="x", labelsize=7)
            axis.set_yscale("log")
            axis.set_xlabel(r"range of $\chi^2$")
            axis.set_title(title, fontsize=9)
            axis.legend(fontsize=6.5, loc="upper left")
        axes[0].set_ylabel(r"mean error of $\chi^2$")
        low, high = axes[0].get_ylim()
        axes[0].set_ylim(low, 5.0 * high)
        figure.savefig(RESULTS / "learned_chi2.png", dpi=style.DPI)


if __name__ == "__main__":
    main()
