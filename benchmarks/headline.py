"""One headline figure: a row of the table in README.md, and how its numbers are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from fitplugin.studies.speed.words import duration

Content = Mapping[str, Any]


class Headline(NamedTuple):
    """One row, but for its source."""

    figure: str
    ours: str
    paper: str = ""
    peers: str = ""
    target: str = ""


def us(value: float) -> str:
    """A time given in microseconds."""
    return duration(1e-6 * value).replace("us", "µs")


def cores(number: int) -> str:
    """A number of cores in words."""
    return "one core" if number == 1 else f"{number} cores"


def met(target: str, is_met: bool) -> str:
    """A target, and whether it is met."""
    return f"{target}: {'met' if is_met else '**missed**'}"
