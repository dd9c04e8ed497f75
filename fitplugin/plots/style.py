"""Colours, sizes and labels shared by all figures, and how they are saved."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser

from fitplugin.errors import InputError
from fitplugin.physics.symbols import NATURAL_SUSY, Symbols, plain

# Okabe-Ito orange on grey: told apart by every kind of eye and in print
PRIOR = "#b5b5b5"
POSTERIOR = "#e69f00"
TRUTH = "#000000"
TRUTH_DASHES: Any = (0, (4, 3))
WINDOW = "#56b4e9"
GREY = "#6e6e6e"
"""Of lines that are neither prior nor posterior, and of outlines."""
PAGE_WIDTH = 7.1
"""Inches: two columns of a journal page."""
Width = Literal["page", "column"]
"""Width of a figure on a journal page: both columns, or one of them."""
WIDTHS: dict[str, float] = {"page": PAGE_WIDTH, "column": 3.4}
"""Inches."""
FORMATS = ("pdf", "png")
"""What figures are saved as unless another choice is made."""
DPI = 200
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
# what a column has no room for
_RC_COLUMN: Any = {"font.size": 8, "legend.fontsize": 7, "xtick.labelsize": 7, "ytick.labelsize": 7}
# Okabe-Ito without its yellow, which is too light for lines
_COLOURS = (POSTERIOR, "#0072b2", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#000000")
_DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))


class Line(NamedTuple):
    """How one of several runs is drawn: by colour and by dashes, so that either suffices."""

    colour: str
    dashes: Any


def line(number: int) -> Line:
    """Return the line of the run of that number, from 0.

    >>> line(0)
    Line(colour='#e69f00', dashes='-')
    """
    return Line(_COLOURS[number % len(_COLOURS)], _DASHES[number % len(_DASHES)])


def applied(width: Width = "page") -> AbstractContextManager[None]:
    """Return the context in which figures are drawn; it leaves no trace in matplotlib."""
    return mpl.rc_context({**RC, **(_RC_COLUMN if width == "column" else {})})


def label(name: str, symbols: Symbols = NATURAL_SUSY, absolute: bool = False) -> str:
    """Return the axis label of a parameter, with its unit.

    >>> label("mQ3")
    '$m_{Q_3}$ [GeV]'
    """
    if name.startswith("efficiency["):
        return f"{name.removeprefix('efficiency[').removesuffix(']')} efficiency [%]"
    symbol = symbols.get(name)
    if symbol is None:
        return name
    unit = f" [{symbol.unit}]" if symbol.unit else ""
    if symbol.latex == plain(name).latex:
        return f"{name}{unit}"
    return f"$|{symbol.latex}|${unit}" if absolute else f"${symbol.latex}${unit}"


def require_drawable(symbols: Symbols) -> None:
    """Refuse labels that no figure can show, before anything is computed for one.

    Raises
    ------
    InputError
        Naming the parameter.
    """
    for name, symbol in symbols.items():
        _require_drawable(f"parameters.{name}.label", symbol.latex)


def _require_drawable(where: str, latex: str) -> None:
    try:
        MathTextParser("path").parse(f"${latex}$")
    except ValueError as error:
        reason = str(error).strip().rpartition("\n")[2]
        problem = f"{latex!r} is not the LaTeX that matplotlib can show ({reason})"
        raise InputError(where, problem) from error


def save(
    figure: Figure, stem: Path, formats: Sequence[str] = FORMATS, crop: bool = True
) -> list[Path]:
    """Write a figure in every format and return the paths.

    ``crop`` cuts to what is drawn; without it the figure has exactly the width it was made with.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = [stem.with_name(f"{stem.name}.{suffix}") for suffix in formats]
    for path in paths:
        # no date in the file: the same run gives the same bytes
        dates = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}.get(path.suffix)
        figure.savefig(path, dpi=DPI, bbox_inches="tight" if crop else None, metadata=dates)
        # it is laid out: once is enough
        figure.set_layout_engine("none")
    return paths
