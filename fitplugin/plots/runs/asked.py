"""What a figure needs to know of the scan behind a run, from ``resolved.yaml`` as plain data.

That file has every default written out, so no plugin is needed to read it: figures are drawn
without the code that the scan names, also when that is long gone or came with somebody else's run.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import yaml

from fitplugin.errors import InputError
from fitplugin.stats.counts import Mode


class Region(NamedTuple):
    """Background of a counting region [events]; ``mode`` is that of `fitplugin.stats.counts`."""

    name: str
    background: float
    background_error: float
    mode: Mode


class Window(NamedTuple):
    """A hard interval on an observable, in its unit; None where an end is open."""

    observable: str
    low: float | None
    high: float | None


class Asked(NamedTuple):
    """What a scan asked."""

    regions: tuple[Region, ...]
    windows: tuple[Window, ...]
    prior: Mapping[str, Any]
    """What the constrained prior depends on, as it stands in the file."""


def read_asked(folder: Path) -> Asked:
    """Read what the run in ``folder`` was asked.

    Raises
    ------
    InputError
        If ``resolved.yaml`` is not what a run writes.
    """
    path = folder / "resolved.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        regions = tuple(
            Region(
                str(entry["name"]),
                float(entry["background"]),
                float(entry["background_error"]),
                cast(Mode, entry["mode"]),
            )
            for entry in content["regions"]
        )
        windows = tuple(
            Window(entry["observable"], entry.get("low"), entry.get("high"))
            for entry in content["constraints"]
            if _is_hard_interval(entry)
        )
        prior = {key: content[key] for key in ("parameters", "spectrum", "constraints")}
        prior["rejects"] = content["out_of_domain"] == "reject"
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            str(path), "is not the resolved scan that a run writes; run the scan again"
        ) from error
    return Asked(regions, windows, prior)


def _is_hard_interval(entry: Mapping[str, Any]) -> bool:
    """Whether a constraint has the options of an interval, and no error of any kind."""
    if "observable" not in entry or (entry.get("low") is None and entry.get("high") is None):
        return False
    errors = ("experimental_error", "theory_error", "surrogate_error")
    return not any(entry.get(name) for name in errors)
