"""Colours, sizes and labels shared by all figures, and how they are saved."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from fitplugin.physics.natural_susy import DIMENSIONLESS, LABELS

# Okabe-Ito orange on grey: told apart by every kind of eye and in print
PRIOR = "#b5b5b5"
POSTERIOR = "#e69f00"
TRUTH = "#000000"
PAGE_WIDTH = 7.1
"""Inches: two columns of a journal page."""
RC: Any = {
    "font.size": 9,
    "font.family": "serif",
    "mathtext.fontset": "cm",
    "axes.linewidth": 0.6,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "legend.frameon": False,
    "legend.fontsize": 8,
}


def applied() -> AbstractContextManager[None]:
    """Return the context in which figures are drawn; it leaves no trace in matplotlib."""
    return mpl.rc_context(RC)


def label(name: str, absolute: bool = False) -> str:
    """Return the axis label of a parameter, with its unit.

    >>> label("mQ3")
    '$m_{Q_3}$ [GeV]'
    """
    if name.startswith("efficiency["):
        return f"{name.removeprefix('efficiency[').removesuffix(']')} efficiency [%]"
    symbol = LABELS.get(name)
    if symbol is None:
        return name
    unit = "" if name in DIMENSIONLESS else " [GeV]"
    return f"$|{symbol}|${unit}" if absolute else f"${symbol}${unit}"


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as PDF and PNG and return both paths."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = [stem.with_name(stem.name + suffix) for suffix in (".pdf", ".png")]
    for path in paths:
        figure.savefig(path, dpi=200, bbox_inches="tight")
    return paths
