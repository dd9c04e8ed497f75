"""Figure of a coverage study: rank histograms, and how their distribution leaves the diagonal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binom

from fitplugin.arrays import FloatArray
from fitplugin.plots import style
from fitplugin.stats.uniformity import Band, Uniformity, ecdf_band
from fitplugin.studies.coverage.mocks import LOG_LIKELIHOOD
from fitplugin.studies.coverage.study import Coverage

_LEVEL = 0.99
_MOST_COLUMNS = 5
_BAND = "#56b4e9"  # Okabe-Ito blue below its orange, as light as a band should be
_EXPECTED = "#0072b2"
_SEED = 1  # of the simulated band: the same figure every time


def plot_coverage(coverage: Coverage) -> list[Path]:
    """Draw the figure into ``plots/`` of the study's folder and return the paths."""
    with style.applied():
        return style.save(ranks_figure(coverage), coverage.folder / "plots" / "ranks")


def ranks_figure(coverage: Coverage) -> Figure:
    """A column per quantity: rank histogram, and below it the empirical distribution minus u.

    Blue is where uniform ranks are in 99 of 100 studies: each bin by itself above, the whole curve
    below. A posterior that is too narrow gives a U and a curve above zero at first, below it then;
    a bias tilts the histogram and bends the curve to one side.

    Source: Talts et al., arXiv:1804.06788; Säilynoja et al., arXiv:2103.10522.
    """
    names = list(coverage.judgement.found)
    n_blocks = -(-len(names) // _MOST_COLUMNS)
    n_columns = -(-len(names) // n_blocks)
    # a panel has its size, however few there are; the legend wants some width
    size = (max(4.2, 0.6 + 1.3 * n_columns), 0.55 + 3.0 * n_blocks)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(2 * n_blocks, n_columns, squeeze=False)
    for axis in axes.ravel():
        axis.set_visible(False)
    band = ecdf_band(len(coverage.mocks), np.random.default_rng(_SEED), _LEVEL)
    for number, name in enumerate(names):
        block, column = divmod(number, n_columns)
        above, below = axes[2 * block, column], axes[2 * block + 1, column]
        at, found = coverage.positions(name), coverage.judgement.found[name]
        _histogram(above, at, found)
        _difference(below, at, band)
        above.set_title(_title(name, found), fontsize=7, linespacing=1.3)
        if column:
            above.set_yticklabels([])
            below.set_yticklabels([])
        else:
            above.set_ylabel("mocks per bin", fontsize=8)
            below.set_ylabel("ECDF $-$ $u$", fontsize=8)
    _same_height(axes[::2])
    _same_height(axes[1::2])
    figure.supxlabel("$u$: fraction of the posterior below the truth", fontsize=8)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, handlelength=1.6)
    return figure


def _histogram(axis: Axes, at: FloatArray, found: Uniformity) -> None:
    n, n_bins = found.n_ranks, found.n_bins
    counts, edges = np.histogram(at, n_bins, (0.0, 1.0))
    low, high = binom.interval(_LEVEL, n, 1.0 / n_bins)
    meaning = f"{100 * _LEVEL:g} % if calibrated (each bin; whole curve)"
    axis.axhspan(low, high, color=_BAND, alpha=0.3, lw=0, label=meaning)
    axis.axhline(n / n_bins, color=_EXPECTED, lw=0.8, ls="--", label="expected")
    axis.stairs(counts, edges, color=style.POSTERIOR, lw=1.4, label=f"{n} mocks")
    _frame(axis, 1.15 * max(high, counts.max()), 0.0)


def _difference(axis: Axes, at: FloatArray, band: Band) -> None:
    grid = np.concatenate(([0.0], band.grid, [1.0]))
    low = np.concatenate(([0.0], band.low, [1.0])) - grid
    high = np.concatenate(([0.0], band.high, [1.0])) - grid
    axis.fill_between(grid, low, high, color=_BAND, alpha=0.3, lw=0)
    axis.axhline(0.0, color=_EXPECTED, lw=0.8, ls="--")
    ecdf = np.searchsorted(np.sort(at), grid, side="right") / len(at) - grid
    axis.plot(grid, ecdf, color=style.POSTERIOR, lw=1.2)
    largest = 1.15 * float(np.abs([low, high, ecdf]).max())
    _frame(axis, largest, -largest)


def _frame(axis: Axes, top: float, bottom: float) -> None:
    axis.set(visible=True, xlim=(0, 1), ylim=(bottom, top), xticks=[0, 0.5, 1])
    axis.set_xticklabels(["0", "0.5", "1"])
    axis.tick_params(labelsize=7)


def _same_height(axes: np.ndarray) -> None:
    shown = [axis for axis in axes.ravel() if axis.get_visible()]
    low = min(axis.get_ylim()[0] for axis in shown)
    high = max(axis.get_ylim()[1] for axis in shown)
    for axis in shown:
        axis.set_ylim(low, high)


def _title(name: str, found: Uniformity) -> str:
    symbol = r"$\ln L$" if name == LOG_LIKELIHOOD else style.label(name).partition(" [")[0]
    p = "too few mocks" if np.isnan(found.p_value) else f"$p = {_number(found.p_value)}$"
    return (
        f"{symbol},  {p}\n68 %: {found.coverage68:.3f} $\\pm$ {found.coverage68_error:.3f}\n"
        f"95 %: {found.coverage95:.3f} $\\pm$ {found.coverage95_error:.3f}"
    )


def _number(p_value: float) -> str:
    digits, _, exponent = f"{p_value:.2g}".partition("e")
    return rf"{digits}\times 10^{{{int(exponent)}}}" if exponent else digits
