"""Where the time goes: a figure of a measurement of speed, and the folder that holds all of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fitplugin.data.folders import replacing
from fitplugin.plots import style
from fitplugin.runs.directory import write_json
from fitplugin.studies.speed import paper, parts
from fitplugin.studies.speed.measurement import NUMBERS, TEXT, Speed, refuse_existing
from fitplugin.studies.speed.parts import Timing
from fitplugin.studies.speed.text import speed_text
from fitplugin.studies.speed.words import batch, duration

# Okabe-Ito, in an order in which neighbours differ in lightness too
_GROUPS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "masses": ((parts.MASSES,), "#0072b2"),
    "rest of the spectrum": (("spectrum: ", "model: "), "#56b4e9"),
    "cross-section": ((parts.CROSS_SECTION,), "#000000"),
    "efficiencies": (("efficiency[",), "#e69f00"),
    "yields": ((parts.YIELDS,), "#f0e442"),
    "counts, other terms": ((parts.COUNTS, parts.TERMS), "#d55e00"),
    "constraints, checks": ((parts.CONSTRAINTS, parts.CHECKS), "#b5b5b5"),
}
# no colour of a part: times of whole likelihoods stand beside shares of one
_OURS, _THEIRS, _PAPER = "#000000", "#777777", "#b5b5b5"


class _Bar(NamedTuple):
    label: str
    seconds: float
    colour: str


def write_speed(speed: Speed, folder: Path, force: bool = False) -> list[Path]:
    """Write ``speed.json``, ``speed.txt`` and ``plots/speed.pdf|png`` into a new folder.

    Raises
    ------
    InputError
        If the folder exists, unless it is such a one and ``force`` is given.
    """
    refuse_existing(folder, force)
    with replacing(folder) as scratch:
        write_json(scratch / NUMBERS, speed.to_dict())
        (scratch / TEXT).write_text(speed_text(speed) + "\n", encoding="utf-8")
        with style.applied():
            figures = style.save(speed_figure(speed), scratch / "plots" / "speed")
        written = [NUMBERS, TEXT, *(str(path.relative_to(scratch)) for path in figures)]
    return [folder / name for name in written]


def speed_figure(speed: Speed) -> Figure:
    """Draw the time of a point beside the paper's (logarithmic), and how its parts share it.

    The shares have a linear axis of their own: lengths stacked along a logarithm mean nothing.
    """
    bars = _bars(speed)
    timings = [timing for timing in speed.timings if timing.points == "posterior"]
    figure = Figure(figsize=(style.PAGE_WIDTH, 1.6 + 0.2 * len(bars)), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_times(left, bars)
    _draw_shares(right, timings)
    figure.legend(
        *right.get_legend_handles_labels(), loc="outside upper center", ncols=4,
        title="right: parts of the likelihood", title_fontsize=8,
    )  # fmt: skip
    return figure


def _bars(speed: Speed) -> list[_Bar]:
    run = speed.run
    bars = [
        _Bar("paper: simulating a point", paper.SECONDS_PER_SIMULATED_POINT, _PAPER),
        _Bar("paper: whole scan / calls", paper.CPU_SECONDS_PER_EVALUATION, _PAPER),
        _Bar("paper: one DGP evaluation", paper.SECONDS_PER_PREDICTION, _PAPER),
    ]
    if speed.simulation is not None:
        bars.insert(1, _Bar("simulating a point", speed.simulation.seconds.median, _THEIRS))
    if speed.against is not None:
        bars += [
            _Bar(f"other, {batch(one.n_points)}", one.theirs.median, _THEIRS)
            for one in speed.against.times
            if one.points == "posterior"
        ]
    bars.append(_Bar("this: whole scan / calls", 3600 * run.cpu_hours / run.n_like, _OURS))
    bars += [
        _Bar(f"this, {batch(timing.n_points)}", timing.seconds.median, _OURS)
        for timing in speed.timings
        if timing.points == "posterior"
    ]
    return bars


def _draw_times(axes: Axes, bars: list[_Bar]) -> None:
    low = min(bar.seconds for bar in bars) / 4
    high = max(bar.seconds for bar in bars) * 60
    for row, bar in enumerate(bars):
        axes.hlines(row, low, bar.seconds, color=bar.colour, lw=1)
        axes.plot(bar.seconds, row, "o", ms=5, color=bar.colour)
        said = duration(bar.seconds).replace("us", "\N{MICRO SIGN}s")
        axes.annotate(
            said, (bar.seconds, row), (5, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes.set_xscale("log")
    axes.set_yticks(range(len(bars)), [bar.label for bar in bars])
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(low, high), ylim=(len(bars) - 0.4, -0.6))
    axes.set_xlabel("time per point [s]")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_shares(axes: Axes, timings: list[Timing]) -> None:
    rows = range(len(timings))
    totals = [sum(spread.median for spread in timing.parts.values()) for timing in timings]
    begin = [0.0] * len(timings)
    for name, (starts, colour) in _GROUPS.items():
        shares = [
            100 * _group(timing, starts, begun=name) / total
            for timing, total in zip(timings, totals, strict=True)
        ]
        axes.barh(
            rows, shares, left=begin, height=0.62, color=colour, label=name, edgecolor="white",
            linewidth=0.4,
        )  # fmt: skip
        begin = [a + b for a, b in zip(begin, shares, strict=True)]
    axes.set_yticks(rows, [batch(timing.n_points) for timing in timings])
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 100), ylim=(len(timings) - 0.5, -0.5))
    axes.set_xlabel("share of the likelihood's time [%]")
    axes.spines[["top", "right"]].set_visible(False)


def _group(timing: Timing, starts: tuple[str, ...], begun: str) -> float:
    """Sum the parts of a group; the masses are not in the rest of the spectrum."""
    return sum(
        spread.median
        for part, spread in timing.parts.items()
        if part.startswith(starts) and (part != parts.MASSES or begun == "masses")
    )
