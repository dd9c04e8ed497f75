"""Figures of a loop: the contour in slices with entropy and points by round, and its metrics."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fitplugin.active.choosing import entropy
from fitplugin.active.learning import Learned
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
        paths += style.save(rounds(loop.state.rounds), folder / "rounds")
    return paths


def contours(loop: Loop, model: Learned) -> Figure:
    """Slices through the middle of the points that were asked: entropy, contours, points.

    Each panel varies two parameters; the others stand where they do at the asked point that is
    nearest to the median of those of the later rounds (of all, before there are any).
    """
    names = loop.names
    pairs = list(combinations(range(len(names)), 2))[:_MOST_PAIRS] or [(0, 0)]
    n_columns = min(3, len(pairs))
    n_rows = -(-len(pairs) // n_columns)
    figure = Figure(
        figsize=(style.PAGE_WIDTH * n_columns / 3 + 0.6, 2.4 * n_rows + 0.4), layout="constrained"
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
        image = _slice(axis, loop, model, middle, first, second)
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
        bar.set_label("entropy [nats]")
        ticks = figure.colorbar(colours, ax=axes.tolist(), location="right", shrink=0.8, pad=0.03)
        ticks.set_label("round")
        ticks.set_ticks(range(int(rounds_of.max()) + 1))
    return figure


def _slice(
    axis: Axes, loop: Loop, model: Learned, middle: FloatArray, first: int, second: int
) -> Any:
    low, high = loop.box.T
    x, y = (np.linspace(low[i], high[i], _GRID) for i in (first, second))
    points = np.tile(middle, (_GRID * _GRID, 1))
    points[:, first], points[:, second] = (a.ravel() for a in np.meshgrid(x, y))
    scores = entropy(loop.options, model, points).reshape(_GRID, _GRID)
    image = axis.pcolormesh(x, y, scores, cmap="Greys", shading="nearest", vmin=0, rasterized=True)
    mean, _ = model.examine(points)
    for number in range(len(loop.options.target.names)):
        line = style.line(number)
        axis.contour(x, y, mean[:, number].reshape(_GRID, _GRID), [loop.options.target.level],
                     colors=line.colour, linestyles=[line.dashes], linewidths=1.2)  # fmt: skip
    return image


def rounds(found: Sequence[dict[str, Any]]) -> Figure:
    """Metrics against the number of points that were asked."""
    panels = [("undecided", "undecided share"), ("mean_entropy", "mean entropy [nats]"),
              ("contour_std", "sd on the contour")]  # fmt: skip
    if any("sharpness" in each for each in found):
        panels.append(("sharpness", "sd over half the $\\pm1\\sigma$ band"))
    if any("test" in each for each in found):
        panels += [("accuracy", "accuracy, test points"),
                   ("near", "truth on the contour")]  # fmt: skip
    n_columns = min(3, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure = Figure(figsize=(style.PAGE_WIDTH, 2.2 * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    asked = np.array([each["asked"] for each in found])
    line = style.line(1)
    for axis, (key, words) in zip(axes, panels, strict=False):
        if key == "near":
            _truth_on_contour(axis, asked, found)
        else:
            values = [each.get("test", {}).get(key) if key == "accuracy" else each.get(key)
                      for each in found]  # fmt: skip
            numbers = [np.nan if value is None else value for value in values]
            axis.plot(asked, numbers, marker="o", ms=3, lw=1.0, color=line.colour)
        axis.set_xlabel("points asked")
        axis.set_ylabel(words)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    return figure


def _truth_on_contour(axis: Axes, asked: np.ndarray, found: Sequence[dict[str, Any]]) -> None:
    """Mean and spread of the targets of test points where the contour is predicted."""
    near = [each.get("test", {}).get("near_contour") for each in found]
    rows = [index for index, each in enumerate(near) if each is not None]
    axis.axhline(0.0, color="black", lw=0.6)
    axis.errorbar(
        asked[rows], [near[i]["mean"] for i in rows], yerr=[near[i]["std"] for i in rows],
        fmt="o", ms=3, lw=0.9, color=style.line(1).colour,
    )  # fmt: skip
