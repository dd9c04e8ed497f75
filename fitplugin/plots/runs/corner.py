"""All pairs of scanned parameters: 68 % and 95 % contours over the constrained prior."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from fitplugin.arrays import FloatArray
from fitplugin.plots import style
from fitplugin.plots.runs import samples
from fitplugin.plots.runs.density import Densities, Plane
from fitplugin.plots.runs.panel import legend_columns, legend_handles, legend_lines
from fitplugin.plots.runs.samples import Sample
from fitplugin.plots.runs.views import View, common_parameters, common_range, have_one_prior

_PRIOR_LINE = "#8c8c8c"
# inches; one panel alone need not be a square
_LARGEST_PANEL = 2.6
_LEFT, _RIGHT, _BELOW = 0.6, 0.12, 0.44


def corner_figure(views: Sequence[View], width: style.Width = "page") -> Figure:
    """Triangle of the scanned parameters that the runs share.

    Densities on the diagonal have the same height; contours hold 68 % and 95 % of the posterior,
    the grey area 95 % of the prior. A single run is filled, several are lines over a light
    filling. Dashed lines and stars are the benchmark.

    Raises
    ------
    InputError
        If the runs have no parameter in common.
    """
    names = common_parameters(views)
    ends = {name: common_range(views, name) for name in names}
    prior = samples.prior(views[0].run) if have_one_prior(views) else None
    n = len(names)
    inches = style.WIDTHS[width]
    handles = legend_handles(
        views, prior=prior is not None, intervals=False,
        truth=any(view.truth(name) is not None for view in views for name in names),
    )  # fmt: skip
    longest = max(len(str(handle.get_label())) for handle in handles)
    # the corner that is free, if the labels fit there
    inside = n > 2 and 0.075 * longest + 0.6 < inches * (1 - 1 / n) - 0.4
    n_columns = 1 if inside else legend_columns(handles, width)
    above = 0.06 if inside else 0.1 + 0.19 * legend_lines(handles, n_columns)
    left = _LEFT if n > 1 else _RIGHT
    panel = min((inches - left - _RIGHT) / n, _LARGEST_PANEL)
    height = n * panel + _BELOW + above
    figure = Figure(figsize=(inches, height))
    axes = figure.subplots(
        n, n, squeeze=False,
        gridspec_kw={
            "left": left / inches, "right": 1 - _RIGHT / inches, "bottom": _BELOW / height,
            "top": 1 - above / height, "wspace": 0.03, "hspace": 0.03,
        },
    )  # fmt: skip
    if prior is not None and views[0].run.summary["valid_fraction"] == 1.0:
        _draw_box(axes, names, ends)
    else:
        _draw_sample(axes, names, ends, prior, None)
    for view in views:
        own = {name: view.run.ranges[name] for name in names}
        _draw_sample(axes, names, own, view.posterior, view, filled=len(views) == 1)
    for row, y in enumerate(names):
        for column, x in enumerate(names):
            axis = axes[row, column]
            if column > row:
                axis.set_visible(False)
                continue
            axis.set_xlim(ends[x])
            _mark(axis, views, x, y if row != column else None)
            if row != column:
                axis.set_ylim(ends[y])
            else:
                axis.set(ylim=(0.0, 1.08), yticks=[])
            outer = (x if row == n - 1 else None, y if column == 0 < row else None)
            symbols = views[0].symbols
            _ticks(axis, panel, *(None if o is None else style.label(o, symbols) for o in outer))
    figure.legend(
        handles=handles, loc="upper right" if inside else "upper center", ncols=n_columns,
        handlelength=1.8,
    )  # fmt: skip
    return figure


def _draw_box(axes: np.ndarray, names: Sequence[str], ends: dict[str, tuple[float, float]]) -> None:
    """Draw a prior from which nothing is cut: flat, and its contours would mean nothing."""
    for row, y in enumerate(names):
        axes[row, row].fill_between(ends[y], 1.0, color=_PRIOR_LINE, alpha=0.18, lw=0)
        axes[row, row].plot(ends[y], [1.0, 1.0], color=_PRIOR_LINE, lw=0.9)
        for column, x in enumerate(names[:row]):
            axes[row, column].axvspan(*ends[x], color=_PRIOR_LINE, alpha=0.18, lw=0)


def _draw_sample(
    axes: np.ndarray,
    names: Sequence[str],
    ends: dict[str, tuple[float, float]],
    sample: Sample | None,
    view: View | None,
    filled: bool = True,
) -> None:
    """Draw the contours of one sample; those of the prior if there is no view."""
    if sample is None:
        return
    found = Densities(sample, names, ends)
    colour, dashes = view.line if view else (_PRIOR_LINE, "-")
    for row, y in enumerate(names):
        curve = found.curve(y)
        peak = curve.y / curve.y.max()
        axes[row, row].plot(curve.x, peak, color=colour, ls=dashes, lw=1.2 if view else 0.9)
        if view is None:
            axes[row, row].fill_between(curve.x, peak, color=_PRIOR_LINE, alpha=0.18, lw=0)
        for column, x in enumerate(names[:row]):
            plane = found.plane(x, y)
            if view is None:
                # a flat prior has no 68 % contour that means anything
                outer = plane._replace(levels=plane.levels[1:])
                _contours(axes[row, column], outer, _PRIOR_LINE, "-", (0.18,), 0.6)
            else:
                fill = (0.85, 0.35) if filled else (0.2, 0.07)
                _contours(axes[row, column], plane, colour, dashes, fill, 0.8 if filled else 1.1)


def _contours(
    axis: Axes,
    plane: Plane,
    colour: str,
    dashes: object,
    alphas: tuple[float, ...],
    linewidth: float,
) -> None:
    levels = sorted(plane.levels)
    if len(set(levels)) < len(levels):
        return  # a density without structure has no contours
    shades = [to_rgba(colour, alpha) for alpha in reversed(alphas)]
    axis.contourf(plane.x, plane.y, plane.z, [*levels, np.inf], colors=shades)
    axis.contour(
        plane.x, plane.y, plane.z, levels,
        colors=[colour], linewidths=linewidth, linestyles=[dashes],
    )  # fmt: skip


def _mark(axis: Axes, views: Sequence[View], x: str, y: str | None) -> None:
    """Draw the benchmark, once for every place it has."""
    points = {(view.truth(x), None if y is None else view.truth(y)) for view in views}
    for at_x, at_y in points:
        if at_x is not None:
            axis.axvline(at_x, color=style.TRUTH, ls=style.TRUTH_DASHES, lw=0.7)
        if at_y is not None:
            axis.axhline(at_y, color=style.TRUTH, ls=style.TRUTH_DASHES, lw=0.7)
        if at_x is not None and at_y is not None:
            axis.plot(at_x, at_y, marker="*", ms=5, color=style.TRUTH, mec="white", mew=0.4)


def _ticks(axis: Axes, room: float, x: str | None, y: str | None) -> None:
    """Label the outer sides only, with as many ticks as ``room`` in inches allows."""
    size, n_ticks = (8.0, 5) if room > 1.4 else (7.0, 3) if room > 0.8 else (5.5, 2)
    font = 9.0 if room > 1.0 else 8.0 if room > 0.8 else 6.5 if room > 0.6 else 5.5
    axis.tick_params(labelsize=size, labelbottom=x is not None, labelleft=y is not None)
    axis.tick_params(length=2.5, width=0.5)
    axis.set_xticks(_places(axis.get_xlim(), n_ticks, 0.037 * size / room))
    if axis.get_yticks().size:
        axis.set_yticks(_places(axis.get_ylim(), n_ticks, 0.02 * size / room))
    if x is not None:
        axis.set_xlabel(x, fontsize=font)
        axis.xaxis.set_label_coords(0.5, -0.22 / room)
    if y is not None:
        axis.set_ylabel(y, fontsize=font)
        # panels of few parameters are wider than high
        width = axis.get_window_extent().width / axis.figure.dpi
        axis.yaxis.set_label_coords(-0.44 / width, 0.5)


def _places(ends: tuple[float, float], n_ticks: int, closest: float) -> FloatArray:
    """Return up to ``n_ticks`` round numbers away from the ends, where panels meet.

    ``closest`` is the least distance of two, as a share of the axis.

    >>> _places((100.0, 1600.0), 3, 0.2), _places((100.0, 1600.0), 2, 0.2)
    (array([ 500., 1000., 1500.]), array([1000.]))
    """
    low, high = ends
    margin = 0.06 * (high - low)
    size = 10.0 ** np.floor(np.log10(high - low))
    found = np.empty(0)
    for step in size * np.array([5.0, 2.5, 2.0, 1.0, 0.5, 0.25, 0.2, 0.1]):
        first, last = np.ceil((low + margin) / step), np.floor((high - margin) / step)
        ticks = step * np.arange(first, last + 1.0)
        if len(ticks) <= n_ticks and (len(ticks) < 2 or step >= closest * (high - low)):
            found = ticks
    return found
