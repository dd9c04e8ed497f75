"""Figures of a calibration report; the first is Fig. 1 of arXiv:1611.02704, with pulls beside it.

Predicted against simulated, coverage in slices, classes and their probabilities, learning curves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter
from scipy.stats import norm

from fitplugin.arrays import FloatArray
from fitplugin.plots import style
from fitplugin.runs.models import file_name
from fitplugin.runs.report import nominal_error
from fitplugin.runs.training import Judged, Trial
from fitplugin.stats.calibration import Calibration, Slice, pulls
from fitplugin.stats.classification import Classification, best_threshold, threshold_curve

_MAX_ERROR_BARS = 2000
_LEVELS = {"coverage68": (0.6827, style.POSTERIOR, "o"), "coverage95": (0.95, "#0072b2", "s")}
_COLUMNS = 4
_N_BINS = 10
# Okabe-Ito, then the same again with other dashes
_COLOURS = ("#e69f00", "#0072b2", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#000000")
_DASHES = ("-", "--", ":")


def plot_calibration(judged: Judged, folder: Path) -> list[Path]:
    """Draw the figures of a surrogate into ``folder`` and return the paths."""
    paths = []
    with style.applied():
        for target, summary in judged.calibration.items():
            stem = folder / stem_of(judged.name, target)
            mean, std, truth, error = judged.columns(target)
            if isinstance(summary, Classification):
                paths += style.save(classes_figure(mean, truth, summary), stem)
                continue
            unit = _unit(target)
            figure = calibration_figure(
                target, unit * mean, unit * std, unit * truth, summary,
                None if error is None else unit * error,
            )  # fmt: skip
            paths += style.save(figure, stem)
            slices = slices_figure(judged.slices(target))
            paths += style.save(slices, stem.with_name(f"{stem.name}_slices"))
        if judged.curve:
            spread = judged.held_out.targets.std(axis=0)
            spreads = dict(zip(judged.held_out.target_names, map(float, spread), strict=True))
            figure = learning_figure(judged.curve, spreads)
            paths += style.save(figure, folder / f"{file_name(judged.name)}_learning")
    return paths


def stem_of(surrogate: str, target: str) -> str:
    """Return the file name of a target's figure, without suffix.

    >>> stem_of("efficiency-R", "efficiency[R]")
    'efficiency-R_efficiency_R'
    """
    plain = target.translate(str.maketrans("[]", "__")).strip("_")
    return file_name(f"{surrogate}_{plain}")


def _unit(name: str) -> float:
    # per cent, as efficiencies are quoted
    return 100.0 if name.startswith("efficiency") else 1.0


def calibration_figure(
    target: str,
    mean: FloatArray,
    std: FloatArray,
    truth: FloatArray,
    summary: Calibration,
    truth_error: FloatArray | None = None,
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
    _draw_pulls(beside, pulls(mean, std, truth, truth_error))
    return figure


def slices_figure(slices: Mapping[str, Sequence[Slice]]) -> Figure:
    """Coverage of 68 and 95 % against each quantity, one panel each; lines are the levels.

    Error bars are binomial, at the level that is claimed; widths are those of the slices.
    """
    n_rows = -(-len(slices) // _COLUMNS)
    figure = Figure(figsize=(style.PAGE_WIDTH, 0.4 + 1.45 * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, _COLUMNS, squeeze=False, sharey=True)
    lows = []
    for axis, (quantity, parts) in zip(axes.ravel(), slices.items(), strict=False):
        ends = _unit(quantity) * np.array([[part.low, part.high] for part in parts])
        for name, (level, colour, marker) in _LEVELS.items():
            found = np.array([getattr(part.calibration, name) for part in parts])
            error = [nominal_error(level, part.calibration.n_points) for part in parts]
            axis.axhline(level, color=colour, lw=0.6, alpha=0.7)
            axis.errorbar(
                ends.mean(axis=1), found, error, 0.5 * np.ptp(ends, axis=1),
                fmt=marker, ms=2.5, color=colour, lw=0.8,
            )  # fmt: skip
            lows.append((found - error).min())
        axis.set_xlabel(style.label(quantity), fontsize=7, labelpad=1)
        axis.tick_params(labelsize=6)
        axis.ticklabel_format(axis="x", scilimits=(-3, 4))
        axis.xaxis.get_offset_text().set_fontsize(6)
        axis.locator_params(axis="x", nbins=4)
    for axis in axes.ravel()[len(slices) :]:
        axis.set_visible(False)
    axes[0, 0].set_ylim(min(0.5, max(0.0, min(lows) - 0.03)), 1.03)
    figure.supylabel("coverage", fontsize=8)
    return figure


def classes_figure(probability: FloatArray, truth: FloatArray, summary: Classification) -> Figure:
    """Reliability of the probabilities, and what every threshold would cost."""
    figure = Figure(figsize=(style.PAGE_WIDTH, 0.45 * style.PAGE_WIDTH), layout="constrained")
    left, right = figure.subplots(1, 2)
    bins = np.clip((probability * _N_BINS).astype(int), 0, _N_BINS - 1)
    said, came, error, sizes = [], [], [], []
    for number in np.unique(bins):
        inside = bins == number
        p = float(np.clip(probability[inside].mean(), 0.0, 1.0))
        said.append(p)
        came.append(truth[inside].mean())
        sizes.append(int(inside.sum()))
        error.append(nominal_error(p, sizes[-1]))
    left.plot([0, 1], [0, 1], color="#999999", lw=0.8)
    left.errorbar(said, came, error, fmt="o-", ms=3, lw=0.8, color=style.POSTERIOR)
    left.set(xlabel="predicted probability", ylabel="share of class 1", xlim=(0, 1), ylim=(0, 1.05))
    counts = left.twinx()
    counts.bar(said, sizes, 0.06, color=style.PRIOR, alpha=0.5)
    counts.set(yscale="log", ylabel="held-out points", ylim=(0.8, max(sizes) * 30))
    left.set_zorder(counts.get_zorder() + 1)
    left.patch.set_visible(False)
    curve = threshold_curve(probability, truth)
    for name, values, colour in (
        ("precision", curve.precision, _COLOURS[1]),
        ("recall", curve.recall, _COLOURS[0]),
        ("F1", curve.f1, "black"),
    ):
        right.plot(curve.threshold, values, color=colour, lw=1.2, label=name)
    right.axvline(summary.threshold, color="#666666", lw=0.8, label="threshold of the scan")
    least = best_threshold(probability, truth)
    right.axvline(least, color="#666666", lw=0.8, ls=":", label="least mistakes")
    right.set(xlabel="threshold", xlim=(0, 1), ylim=(right.get_ylim()[0], 1.005))
    right.legend(loc="lower center", fontsize=7, frameon=True, framealpha=1, edgecolor="white")
    return figure


def learning_figure(curve: Sequence[Trial], spread: Mapping[str, float]) -> Figure:
    """How errors fall with the number of training points, a line per target.

    ``spread`` is the standard deviation of each target's true values: the error is in units of it,
    without the noise of the truths themselves where that is known.
    """
    trained = [trial for trial in curve if trial.calibration]
    targets = list(trained[-1].calibration)
    panels = _learning_panels(trained[-1].calibration[targets[0]])
    # a legend of one name would say what the title of the page says
    n_lines = -(-len(targets) // 4) if len(targets) > 1 else 0
    figure = Figure(figsize=(style.PAGE_WIDTH, 2.3 + 0.2 * n_lines), layout="constrained")
    axes = figure.subplots(1, len(panels))
    n = [trial.n_training for trial in trained]
    for axis, (title, value) in zip(axes, panels.items(), strict=True):
        for number, target in enumerate(targets):
            line = [value(trial.calibration[target], spread[target]) for trial in trained]
            axis.plot(
                n, line, marker="o", ms=3, lw=1.0, color=_COLOURS[number % len(_COLOURS)],
                ls=_DASHES[number // len(_COLOURS) % len(_DASHES)],
                label=style.label(target).partition(" [")[0],
            )  # fmt: skip
        axis.set_xscale("log")
        axis.set_xticks(n, [str(count) for count in n])
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.tick_params(labelsize=7)
        axis.set_title(title, fontsize=8)
        axis.set_xlabel("training points", fontsize=8)
    if "error / spread of the target" in panels:
        axes[0].set_yscale("log")
        axes[1].axhline(1.0, color="#999999", lw=0.6, zorder=0)
        for formatter in (axes[0].yaxis.set_major_formatter, axes[0].yaxis.set_minor_formatter):
            formatter(ScalarFormatter())
        axes[0].tick_params(axis="y", which="minor", labelsize=6)
    if n_lines:
        figure.legend(
            *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=7
        )
    return figure


def _learning_panels(kind: Calibration | Classification) -> Mapping[str, Callable[..., float]]:
    if isinstance(kind, Classification):
        return {
            "Brier score": lambda c, _: c.brier,
            "log loss": lambda c, _: c.log_loss,
            "F1": lambda c, _: c.f1,
        }
    return {
        "error / spread of the target": lambda c, spread: c.excess_rmse / spread,
        r"$\chi^2/n$": lambda c, _: c.chi2_per_point,
        # per spread, so that targets of any unit share a scale
        "log score + ln(spread)": lambda c, spread: c.log_score + float(np.log(spread)),
    }


def _draw_pulls(axis: Axes, pull: FloatArray) -> None:
    edges = np.linspace(-4, 4, 33)
    axis.hist(np.clip(pull, -4, 4), edges.tolist(), density=True, color=style.PRIOR)
    grid = np.linspace(-4, 4, 200)
    axis.plot(grid, norm.pdf(grid), color=style.POSTERIOR, lw=1.2, label="N(0, 1)")
    axis.set(xlim=(-4, 4), yticks=[], xlabel="pull", xticks=[-4, -2, 0, 2, 4])
    axis.legend(loc="upper right", handlelength=1.2)
