"""Marginal posteriors of a run beside the constrained prior, and a corner plot."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fitplugin.arrays import FloatArray
from fitplugin.physics.natural_susy import LABELS, SIGN_UNSEEN
from fitplugin.plots import style
from fitplugin.runs.directory import Run

_MAX_BINS = 40


def plot_run(run: Run) -> list[Path]:
    """Draw all figures of a run into its ``plots/`` folder and return their paths."""
    folder = run.path / "plots"
    with style.applied(), warnings.catch_warnings():
        # getdist may lag behind matplotlib; nothing that a user could mend
        warnings.simplefilter("ignore", mpl.MatplotlibDeprecationWarning)
        marginals = style.save(marginal_figure(run), folder / "marginals")
        corner = style.save(corner_figure(run), folder / "corner")
    return [*marginals, *corner]


def marginal_figure(run: Run) -> Figure:
    """Histograms of every scanned parameter: grey prior, orange posterior, benchmark line.

    The prior is that of the box with the constraints applied; both integrate to one. Fig. 2 of
    arXiv:1611.02704.
    """
    names = list(run.summary["parameters"])
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(style.PAGE_WIDTH, 2.3 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, name in zip(axes, names, strict=False):
        _marginal(axis, run, name)
    for axis in axes[len(names) :]:
        axis.set_visible(False)
    axes[0].set_ylabel("probability density")
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, handlelength=1.5
    )
    return figure


def _marginal(axis: Axes, run: Run, name: str) -> None:
    absolute = name in SIGN_UNSEEN
    fold = np.abs if absolute else np.asarray
    low, high = run.ranges[name]
    if absolute:
        low, high = 0.0, max(abs(low), abs(high))
    # a short run has not enough samples for narrow bins
    n_bins = min(_MAX_BINS, max(10, int(np.sqrt(run.summary["n_eff"]))))
    bins = np.linspace(low, high, n_bins + 1)
    if name in run.prior:
        axis.hist(
            fold(run.prior[name]),
            bins.tolist(),
            density=True,
            color=style.PRIOR,
            alpha=0.6,
            label="prior",
        )
    posterior = run.posterior
    density, _ = np.histogram(
        fold(posterior.columns[name]), bins, weights=posterior.weights, density=True
    )
    axis.stairs(density, bins, fill=True, color=style.POSTERIOR, alpha=0.35)
    axis.stairs(density, bins, color=style.POSTERIOR, linewidth=1.2, label="posterior")
    truth = run.summary["parameters"][name].get("truth")
    if truth is not None:
        axis.axvline(
            abs(truth) if absolute else truth, color=style.TRUTH, ls="--", lw=0.9, label="benchmark"
        )
    axis.set(xlabel=style.label(name, absolute), xlim=(low, high), yticks=[])


def corner_figure(run: Run) -> Any:
    """Triangle of all scanned parameters with 68 % and 95 % contours, over the prior."""
    # getdist speaks to the terminal while importing and loading samples
    from getdist import MCSamples, chains, plots

    chains.print_load_details = False
    names = list(run.summary["parameters"])

    def samples(values: dict[str, FloatArray], weights: FloatArray | None, title: str) -> Any:
        return MCSamples(
            samples=np.column_stack([values[name] for name in names]),
            weights=weights,
            names=names,
            labels=[LABELS.get(name, name) for name in names],
            ranges={name: list(run.ranges[name]) for name in names},
            label=title,
            sampler="nested",
            settings={"contours": [0.68, 0.95], "mult_bias_correction_order": 1},
        )

    shown = [samples(dict(run.posterior.columns), run.posterior.weights, "posterior")]
    colours = [style.POSTERIOR]
    if run.prior:
        shown.insert(0, samples(dict(run.prior), None, "prior"))
        colours.insert(0, style.PRIOR)
    plotter = plots.get_subplot_plotter(width_inch=style.PAGE_WIDTH)
    plotter.settings.legend_frame = False
    truths = {
        name: entry["truth"]
        for name, entry in run.summary["parameters"].items()
        if "truth" in entry
    }
    plotter.triangle_plot(
        shown, names, filled=True, contour_colors=colours, legend_loc="upper right",
        markers=truths, marker_args={"color": style.TRUTH, "lw": 0.9, "ls": "--"},
    )  # fmt: skip
    for axis, name in zip(plotter.subplots[-1], names, strict=True):
        axis.set_xlabel(style.label(name))
    for row, name in enumerate(names[1:], start=1):
        plotter.subplots[row][0].set_ylabel(style.label(name))
    return plotter.fig
