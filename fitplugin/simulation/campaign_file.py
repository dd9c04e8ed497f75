"""The file of a campaign: JSON Lines, a header and then one line for every point that is done.

It is only appended to; what was written stays, whatever happens to the campaign.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout
from pydantic import ValidationError

from fitplugin.errors import InputError
from fitplugin.options import Options, problem_of
from fitplugin.simulation.records import FailedRecord, Header, PointRecord


class Contents(NamedTuple):
    """What a file holds: the last word on every point."""

    path: Path
    header: Header
    points: dict[str, PointRecord]
    failures: dict[str, FailedRecord]


def read_records(path: Path) -> Contents:
    """Read the file of a campaign; a last line that was cut off is left out.

    Raises
    ------
    InputError
        If it is no such file, or a line is damaged, by number.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror}") from error
    return _contents(path, content)


def _contents(path: Path, content: bytes) -> Contents:
    *lines, _ = content.split(b"\n")
    if not lines:
        raise InputError(str(path), "is no file of `fitplugin simulate`: it has no header line")
    header = _parsed(Header, lines[0], f"{path}: line 1")
    points: dict[str, PointRecord] = {}
    failures: dict[str, FailedRecord] = {}
    for number, line in enumerate(lines[1:], start=2):
        where = f"{path}: line {number}"
        record = _parsed(FailedRecord if b'"failed"' in line else PointRecord, line, where)
        points.pop(record.name, None)
        failures.pop(record.name, None)
        if isinstance(record, FailedRecord):
            failures[record.name] = record
        else:
            points[record.name] = record
    return Contents(path, header, points, failures)


def _parsed(model: Any, line: bytes, where: str) -> Any:
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        place, message = problem_of(error)
        message = f"is damaged, or of another format: {place}: {message}"
        raise InputError(where, message.replace(": : ", ": ")) from error


class Records:
    """The file of a campaign under way; see `recording`."""

    def __init__(self, contents: Contents, file: int) -> None:
        self.contents = contents
        self._file = file

    def append(self, record: PointRecord | FailedRecord) -> None:
        """Add a line; it is on the disk when this returns."""
        os.write(self._file, _line(record))
        os.fsync(self._file)
        mine, other = self.contents.points, self.contents.failures
        if isinstance(record, FailedRecord):
            mine.pop(record.name, None)
            other[record.name] = record
        else:
            other.pop(record.name, None)
            mine[record.name] = record


@contextmanager
def recording(path: Path, header: Header) -> Iterator[Records]:
    """Open the file of a campaign, new or to go on with, for this process alone.

    Raises
    ------
    InputError
        If it cannot be written, another process writes it, it is no such file, or it belongs to a
        campaign with other settings, by name.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(path.name + ".lock"))
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(str(path), "another process is writing it") from None
    except OSError as error:
        raise InputError(str(path), f"cannot be written: {error.strerror}") from error
    try:
        contents, file = _opened(path, header)
        try:
            yield Records(contents, file)
        finally:
            os.close(file)
    finally:
        lock.release()
        path.with_name(path.name + ".lock").unlink(missing_ok=True)


def _opened(path: Path, header: Header) -> tuple[Contents, int]:
    try:
        content = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror}") from error
    if b"\n" not in content:
        if content and not content.startswith(b'{"fitplugin_simulation"'):
            raise InputError(str(path), "exists and is no file of `fitplugin simulate`")
        content = _line(header)
        path.write_bytes(content)
    contents = _contents(path, content)
    _refuse_other(contents.header, header, path)
    file = os.open(path, os.O_RDWR | os.O_APPEND)
    # a line that was cut off by an accident
    os.ftruncate(file, content.rindex(b"\n") + 1)
    return contents, file


def _refuse_other(there: Header, new: Header, path: Path) -> None:
    differences = [
        f"{name} is {_short(before)}, now {_short(now)}"
        for name, before, now in _differences(there.model_dump(), new.model_dump())
    ]
    if differences:
        raise InputError(
            str(path),
            f"belongs to another campaign: {'; '.join(differences)}. Name another --output, or go "
            "on with the settings it has",
        )


def _differences(
    there: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    for name in new:
        before, now = there.get(name), new[name]
        if name in ("machine", "citations") or before == now:
            continue
        if isinstance(before, dict) and isinstance(now, dict):
            for key in dict.fromkeys((*before, *now)):
                if before.get(key) != now.get(key):
                    yield f"{name}.{key}", before.get(key), now.get(key)
        else:
            yield name, before, now


def _short(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _line(record: Options) -> bytes:
    content = record.model_dump(mode="json", exclude_none=True)
    return json.dumps(content, allow_nan=False).encode() + b"\n"
