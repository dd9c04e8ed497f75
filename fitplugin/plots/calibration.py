"""Predicted against simulated on held-out points, with the pulls: Fig. 1 of arXiv:1611.02704."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

from fitplugin.arrays import FloatArray
from fitplugin.plots import style
from fitplugin.runs.training import Judged
from fitplugin.stats.calibration import Calibration, Classification, pulls

_MAX_ERROR_BARS = 2000


def plot_calibration(judged: Judged, folder: Path) -> list[Path]:
    """Draw one figure per target of a surrogate into ``folder`` and return the paths."""
    paths = []
    with style.applied():
        for column, target in enumerate(judged.held_out.target_names):
            summary = judged.calibration[target]
            if isinstance(summary, Classification):
                continue  # zeros and ones tell nothing in this figure
            # per cent, as efficiencies are quoted
            unit = 100.0 if target.startswith("efficiency") else 1.0
            figure = calibration_figure(
                target,
                unit * judged.prediction.mean[:, column],
                unit * judged.prediction.std[:, column],
                unit * judged.held_out.targets[:, column],
                summary,
            )
            plain = target.translate(str.maketrans("[]", "__")).strip("_")
            paths += style.save(figure, folder / f"{judged.name}_{plain}")
    return paths


def calibration_figure(
    target: str, mean: FloatArray, std: FloatArray, truth: FloatArray, summary: Calibration
) -> Figure:
    """Predicted with errors against true (n_points,) values; the pulls beside them."""
    figure = Figure(figsize=(0.8 * style.PAGE_WIDTH, style.PAGE_WIDTH / 2), layout="constrained")
    # beside and not inside, where the paper has them: an inset hides points
    axis, beside = figure.subplots(1, 2, width_ratios=(2, 1))
    shown = slice(None, _MAX_ERROR_BARS)
    axis.errorbar(
        truth[shown], mean[shown], std[shown],
        fmt="o", ms=2, color="black", ecolor="#999999", elinewidth=0.4, alpha=0.7, lw=0,
    )  # fmt: skip
    ends = [min(truth.min(), mean.min()), max(truth.max(), mean.max())]
    axis.plot(ends, ends, color=style.POSTERIOR, lw=1.5, zorder=5)
    name = style.label(target)
    axis.set(xlabel=f"simulated {name}", ylabel=f"predicted {name}")
    axis.text(
        0.03, 0.97,
        f"{summary.n_points} held-out points\n$\\chi^2/n$ = {summary.chi2_per_point:.2f}\n"
        f"68 %: {summary.coverage68:.3f}\n95 %: {summary.coverage95:.3f}",
        transform=axis.transAxes, va="top", fontsize=7,
    )  # fmt: skip
    _draw_pulls(beside, pulls(mean, std, truth))
    return figure


def _draw_pulls(axis: Axes, pull: FloatArray) -> None:
    edges = np.linspace(-4, 4, 33)
    axis.hist(np.clip(pull, -4, 4), edges.tolist(), density=True, color=style.PRIOR)
    grid = np.linspace(-4, 4, 200)
    axis.plot(grid, norm.pdf(grid), color=style.POSTERIOR, lw=1.2, label="N(0, 1)")
    axis.set(xlim=(-4, 4), yticks=[], xlabel="pull", xticks=[-4, -2, 0, 2, 4])
    axis.legend(loc="upper right", handlelength=1.2)
