"""Posterior-predictive yields against observed counts, region by region."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogFormatter

from fitplugin.arrays import FloatArray
from fitplugin.plots import style
from fitplugin.plots.runs.asked import Region
from fitplugin.plots.runs.panel import legend_columns, legend_lines
from fitplugin.plots.runs.predictive import Predicted, p_text, predict
from fitplugin.plots.runs.views import View

_SEED = 0
# a linear axis shows nothing of the smaller ones beyond this ratio of counts
_LINEAR_UP_TO = 30.0
# the far tails would take the room of the rest
_SHOWN = (0.01, 0.99)
_BINS_IN_68 = 12
# of a row, whose distribution of counts has the height _PEAK above its middle
_PEAK = 0.45
_TOP = 0.54
_BASE, _BAR, _STEP = -0.12, -0.24, 0.11


def have_one_set_of_regions(views: Sequence[View]) -> bool:
    """Whether the runs ask about the same regions, observed counts aside."""
    return all(view.asked.regions == views[0].asked.regions for view in views)


def yields_figure(views: Sequence[View], width: style.Width = "page") -> Figure:
    """A row for every region: background, expected total, counts to be expected, observed ones.

    The filled curve is the distribution of counts, each with its own height. The bars below it are
    the 68 % (thick) and 95 % intervals of background plus signal, and the background with its
    error. Beside each row stands its p-value; see `fitplugin.plots.runs.predictive.predict`.
    """
    rng = np.random.default_rng(_SEED)
    regions = views[0].asked.regions
    found = [[_predict(view, region, rng) for region in regions] for view in views]
    counts = np.array([[_observed(view, region) for region in regions] for view in views])
    inches = style.WIDTHS[width]
    handles = _handles(views)
    n_columns = legend_columns(handles, width)
    n_lines = legend_lines(handles, n_columns)
    spacing = _TOP - _BAR + _STEP * len(views) + 0.12
    row = spacing * (0.6 if len(regions) <= 6 else 0.38)
    height = row * len(regions) + 0.6 + 0.17 * n_lines
    figure = Figure(figsize=(inches, height), layout="constrained")
    axis = figure.subplots()
    is_log = _set_scale(axis, regions, found, counts)
    places: FloatArray = -spacing * np.arange(float(len(regions)))
    for number, (region, y) in enumerate(zip(regions, places, strict=True)):
        _draw_background(axis, region, y + _BAR - _STEP * len(views))
        for index, view in enumerate(views):
            predicted = found[index][number]
            _draw_counts(axis, predicted.counts, y, view.line, len(views) == 1, is_log)
            _draw_total(axis, predicted.total, y + _BAR - _STEP * index, view.line)
        _draw_observed(axis, views, counts[:, number], y)
    _write_p_values(axis, views, found, places)
    axis.set_yticks(places, [region.name for region in regions])
    axis.set_ylim(places[-1] + _TOP - spacing, _TOP)
    axis.tick_params(axis="y", length=0)
    for y in places[1:]:
        axis.axhline(y + _TOP, color="#dddddd", lw=0.5, zorder=0)
    axis.set_xlabel("events")
    figure.legend(handles=handles, loc="outside upper center", ncols=n_columns, handlelength=1.8)
    return figure


def _observed(view: View, region: Region) -> float:
    return float(view.run.summary["n_observed"][region.name])


def _predict(view: View, region: Region, rng: np.random.Generator) -> Predicted:
    columns = view.posterior.columns
    return predict(
        columns[f"n_signal[{region.name}]"], columns[f"n_signal_error[{region.name}]"],
        view.posterior.weights, region, _observed(view, region), rng,
    )  # fmt: skip


def _set_scale(
    axis: Axes,
    regions: Sequence[Region],
    found: Sequence[Sequence[Predicted]],
    counts: FloatArray,
) -> bool:
    """Choose the axis of counts; return whether it is logarithmic."""
    shown = np.array([[np.quantile(p.counts, _SHOWN) for p in row] for row in found])
    backgrounds = [region.background - region.background_error for region in regions]
    low = min(shown[..., 0].min(), counts.min(), min(backgrounds))
    high = max(shown[..., 1].max(), counts.max())
    centres = np.maximum([[p.total[2] for p in row] for row in found], 0.5)
    if centres.max() <= _LINEAR_UP_TO * centres.min():
        margin = 0.04 * (high - low)
        axis.set_xlim(max(0.0, low - margin), high + margin)
        return False
    axis.set_xscale("log")
    axis.set_xlim(max(0.5, 0.8 * low), 1.2 * high)
    axis.xaxis.set_major_formatter(LogFormatter())
    return True


def _draw_counts(
    axis: Axes, counts: FloatArray, y: float, line: style.Line, filled: bool, is_log: bool
) -> None:
    low, low68, high68, high = np.quantile(counts, (_SHOWN[0], 0.16, 0.84, _SHOWN[1]))
    if is_log:
        # bins of equal width on the axis, but none that holds no integer
        step = max(np.log((high68 + 0.5) / (low68 + 0.5)) / _BINS_IN_68, 1e-3)
        ends = np.log([max(low, 0.5), high + 1.0])
        edges = np.unique(np.floor(np.exp(np.arange(ends[0], ends[1] + step, step)))) + 0.5
        density = np.histogram(counts, edges)[0] / np.diff(np.log(edges))
    else:
        step = max(1.0, np.round((high68 - low68) / _BINS_IN_68))
        edges = np.arange(low - 0.5, high + 0.5 + step, step)
        density = np.histogram(counts, edges)[0] / step
    heights = y + _BASE + (_PEAK - _BASE) * density / density.max()
    baseline = y + _BASE
    if filled:
        axis.stairs(
            heights, edges, baseline=baseline, fill=True, color=line.colour, alpha=0.35, lw=0
        )
    axis.stairs(heights, edges, baseline=baseline, color=line.colour, ls=line.dashes, lw=0.9)


def _draw_total(axis: Axes, quantiles: FloatArray, y: float, line: style.Line) -> None:
    low95, low68, median, high68, high95 = quantiles
    axis.plot([low95, high95], [y, y], color=line.colour, lw=1.0, solid_capstyle="butt")
    axis.plot([low68, high68], [y, y], color=line.colour, lw=3.2, solid_capstyle="butt")
    axis.plot(median, y, marker="|", color="black", ms=4, mew=0.8)


def _draw_background(axis: Axes, region: Region, y: float) -> None:
    axis.errorbar(
        region.background, y, xerr=region.background_error,
        fmt="s", ms=3, color=style.GREY, elinewidth=1.0, capsize=1.5, zorder=4,
    )  # fmt: skip


def _draw_observed(axis: Axes, views: Sequence[View], counts: FloatArray, y: float) -> None:
    """Draw what was observed: once in black, or in the colour of each run if they differ."""
    is_one = len(set(counts)) == 1
    for view, count in zip(views[:1] if is_one else views, counts, strict=False):
        colour = "black" if is_one else view.line.colour
        axis.plot([count] * 2, [y + _BASE, y + _PEAK + 0.03], color="black", lw=0.8, zorder=5)
        axis.plot(count, y, "o", ms=4, mfc=colour, mec="black", mew=0.6, zorder=6)


def _write_p_values(
    axis: Axes,
    views: Sequence[View],
    found: Sequence[Sequence[Predicted]],
    places: FloatArray,
) -> None:
    for index, (view, row) in enumerate(zip(views, found, strict=True)):
        for predicted, y in zip(row, places, strict=True):
            axis.annotate(
                p_text(predicted.p_value), (1.0, y), (4 + 23 * index, 0),
                xycoords=axis.get_yaxis_transform(), textcoords="offset points", va="center",
                color="black" if len(views) == 1 else view.line.colour, fontsize=7,
            )  # fmt: skip
    axis.annotate(
        "$p$", (1.0, 1.0), (4, 2), xycoords="axes fraction", textcoords="offset points", fontsize=8
    )


def _handles(views: Sequence[View]) -> list[Artist]:
    handles: list[Artist] = [
        Line2D([], [], color="black", marker="o", ms=3.5, lw=0.8, label="observed"),
        Line2D([], [], color=style.GREY, marker="s", ms=3, lw=1.0, label="background"),
    ]
    if len(views) == 1:
        colour = views[0].line.colour
        label = "total expected, 68/95 %"
        handles.append(Line2D([], [], color=colour, lw=3.2, label=label))
        handles.append(Patch(color=colour, alpha=0.35, lw=0, label="predicted counts"))
        return handles
    return handles + [
        Line2D([], [], color=view.line.colour, ls=view.line.dashes, lw=1.4, label=view.label)
        for view in views
    ]
