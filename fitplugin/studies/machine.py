"""The machine that numbers of speed belong to."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import fitplugin
from fitplugin.runs.summary import environment


class Machine(NamedTuple):
    """What the numbers belong to."""

    fitplugin: str
    python: str
    platform: str
    libraries: Mapping[str, str]
    processor: str
    cpu_count: int
    load_average: float | None
    """Processes that wanted a processor in the minute before: above 0 somebody else measured too"""


def machine_now() -> Machine:
    """Describe the machine, and how busy it is."""
    facts = environment()
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return Machine(
        fitplugin.__version__,
        facts["python"],
        facts["platform"],
        facts["libraries"],
        _processor(),
        os.cpu_count() or 1,
        load,
    )


def _processor() -> str:
    """Return the model of the processor where the system says it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
