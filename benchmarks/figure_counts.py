"""What do the conventions of the counting likelihood change, for the paper's two regions?

Marginal (solid) and profile (dashed) log-likelihood against the signal strength, each relative to
its own maximum, for the conventions of `fitplugin.stats.counts`. The signal of strength 1 is what
the paper's mock counts hold, 21.0 and 47.8 events; its error is 25 % of it.

    python benchmarks/figure_counts.py      writes results/counts_conventions.png
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fitplugin.plots import style
from fitplugin.stats.counts import log_marginal, log_profile

REGIONS = {
    "0-lepton": (33.2, 21.0, 12.2, 3.9),
    "1-lepton": (68.9, 47.8, 21.1, 5.9),
}
# Okabe-Ito, apart for every kind of eye
COLOURS = {
    "mean": "#e69f00",
    "median": "#56b4e9",
    "scynet": "#009e73",
    "histfactory": "#cc79a7",
    "gamma": "#000000",
}
RELATIVE_ERROR = 0.25


def main() -> None:
    """Draw and write."""
    strength = np.linspace(0.0, 3.0, 301)
    with style.applied():
        figure = Figure(figsize=(style.PAGE_WIDTH, 3.0), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for axis, (name, (n, signal, b, error)) in zip(axes, REGIONS.items(), strict=True):
            s = strength * signal
            for mode, colour in COLOURS.items():
                for function, line in ((log_marginal, "-"), (log_profile, "--")):
                    log_l = function(n, s, RELATIVE_ERROR * s, b, error, mode=mode)
                    axis.plot(
                        strength, log_l - log_l.max(), line, color=colour, lw=1.1,
                        label=mode if line == "-" else None,
                    )  # fmt: skip
            axis.set(xlabel="signal strength", xlim=(0, 3), ylim=(-8, 0.2))
            axis.set_title(f"{name}: {n} observed, {b} $\\pm$ {error} expected", fontsize=8)
        axes[0].set_ylabel(r"$\ln L - \max \ln L$")
        axes[0].plot([], [], "-", color="0.5", lw=1, label="marginal")
        axes[0].plot([], [], "--", color="0.5", lw=1, label="profile")
        axes[0].legend(ncols=2, fontsize=7, loc="lower right")
        target = Path(__file__).parent / "results" / "counts_conventions.png"
        figure.savefig(target, dpi=200)
    print(target.relative_to(Path(__file__).parents[1]))


if __name__ == "__main__":
    main()
