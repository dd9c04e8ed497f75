"""Requests and answers as files: where another chain, or a batch system, simulates the points.

Per point ``NAME.slha`` and ``NAME.request.json`` are written; ``NAME.answer.json`` is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, ValidationError

from fitplugin.errors import InputError, one_of
from fitplugin.options import Options, problem_of
from fitplugin.physics.cross_section import names_relative_file
from fitplugin.physics.particles import CODES
from fitplugin.simulation.base import Counts
from fitplugin.simulation.points import SUFFIX, Point
from fitplugin.simulation.records import Header

CAMPAIGN = "campaign.json"
README = "README.txt"
IMPORTED = "imported"
_REQUEST, _ANSWER = ".request.json", ".answer.json"

_EXPLANATION = """\
Points to simulate. For each NAME.request.json, simulate the pair production of every process
in it from the spectrum NAME.slha, and write NAME.answer.json:

  {
    "fitplugin_answer": 1,
    "name": "NAME",
    "sha256": as in the request,
    "simulator": "which programs, which versions",
    "seconds": wall time (may be left out),
    "processes": {
      "stop1": {
        "n_generated": events tried, whatever became of them,
        "regions": {"REGION": {"passed": events, "variance": events^2}, ...}
      }, ...
    }
  }

or {"fitplugin_answer": 1, "name": "NAME", "sha256": ..., "failed": "why"}.
"passed" is the expected number of the generated events in a region, and "variance" its variance:
the sum of squared event weights, equal to "passed" for plain counts. Every process and region of
the request must be there. Then:

  fitplugin simulate --import THIS_FOLDER -o simulated.jsonl

Answers may come a few at a time: call it again.
"""


class _AnsweredRegion(Options):
    passed: float = Field(ge=0)
    variance: float = Field(ge=0)


class _AnsweredProcess(Options):
    n_generated: int = Field(gt=0)
    regions: dict[str, _AnsweredRegion]


class Answer(Options):
    """What another chain found of a point."""

    fitplugin_answer: Literal[1]
    name: str
    sha256: str
    simulator: str | None = None
    seconds: float | None = Field(None, ge=0)
    processes: dict[str, _AnsweredProcess] = Field({})
    failed: str | None = None

    def counts(self) -> dict[str, Counts]:
        """Return the counts of each process."""
        return {
            name: Counts(
                process.n_generated,
                {region: found.passed for region, found in process.regions.items()},
                {region: found.variance for region, found in process.regions.items()},
            )
            for name, process in self.processes.items()
        }


class Campaign(NamedTuple):
    """What an export asks for: the header of its file, and where parameters stand."""

    header: Header
    parameters: Mapping[str, tuple[str, int]]
    start: Path = Path()
    """Where a relative file of cross-sections starts."""


def export(points: Sequence[Point], campaign: Campaign, folder: Path) -> None:
    """Write the requests of the points. What is there and the same is left, nothing is replaced.

    Raises
    ------
    InputError
        If a file is there with another content, or the folder cannot be written.
    """
    header = campaign.header
    facts: dict[str, Any] = {
        "header": header.model_dump(mode="json"),
        "parameters": campaign.parameters,
    }
    if names_relative_file(header.cross_section):
        # seen from this folder: answers may be imported from anywhere
        facts["start"] = Path(os.path.relpath(campaign.start, folder)).as_posix()
    files = {CAMPAIGN: _json(facts), README: _EXPLANATION}
    for point in points:
        files[f"{point.request.name}{SUFFIX}"] = point.request.slha
        files[f"{point.request.name}{_REQUEST}"] = _json(_request(point, header.regions))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = folder / name
            if path.exists() and path.read_bytes() != content.encode():
                raise InputError(
                    str(path), "is there from another export; name another folder for this one"
                )
        for name, content in files.items():
            (folder / name).write_bytes(content.encode())
    except OSError as error:
        raise InputError(str(folder), f"cannot be written: {error.strerror}") from error


def exported(folder: Path) -> Campaign:
    """Read what an export asked for.

    Raises
    ------
    InputError
        If the folder is none.
    """
    path = folder / CAMPAIGN
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        header = Header.model_validate(content["header"])
        parameters = {name: (str(b), int(i)) for name, (b, i) in content["parameters"].items()}
        start = folder / content["start"] if "start" in content else Path()
    except OSError as error:
        raise InputError(
            str(folder), f"is no folder of --export: {CAMPAIGN} {error.strerror}"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(str(path), f"is damaged: {_first(error)}") from error
    return Campaign(header, parameters, start)


def read_answer(point: Point, regions: Sequence[str], folder: Path) -> Answer | None:
    """Read the answer to a point; None if there is none yet.

    Raises
    ------
    InputError
        If it is damaged, of another point, or not complete.
    """
    path = folder / f"{point.request.name}{_ANSWER}"
    if not path.exists():
        return None
    try:
        answer = Answer.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(str(path), _first(error)) from error
    if (answer.name, answer.sha256) != (point.request.name, point.request.sha256):
        raise InputError(
            str(path), "answers another request: its name or sha256 is not that of the SLHA file"
        )
    if answer.failed is None:
        _require_all(answer.processes, point.request.processes, "a process", str(path))
        for name, process in answer.processes.items():
            _require_all(process.regions, regions, "a region", f"{path}: processes.{name}")
    return answer


def _require_all(found: Mapping[str, Any], asked: Sequence[str], a_kind: str, where: str) -> None:
    for name in found:
        if name not in asked:
            raise InputError(where, one_of(name, asked, f"{a_kind} of the request"))
    missing = [name for name in asked if name not in found]
    if missing:
        raise InputError(where, f"does not answer {', '.join(missing)}")


def _request(point: Point, regions: Sequence[str]) -> dict[str, Any]:
    request = point.request
    return {
        "fitplugin_request": 1,
        "name": request.name,
        "slha": f"{request.name}{SUFFIX}",
        "sha256": request.sha256,
        "events": request.events,
        "regions": list(regions),
        "processes": {
            process: {
                "pdg": CODES[process],
                "cross_section_fb": sigma,
                "cross_section_rel_error": relative,
                "seed": request.seed_of(process),
            }
            for process, (sigma, relative) in point.cross_sections.items()
        },
    }


def _json(content: Any) -> str:
    return json.dumps(content, indent=2) + "\n"


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        place, message = problem_of(error)
        return f"{place}: {message}" if place else message
    return f"{type(error).__name__}: {error}"
