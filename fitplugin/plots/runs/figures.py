"""All figures of a run, or of several together."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure

from fitplugin.errors import InputError, one_of
from fitplugin.plots import style
from fitplugin.plots.runs.corner import corner_figure
from fitplugin.plots.runs.marginals import marginals_figure
from fitplugin.plots.runs.masses import masses_figure, masses_of
from fitplugin.plots.runs.nested import run_figure
from fitplugin.plots.runs.trace import trace_figure
from fitplugin.plots.runs.views import View, views_of
from fitplugin.plots.runs.yields import have_one_set_of_regions, yields_figure
from fitplugin.runs.directory import Run

_KNOWN_FORMATS = ("pdf", "png", "svg")


class Kind(NamedTuple):
    """A kind of figure."""

    draw: Callable[[Sequence[View], style.Width], Figure]
    obstacle: Callable[[Sequence[View]], str]
    """Says why these runs have no such figure; empty if they have."""


def _none(views: Sequence[View]) -> str:
    return ""


def _several(views: Sequence[View]) -> str:
    return "shows one run, and several are given" if len(views) > 1 else ""


def _no_masses(views: Sequence[View]) -> str:
    return "" if masses_of(views) else "needs masses that all runs have stored, and there is none"


def _other_regions(views: Sequence[View]) -> str:
    if not all(view.asked.regions for view in views):
        return "needs counting regions, and a run has none"
    if have_one_set_of_regions(views):
        return ""
    return "needs the same regions with the same backgrounds in all runs"


FIGURES: Mapping[str, Kind] = MappingProxyType(
    {
        "marginals": Kind(marginals_figure, _none),
        "corner": Kind(corner_figure, _none),
        "yields": Kind(yields_figure, _other_regions),
        "masses": Kind(masses_figure, _no_masses),
        "run": Kind(run_figure, _several),
        "trace": Kind(trace_figure, _several),
    }
)
"""Every figure by name, in the order in which they are drawn."""


def plot_run(
    run: Run,
    names: Sequence[str] | None = None,
    formats: Sequence[str] = style.FORMATS,
    width: style.Width = "page",
) -> list[Path]:
    """Draw figures of a run into its ``plots/`` folder and return their paths.

    Parameters and errors are those of `plot_runs`.
    """
    return plot_runs([run], run.path / "plots", None, names, formats, width)


def plot_runs(
    runs: Sequence[Run],
    folder: Path,
    labels: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    formats: Sequence[str] = style.FORMATS,
    width: style.Width = "page",
) -> list[Path]:
    """Draw figures of one run, or of several on top of each other.

    Parameters
    ----------
    runs : sequence of Run
    folder : path
        Where the figures go.
    labels : sequence of str, optional
        A name for each run in legends; default: the titles of their scans or, where these are not
        distinct, the names of their directories.
    names : sequence of str, optional
        Which of `FIGURES`; default: all that these runs have.
    formats : sequence of {"pdf", "png", "svg"}
    width : {"page", "column"}
        7.1 or 3.4 inches.

    Raises
    ------
    InputError
        Before anything is drawn: if a run has fewer than ten effective samples or damaged files,
        the runs have no parameter in common, or a figure, a format or a width is unknown or, if
        asked for by name, not to be had from these runs.
    """
    for name in names or ():
        if name not in FIGURES:
            raise InputError("plot", one_of(name, FIGURES, "a figure"))
    for suffix in formats:
        if suffix not in _KNOWN_FORMATS:
            raise InputError("plot", one_of(suffix, _KNOWN_FORMATS, "a format of figures"))
    if width not in style.WIDTHS:
        raise InputError("plot", one_of(width, style.WIDTHS, "a width of figures"))
    views = views_of(runs, labels)
    obstacles = {name: FIGURES[name].obstacle(views) for name in names or FIGURES}
    for name, obstacle in obstacles.items():
        if obstacle and names is not None:
            raise InputError("plot", f"the figure {name!r} {obstacle}")
    paths = []
    with style.applied(width), warnings.catch_warnings():
        # getdist may lag behind matplotlib; nothing that a user could mend
        warnings.simplefilter("ignore", mpl.MatplotlibDeprecationWarning)
        for name in [name for name, obstacle in obstacles.items() if not obstacle]:
            figure = FIGURES[name].draw(views, width)
            paths += style.save(figure, folder / name, formats, crop=False)
    return paths
