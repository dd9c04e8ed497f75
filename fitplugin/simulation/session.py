"""From SLHA files to a file of results: simulated here, or asked of another chain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fitplugin.errors import InputError
from fitplugin.physics.cross_section import production_of
from fitplugin.simulation import campaign, exchange
from fitplugin.simulation.campaign import Summary
from fitplugin.simulation.campaign_file import recording
from fitplugin.simulation.points import Point, Unusable, read_points, slha_files
from fitplugin.simulation.records import FailedRecord
from fitplugin.simulation.settings import Settings


def simulate(
    paths: Iterable[Path],
    settings: Settings,
    machine: Mapping[str, Any],
    output: Path,
    processes: int,
    time_limit: float | None = None,
) -> Summary:
    """Simulate the points of SLHA files that are not in the output yet.

    Parameters
    ----------
    paths : iterable of path
        Files, or folders of them.
    settings : Settings
    machine : mapping
        What the seconds are measured on.
    output : path
    processes : int
        Points at a time.
    time_limit : float or None
        Seconds after which a point is given up.

    Raises
    ------
    InputError
        Before any work: if nothing can be simulated, or the output is of another campaign.
    """
    header = settings.header(machine)
    points, unusable = _read(paths, settings)
    with recording(output, header) as records:
        return campaign.run(
            points, unusable, settings.simulator, settings.folder, records, processes, time_limit
        )


def export(
    paths: Iterable[Path], settings: Settings, folder: Path, regions: Sequence[str] = ()
) -> tuple[int, list[Unusable]]:
    """Write requests for another chain; return their number, and the files that are no points.

    Raises
    ------
    InputError
        If no file is a point, or the folder holds another export.
    """
    points, unusable = _read(paths, settings)
    asked = tuple(regions) or tuple(settings.simulator.plugin(settings.simulator.options).regions)
    header = settings.header_for({"kind": exchange.IMPORTED}, {}, asked, {})
    exchange.export(points, exchange.Campaign(header, settings.parameters, settings.folder), folder)
    return len(points), unusable


def import_answers(folder: Path, output: Path, *, allow_code: bool = False) -> Summary:
    """Read the answers to an export that are not in the output yet.

    Raises
    ------
    InputError
        If the folder is no export, or an answer is damaged or incomplete: nothing is written then.
        If the cross-sections of the export are a function and ``allow_code`` is not given.
    """
    header, parameters, start = exchange.exported(folder)
    try:
        production = production_of(
            header.cross_section, header.processes, start, allow_code=allow_code
        )
    except InputError as error:
        raise error.at(f"{folder / exchange.CAMPAIGN}: header.cross_section") from error
    if production.digest != header.cross_section_sha256:
        raise InputError(header.cross_section, f"has changed since {folder} was exported")
    files = slha_files([folder])
    points, unusable = read_points(files, production, header.events, header.seed, parameters)
    if unusable:
        raise InputError(str(folder), f"{unusable[0].name} has changed: {unusable[0].reason}")
    answers = [(point, exchange.read_answer(point, header.regions, folder)) for point in points]
    records_of = [(point, answer, _record(point, answer)) for point, answer in answers if answer]
    done, there, failures = [], [], {}
    with recording(output, header) as records:
        for point, answer, record in records_of:
            name = point.request.name
            if name in records.contents.points:
                there.append(name)
                continue
            records.append(record)
            if isinstance(record, FailedRecord):
                failures[name] = record.failed
            else:
                done.append((name, answer.seconds))
    unanswered = tuple(point.request.name for point, answer in answers if answer is None)
    seconds = tuple(seconds for _, seconds in done if seconds is not None)
    return Summary(tuple(name for name, _ in done), tuple(there), failures, seconds, unanswered)


def _record(point: Point, answer: exchange.Answer) -> Any:
    now = campaign.now()
    if answer.failed is not None:
        return FailedRecord(name=answer.name, sha256=answer.sha256, failed=answer.failed, time=now)
    return point.record(answer.counts(), answer.seconds, now, answer.simulator)


def _read(paths: Iterable[Path], settings: Settings) -> tuple[list[Point], list[Unusable]]:
    points, unusable = read_points(
        slha_files(paths), settings.production, settings.events, settings.seed, settings.parameters
    )
    if not points:
        first, n_more = unusable[0], len(unusable) - 1
        more = f" (and {n_more} more like it)" if n_more else ""
        raise InputError(first.name, f"{first.reason}{more}: no point can be simulated")
    return points, unusable
