"""What it would cost to simulate each point of a scan instead, from the seconds of a campaign."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from fitplugin.errors import InputError
from fitplugin.simulation.campaign_file import read_records
from fitplugin.studies.speed.stopwatch import Spread


class SimulatedCost(NamedTuple):
    """Seconds of simulation per point, and what stands behind them.

    Attributes
    ----------
    simulator : str
        With its versions.
    n_points : int
    events : int
        Simulated in full per process.
    processes : tuple of str
    seconds : Spread
        Per point, on one core.
    processor : str
        On which they were measured; '' if that is not known.
    """

    simulator: str
    n_points: int
    events: int
    processes: tuple[str, ...]
    seconds: Spread
    processor: str


def simulated_cost(path: str | Path) -> SimulatedCost:
    """Read the seconds per point of a file of `fitplugin simulate`.

    Raises
    ------
    InputError
        If it is none, or no point of it has a time.
    """
    contents = read_records(Path(path))
    seconds = [record.seconds for record in contents.points.values() if record.seconds is not None]
    if not seconds:
        raise InputError(str(path), "no point of it has a time")
    header = contents.header
    versions = ", ".join(f"{name} {version}" for name, version in header.versions.items())
    return SimulatedCost(
        f"{header.simulator['kind']} ({versions})" if versions else str(header.simulator["kind"]),
        len(seconds),
        header.events,
        header.processes,
        Spread.of(seconds),
        str(header.machine.get("processor", "")),
    )
