"""An oracle that simulates: parameters to a spectrum by a function of yours, events from there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, Field, PositiveFloat, PositiveInt

from fitplugin.active.base import Answer, Request, Setting
from fitplugin.active.functions import function_of
from fitplugin.data.files import write_atomically
from fitplugin.options import Options
from fitplugin.pools.base import available_cores
from fitplugin.simulation import session
from fitplugin.simulation.campaign_file import read_records
from fitplugin.simulation.points import read_points
from fitplugin.simulation.records import PointRecord
from fitplugin.simulation.settings import Settings, settings_of
from fitplugin.studies.machine import machine_now


class SimulationOptions(Options):
    """A spectrum program, a simulator, and how much to simulate."""

    spectrum: str = Field(
        description="package.module:function or file.py:function: parameters by name -> the text "
        "of an SLHA file with masses and decays."
    )
    simulator: str = Field("pythia", description="As in `fitplugin simulate`.")
    options: tuple[str, ...] = Field((), description="NAME=VALUE, of the simulator.")
    production: tuple[str, ...] = Field(("stop1", "stop2", "sbottom1"), min_length=1)
    cross_sections: str = Field("natural_susy/cross_sections_14TeV")
    events: PositiveInt = Field(700, description="Simulated in full, per process.")
    processes: PositiveInt | None = Field(
        None, description="Points at a time; default: available cores."
    )
    time_limit: PositiveFloat | None = Field(
        None, description="[s] After which a point is given up, and fails."
    )


class SimulationOracle:
    """Simulates points, and answers with efficiencies and cross-sections as the table does.

    SLHA files and ``simulated.jsonl`` (that of `fitplugin simulate`) stay in the state folder: a
    point that is done is never simulated again.
    """

    Options: ClassVar[type[BaseModel]] = SimulationOptions

    def __init__(self, options: SimulationOptions, setting: Setting) -> None:
        self._options = options
        self._function = function_of(options.spectrum, setting)
        self._state = setting.state
        self._settings = _settings(options, setting)
        # a missing extra is told before anything is asked
        simulator = self._settings.simulator
        simulator.plugin(simulator.options).versions()

    @property
    def candidates(self) -> None:
        """Any point of the box."""
        return None

    def answer(self, requests: Sequence[Request]) -> Iterator[Answer]:
        """Make spectra, then simulate them; what has no spectrum fails with its reason."""
        folder, output = self._state / "slha", self._state / "simulated.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        paths = {}
        for request in requests:
            path = folder / f"{request.id}.slha"
            reason = self._spectrum(path, request)
            if reason is not None:
                yield Answer(request.id, {}, reason)
            else:
                paths[request.id] = path
        settings = self._settings
        _, unusable = read_points(
            list(paths.values()), settings.production, settings.events, settings.seed,
            settings.parameters,
        )  # fmt: skip
        for name, _, reason in unusable:
            del paths[int(name)]
            yield Answer(int(name), {}, f"spectrum: {reason}")
        if not paths:
            return
        machine = machine_now()
        facts = {"processor": machine.processor, "processors": machine.cpu_count}
        cores = self._options.processes or available_cores()
        session.simulate(paths.values(), settings, facts, output, cores, self._options.time_limit)
        found = read_records(output)
        for number in paths:
            record = found.points.get(str(number))
            if record is not None:
                yield Answer(number, _values(record))
            else:
                yield Answer(number, {}, found.failures[str(number)].failed)

    def _spectrum(self, path: Path, request: Request) -> str | None:
        if path.exists():
            return None
        try:
            text: Any = self._function(**request.theta)
        except Exception as error:  # of a guest: the other points go on
            return f"spectrum: {type(error).__name__}: {error}"
        if not isinstance(text, str) or not text.strip():
            return "spectrum: the function gave no text"
        write_atomically(path, text.encode())
        return None


def _settings(options: SimulationOptions, setting: Setting) -> Settings:
    return settings_of(
        options.simulator, options.options, options.production, options.events, setting.seed,
        options.cross_sections, (), setting.folder, allow_code=setting.allow_code,
    )  # fmt: skip


def _values(record: PointRecord) -> dict[str, float]:
    """Cross-section [fb], and efficiencies with it as weight, as `tables.SimulatedOracle`."""
    processes = record.processes.values()
    total = sum(process.cross_section_fb for process in processes)
    error = sum(p.cross_section_fb * p.cross_section_rel_error for p in processes)
    found = {"cross_section": total, "cross_section_error": error}
    for region in next(iter(processes)).regions:
        counts = [(p.cross_section_fb / total, p.regions[region]) for p in processes]
        found[f"efficiency[{region}]"] = sum(w * c.efficiency for w, c in counts)
        found[f"efficiency_error[{region}]"] = math.sqrt(
            sum((w * c.efficiency_error) ** 2 for w, c in counts)
        )
    return found
