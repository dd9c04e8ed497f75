"""Counting data from a HistFactory workspace (the JSON format of pyhf), one bin per channel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fitplugin.data.json_files import read_object
from fitplugin.errors import InputError, one_of

_READ = ("normsys", "lumi", "normfactor")


class CountingData(NamedTuple):
    """Observed events, expected background and its error, in events."""

    n_observed: float
    background: float
    background_error: float


def read_channel(path: Path, channel: str) -> CountingData:
    """Read one single-bin channel of a workspace.

    Samples with a ``normfactor`` on the parameter of interest are signal and left out: the
    signal of a scan comes from its theory. Each ``normsys`` and ``lumi`` parameter moves all
    background samples together; parameters are independent and add in quadrature, an
    asymmetric pair counts with half its width.

    Raises
    ------
    InputError
        If the file is no workspace, the channel is unknown or has several bins, or a modifier
        is of another type.

    Source: pyhf workspace schema 1.0.0, arXiv:2211.15838.
    """
    where = str(path)
    workspace = read_object(path, "write the workspace again")
    try:
        return _counts(workspace, channel, where)
    except InputError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        missing = " missing" if isinstance(error, LookupError) else ""
        raise InputError(where, f"is not a HistFactory workspace: {error}{missing}") from error


def _counts(workspace: Mapping[str, Any], channel: str, where: str) -> CountingData:
    channels = {entry["name"]: entry["samples"] for entry in workspace["channels"]}
    observations = {entry["name"]: entry["data"] for entry in workspace["observations"]}
    measurement = workspace["measurements"][0]["config"]
    poi, settings = measurement["poi"], {p["name"]: p for p in measurement["parameters"]}
    if channel not in channels:
        raise InputError(where, one_of(channel, channels, "a channel"))
    data = observations.get(channel)
    if data is None or len(data) != 1:
        bins = "no" if data is None else len(data)
        raise InputError(where, f"channel {channel!r} has {bins} observed bins; needs one")
    background, shifts = 0.0, dict[str, float]()
    for sample in channels[channel]:
        modifiers = _checked(sample, f"{where}: {channel}")
        if any(m["type"] == "normfactor" and m["name"] == poi for m in modifiers):
            continue
        nominal = float(sample["data"][0])
        background += nominal
        for modifier in modifiers:
            shift = nominal * _relative(modifier, settings)
            shifts[modifier["name"]] = shifts.get(modifier["name"], 0.0) + shift
    return CountingData(float(data[0]), background, math.hypot(*shifts.values()))


def _checked(sample: Mapping[str, Any], where: str) -> list[Mapping[str, Any]]:
    modifiers: list[Mapping[str, Any]] = sample["modifiers"]
    if len(sample["data"]) != 1:
        raise InputError(where, f"sample {sample['name']!r} has {len(sample['data'])} bins")
    for modifier in modifiers:
        if modifier["type"] not in _READ:
            known = one_of(modifier["type"], _READ, "a modifier that can be read here")
            raise InputError(where, f"sample {sample['name']!r}: {known}")
    return modifiers


def _relative(modifier: Mapping[str, Any], settings: Mapping[str, Any]) -> float:
    """Return the relative change of a sample for one standard deviation of a parameter."""
    if modifier["type"] == "normsys":
        return 0.5 * (float(modifier["data"]["hi"]) - float(modifier["data"]["lo"]))
    if modifier["type"] == "lumi":
        return float(settings.get(modifier["name"], {}).get("sigmas", [0.0])[0])
    return 0.0
