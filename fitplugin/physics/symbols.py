"""How parameters and masses are written: LaTeX, unit, whether their sign can be seen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from fitplugin.physics.natural_susy import DIMENSIONLESS, LABELS, SIGN_UNSEEN


class Symbol(NamedTuple):
    """How a quantity is written."""

    latex: str
    """Without dollars."""
    unit: str = ""
    has_sign: bool = True
    """False where figures show its absolute value."""


Symbols = Mapping[str, Symbol]

NATURAL_SUSY: Symbols = MappingProxyType(
    {
        name: Symbol(latex, "" if name in DIMENSIONLESS else "GeV", name not in SIGN_UNSEEN)
        for name, latex in LABELS.items()
    }
)
"""What needs no label in a scan file."""


def plain(name: str) -> Symbol:
    r"""Return the symbol of a quantity that has none: its name.

    >>> plain("n_signal")
    Symbol(latex='\\mathrm{n\\_signal}', unit='', has_sign=True)
    """
    return Symbol(r"\mathrm{" + name.replace("_", r"\_") + "}")
