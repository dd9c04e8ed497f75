"""Figures of a loop: the contour in slices with entropy and points by round, and its metrics."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fitplugin.active.goal import Learned, Metric, Picture
from fitplugin.active.loop import Loop
from fitplugin.arrays import FloatArray
from fitplugin.plots import style

_GRID = 60
_MOST_PAIRS = 6


def write_figures(loop: Loop, model: Learned, folder: Path) -> list[Path]:
    """Write ``contours_ROUND`` of the round that was closed last, and ``rounds`` of all."""
    last = loop.state.round - 1
    with style.applied():
        paths = style.save(contours(loop, model), folder / f"contours_{last:02d}")
        paths += style.save(rounds(loop.state.rounds, loop.options.goal.metrics), folder / "rounds")
    return paths


def contours(loop: Loop, model: Learned) -> Figure:
    """Slices through the middle of the points that were asked: what is uncertain, lines, points.

    Each panel varies two parameters; the others stand where they do at the asked point that is
    nearest to the median of those of the later rounds (of all, before there are any).
    """
    names = loop.names
    pairs = list(combinations(range(len(names)), 2))[:_MOST_PAIRS] or [(0, 0)]
    n_columns = min(3, len(pairs))
    n_rows = -(-len(pairs) // n_columns)
    figure = Figure(
        figsize=(style.PAGE_WIDTH * max(n_columns, 1.7) / 3 + 0.6, 2.4 * n_rows + 0.4),
        layout="constrained",
    )
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    state = loop.state
    theta = np.array([list(request.theta.values()) for request in state.asked.values()])
    rounds_of = np.array(list(state.round_of.values()))
    late = theta[rounds_of > 0] if (rounds_of > 0).any() else theta
    low, high = loop.box.T
    away = np.square((late - np.median(late, axis=0)) / (high - low)).sum(axis=1)
    middle = late[np.argmin(away)]
    image = None
    for axis, (first, second) in zip(axes, pairs, strict=False):
        image, picture = _slice(axis, loop, model, middle, first, second)
        colours = axis.scatter(
            theta[:, first], theta[:, second], c=rounds_of, cmap="viridis", s=7, linewidths=0.3,
            edgecolors="white", zorder=3, vmin=0, vmax=max(1, rounds_of.max()),
        )  # fmt: skip
        axis.set_xlabel(style.label(names[first]))
        axis.set_ylabel(style.label(names[second]))
    for axis in axes[len(pairs) :]:
        axis.set_axis_off()
    if image is not None:
        bar = figure.colorbar(image, ax=axes.tolist(), location="right", shrink=0.8, pad=0.01)
        bar.set_label(picture.label)
        ticks = figure.colorbar(colours, ax=axes.tolist(), location="right", shrink=0.8, pad=0.03)
        ticks.set_label("round")
        ticks.set_ticks(range(int(rounds_of.max()) + 1))
        _name_lines(figure, picture)
    return figure


def _name_lines(figure: Figure, picture: Picture) -> None:
    lines = [style.line(number) for number in range(len(picture.lines))]
    figure.legend(
        [Line2D([], [], color=line.colour, ls=line.dashes, lw=1.2) for line in lines],
        [words for words, _, _ in picture.lines],
        loc="outside upper left", ncols=len(lines),
    )  # fmt: skip


def _slice(
    axis: Axes, loop: Loop, model: Learned, middle: FloatArray, first: int, second: int
) -> tuple[Any, Picture]:
    low, high = loop.box.T
    x, y = (np.linspace(low[i], high[i], _GRID) for i in (first, second))
    points = np.tile(middle, (_GRID * _GRID, 1))
    points[:, first], points[:, second] = (a.ravel() for a in np.meshgrid(x, y))
    picture = loop.options.goal.picture(model, points)
    image = axis.pcolormesh(x, y, picture.shade.reshape(_GRID, _GRID), cmap="Greys",
                            shading="nearest", vmin=0, rasterized=True)  # fmt: skip
    for number, (_, values, levels) in enumerate(picture.lines):
        line = style.line(number)
        axis.contour(x, y, values.reshape(_GRID, _GRID), levels, colors=line.colour,
                     linestyles=[line.dashes], linewidths=1.2)  # fmt: skip
    return image, picture


def rounds(found: Sequence[dict[str, Any]], metrics: Sequence[Metric]) -> Figure:
    """Metrics against the number of points that were asked."""
    panels = [
        metric for metric in metrics
        if metric.words and any(metric.of(each) is not None for each in found)
    ]  # fmt: skip
    n_columns = min(3, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure = Figure(figsize=(style.PAGE_WIDTH, 2.2 * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    asked = np.array([each["asked"] for each in found])
    for axis, metric in zip(axes, panels, strict=False):
        _draw_metric(axis, asked, [metric.of(each) for each in found])
        axis.set_xlabel("points asked")
        axis.set_ylabel(metric.words)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    return figure


def _draw_metric(axis: Axes, asked: np.ndarray, values: Sequence[Any]) -> None:
    """Numbers as a line; means and spreads as points with bars, about zero."""
    rows = [index for index, value in enumerate(values) if value is not None]
    there, colour = [values[row] for row in rows], style.line(1).colour
    if not isinstance(there[0], dict):
        axis.plot(asked[rows], there, marker="o", ms=3, lw=1.0, color=colour)
        return
    axis.axhline(0.0, color="black", lw=0.6)
    axis.errorbar(
        asked[rows], [each["mean"] for each in there], yerr=[each["std"] for each in there],
        fmt="o", ms=3, lw=0.9, color=colour,
    )  # fmt: skip
