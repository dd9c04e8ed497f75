"""One quantity in one panel: prior and posteriors as histograms, smooth curves and intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from fitplugin.arrays import FloatArray
from fitplugin.physics.symbols import NATURAL_SUSY, Symbol, Symbols
from fitplugin.plots import style
from fitplugin.plots.runs.density import Curve, Densities, Ends
from fitplugin.plots.runs.samples import Sample
from fitplugin.plots.runs.views import View
from fitplugin.stats.weighted import effective_size, summarise

_MAX_BINS = 40


class Quantity(NamedTuple):
    """A quantity to draw."""

    name: str
    low: float
    high: float
    """Ends of the axis."""
    ends: Ends
    """Hard ends of its values."""
    window: Ends | None = None
    """What the scan requires, to be shaded."""
    absolute: bool = False
    """Whether its sign is left out."""

    def values(self, sample: Sample) -> FloatArray:
        """Return its values (n_samples,), as drawn."""
        values = np.asarray(sample.columns[self.name])
        return np.abs(values) if self.absolute else values

    def curve(self, sample: Sample) -> Curve | None:
        """Return its density, or None if it does not vary."""
        values = self.values(sample)
        if np.ptp(values[sample.weights > 0]) == 0.0:
            return None
        folded = Sample({self.name: values}, sample.weights)
        return Densities(folded, [self.name], {self.name: self.ends}).curve(self.name)


def parameter(name: str, ends: tuple[float, float], symbols: Symbols = NATURAL_SUSY) -> Quantity:
    """Return a scanned parameter as a quantity; ``ends`` are those of its prior box."""
    low, high = ends
    absolute = not symbols.get(name, Symbol(name)).has_sign
    if absolute:
        low, high = 0.0 if low <= 0.0 <= high else min(abs(low), abs(high)), max(-low, high)
    return Quantity(name, low, high, (low, high), absolute=absolute)


def draw_panel(axis: Axes, quantity: Quantity, views: Sequence[View], prior: Sample | None) -> None:
    """Draw a quantity of every run over its prior.

    A single run has its histogram under the curve. Bars below the curves are the 68 % interval
    (thick) and the 95 % interval (thin), with a tick at the median.
    """
    n_eff = min(effective_size(view.posterior.weights) for view in views)
    # a short run has not enough samples for narrow bins
    n_bins = min(_MAX_BINS, max(10, int(np.sqrt(n_eff))))
    bins = _bins(quantity, n_bins)
    top = 0.0
    if quantity.window is not None:
        low, high = quantity.window
        axis.axvspan(
            quantity.low if low is None else low, quantity.high if high is None else high,
            color=style.WINDOW, alpha=0.16, lw=0, zorder=0,
        )  # fmt: skip
    if prior is not None:
        top = _histogram(axis, quantity.values(prior), prior.weights, bins, style.PRIOR, 0.5)
        top = max(top, _curve(axis, quantity.curve(prior), style.Line(style.GREY, "-"), 0.8))
    for view in views:
        if len(views) == 1:
            values, weights = quantity.values(view.posterior), view.posterior.weights
            own = _bins(quantity, n_bins, summarise(values, weights).interval95)
            top = max(top, _histogram(axis, values, weights, own, view.line.colour, 0.35))
        top = max(top, _curve(axis, quantity.curve(view.posterior), view.line, 1.4))
    step = 0.045 * top
    for number, view in enumerate(views, start=1):
        _intervals(axis, quantity, view, -step * (number - 0.25))
    for truth in sorted({t for view in views if (t := view.truth(quantity.name)) is not None}):
        place = abs(truth) if quantity.absolute else truth
        axis.axvline(place, color=style.TRUTH, ls=style.TRUTH_DASHES, lw=0.8, zorder=1.5)
    axis.set(
        xlabel=style.label(quantity.name, views[0].symbols, quantity.absolute),
        xlim=(quantity.low, quantity.high),
        ylim=(-step * (len(views) + 0.4), 1.06 * top),
        yticks=[],
    )
    axis.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def _bins(
    quantity: Quantity, n_bins: int, interval: tuple[float, float] | None = None
) -> FloatArray:
    """Edges of bins over the axis; as many over twice an interval, where that is narrower."""
    n_over_axis = n_bins
    if interval is not None and interval[1] > interval[0]:
        widths = (quantity.high - quantity.low) / (interval[1] - interval[0])
        n_over_axis = min(max(n_bins, round(n_bins * widths / 2)), 25 * n_bins)
    return np.linspace(quantity.low, quantity.high, n_over_axis + 1)


def draw_grid(
    quantities: Sequence[Quantity],
    views: Sequence[View],
    prior: Callable[[str], Sample | None],
    width: style.Width,
) -> Figure:
    """Return a figure with a panel for every quantity and one legend; ``prior`` by name."""
    n_columns = min(len(quantities), _columns(len(quantities), width))
    n_rows = -(-len(quantities) // n_columns)
    inches = style.WIDTHS[width]
    handles = legend_handles(
        views,
        prior=any(prior(quantity.name) is not None for quantity in quantities),
        truth=any(view.truth(q.name) is not None for view in views for q in quantities),
        window=any(quantity.window is not None for quantity in quantities),
    )  # fmt: skip
    n_legend = legend_columns(handles, width)
    n_lines = legend_lines(handles, n_legend)
    height = min(inches / n_columns, 2.4) * 0.86
    figure = Figure(figsize=(inches, n_rows * height + 0.17 * n_lines + 0.1), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for axis, quantity in zip(axes.ravel(), quantities, strict=False):
        draw_panel(axis, quantity, views, prior(quantity.name))
    for axis in axes.ravel()[len(quantities) :]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("probability density")
    figure.legend(handles=handles, loc="outside upper center", ncols=n_legend, handlelength=1.8)
    return figure


def legend_handles(
    views: Sequence[View], prior: bool, truth: bool, window: bool = False, intervals: bool = True
) -> list[Artist]:
    """Return what a legend shows of runs and of what is drawn beside them."""
    handles: list[Artist] = []
    if prior:
        handles.append(Patch(facecolor=style.PRIOR, edgecolor=style.GREY, lw=0.8, label="prior"))
    for view in views:
        colour, dashes = view.line
        handles.append(Line2D([], [], color=colour, ls=dashes, lw=1.4, label=view.label))
    if intervals:
        colour = views[0].line.colour if len(views) == 1 else style.GREY
        handles.append(Line2D([], [], color=colour, lw=2.5, label="68 % (thin: 95 %)"))
    if truth:
        handles.append(
            Line2D([], [], color=style.TRUTH, ls=style.TRUTH_DASHES, lw=0.8, label="benchmark")
        )
    if window:
        handles.append(Patch(color=style.WINDOW, alpha=0.25, lw=0, label="required by the scan"))
    return handles


def legend_columns(handles: Sequence[Artist], width: style.Width) -> int:
    """Return how many entries of a legend fit beside each other."""
    sizes = [max(map(len, str(handle.get_label()).split("\n"))) for handle in handles]
    room = 98 if width == "page" else 52  # characters
    for n_columns in range(len(handles), 1, -1):
        # a legend is filled column by column
        columns = np.array_split(sizes, n_columns)
        if sum(max(column) + 6 for column in columns) <= room:
            return n_columns
    return 1


def legend_lines(handles: Sequence[Artist], n_columns: int) -> int:
    """Return how many lines of text a legend is high."""
    per_entry = max(str(handle.get_label()).count("\n") + 1 for handle in handles)
    return -(-len(handles) // n_columns) * per_entry


def _columns(n_panels: int, width: style.Width) -> int:
    if width == "column":
        return 1 if n_panels < 4 else 2
    return 2 if n_panels in (2, 4) else 3


def _histogram(
    axis: Axes, values: FloatArray, weights: FloatArray, bins: FloatArray, colour: str, alpha: float
) -> float:
    """Draw a histogram that integrates to one over all values, inside the axis or not."""
    mass, _ = np.histogram(values, bins, weights=weights)
    density = mass / weights.sum() / np.diff(bins)
    axis.stairs(density, bins, fill=True, color=colour, alpha=alpha, lw=0)
    return float(density.max())


def _curve(axis: Axes, curve: Curve | None, line: style.Line, linewidth: float) -> float:
    if curve is None:
        return 0.0
    axis.plot(curve.x, curve.y, color=line.colour, ls=line.dashes, lw=linewidth)
    return float(curve.y.max())


def _intervals(axis: Axes, quantity: Quantity, view: View, height: float) -> None:
    found = summarise(quantity.values(view.posterior), view.posterior.weights)
    colour = view.line.colour
    axis.plot(found.interval95, [height] * 2, color=colour, lw=0.9, solid_capstyle="butt")
    axis.plot(found.interval68, [height] * 2, color=colour, lw=2.5, solid_capstyle="butt")
    axis.plot([found.median], [height], marker="|", color="black", ms=4, mew=0.8)
