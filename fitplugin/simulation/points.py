"""The points of a campaign: SLHA files, read and checked before anything is simulated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from fitplugin.errors import InputError, MissingExtraError
from fitplugin.physics.cross_section import PROCESSES, PairProduction
from fitplugin.physics.slha import SlhaPoint, read_slha
from fitplugin.simulation.base import Counts, Request
from fitplugin.simulation.records import PointRecord, ProcessRecord, RegionCounts

SUFFIX = ".slha"


class Point(NamedTuple):
    """A point that can be simulated: its request, its spectrum, its cross-sections.

    ``cross_sections`` are value [fb] and relative error, by process.
    """

    request: Request
    spectrum: SlhaPoint
    cross_sections: Mapping[str, tuple[float, float]]

    def record(
        self,
        counts: Mapping[str, Counts],
        seconds: float | None,
        time: str,
        chain: str | None = None,
    ) -> PointRecord:
        """Return the line of a campaign's file for the counts of this point.

        Raises
        ------
        InputError
            If they cannot be: more events pass than were generated, a negative variance.
        """
        processes = {}
        for process, (value, relative) in self.cross_sections.items():
            found, regions = counts[process], {}
            if found.problem():
                raise InputError(f"{self.request.name}: {process}", str(found.problem()))
            for region in found.passed:
                efficiency, error = found.efficiency(region)
                regions[region] = RegionCounts(
                    passed=found.passed[region],
                    variance=found.variance[region],
                    efficiency=efficiency,
                    efficiency_error=error,
                )
            processes[process] = ProcessRecord(
                cross_section_fb=value,
                cross_section_rel_error=relative,
                n_generated=found.n_generated,
                regions=regions,
            )
        return PointRecord(
            name=self.request.name,
            sha256=self.request.sha256,
            seed=self.request.seed,
            parameters=dict(self.spectrum.parameters),
            masses=dict(self.spectrum.masses),
            branching=dict(self.spectrum.branching),
            processes=processes,
            seconds=seconds,
            time=time,
            chain=chain,
        )


class Unusable(NamedTuple):
    """A file that is no point: refused by name, while the others go on."""

    name: str
    sha256: str | None
    reason: str


def slha_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files, and for a folder all of its ``.slha`` files, in order of name.

    Raises
    ------
    InputError
        If a path is not there, a folder has none, or two files have one name.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(path.glob(f"*{SUFFIX}"))
            if not inside:
                raise InputError(str(path), f"holds no {SUFFIX} file")
            files += inside
        elif path.is_file():
            files.append(path)
        else:
            raise InputError(str(path), "no such file or folder")
    if not files:
        raise InputError("SLHA", "no point is given; name SLHA files, or folders of them")
    by_name: dict[str, Path] = {}
    for file in files:
        other = by_name.setdefault(file.stem, file)
        if other is not file:
            raise InputError(
                str(file), f"has the name of {other}: points are told apart by file name"
            )
    return files


def read_points(
    files: Sequence[Path],
    production: PairProduction,
    events: int,
    seed: int,
    parameters: Mapping[str, tuple[str, int]],
) -> tuple[list[Point], list[Unusable]]:
    """Read SLHA files; give the points, and the files that are none.

    Parameters
    ----------
    files : sequence of path
    production : PairProduction
        Its processes are those to simulate.
    events, seed : int
        See `Request`.
    parameters : mapping of str to (block, index)
        See `read_slha`.
    """
    points: list[Point] = []
    unusable: list[Unusable] = []
    by_content: dict[str, Path] = {}
    for file in tqdm(files, desc="reading", unit="file", disable=None, leave=False):
        name, sha256 = file.stem, None
        try:
            request = request_of(file, production, events, seed)
            sha256 = request.sha256
            twin = by_content.setdefault(sha256, file)
            if twin is not file:
                raise InputError(name, f"is the same file as {twin}; one of them is enough")
            points.append(point_of(request, production, parameters))
        except MissingExtraError:
            raise
        except InputError as error:
            unusable.append(Unusable(name, sha256, str(error).removeprefix(f"{name}: ")))
    return points, unusable


def request_of(file: Path, production: PairProduction, events: int, seed: int) -> Request:
    """Return what is asked of a simulator for one file; `InputError` if it cannot be read."""
    return Request(file.stem, _text(file), production.processes, events, seed)


def point_of(
    request: Request, production: PairProduction, parameters: Mapping[str, tuple[str, int]]
) -> Point:
    """Return the point of a request; `InputError` if its spectrum is none."""
    spectrum = read_slha(request.slha, request.name, parameters, production.processes)
    return Point(request, spectrum, _cross_sections(production, spectrum))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(file.stem, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(file.stem, "is no text") from error


def _cross_sections(
    production: PairProduction, spectrum: SlhaPoint
) -> dict[str, tuple[float, float]]:
    masses = {name: np.array([abs(mass)]) for name, mass in spectrum.masses.items()}
    found = {}
    for process in production.processes:
        part = production.of(process, masses)
        if not part.in_table[0]:
            mass = PROCESSES[process].mass
            raise InputError(
                spectrum.name,
                f"{mass} is {masses[mass][0]:g} GeV: outside the cross-sections of {process}",
            )
        value = float(part.value[0])
        found[process] = (value, float(part.error[0]) / value)
    return found
