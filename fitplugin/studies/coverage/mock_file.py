"""The mocks that are done: a line of JSON each, appended to a file and never rewritten.

The first line says what they are mocks of. Whatever happens to the process, all complete lines
hold; one that was cut off is dropped, and its mock made again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fitplugin.errors import FitpluginError, InputError
from fitplugin.runs.changes import changed
from fitplugin.studies.coverage.mocks import Mock

NAME = "mocks.jsonl"
_FORMAT = "fitplugin mocks 1"


class MockFile:
    """The open file, its mocks in the order of their numbers.

    Parameters
    ----------
    path : path
        Made if it is not there.
    facts : mapping
        What decides the mocks: ``config`` and ``digests``, as for an unfinished run.

    Raises
    ------
    InputError
        If the file holds mocks of something else (named), or is damaged.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self.path = path
        header = {"format": _FORMAT, "facts": facts}
        # through JSON and back, as what was stored has come: tuples are lists there
        header = json.loads(json.dumps(header))
        content = path.read_bytes() if path.exists() else b""
        lines = content.splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()
        if len(lines) == 1:  # without a mock it is nobody's
            lines.clear()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            os.ftruncate(self._file, sum(map(len, lines)))
            os.lseek(self._file, 0, os.SEEK_END)
            if not lines:
                self._write(header)
            self.mocks = self._read(lines, header["facts"])
        except BaseException:
            self.close()
            raise

    def append(self, mock: Mock) -> None:
        """Write a mock down, to the disk.

        Raises
        ------
        FitpluginError
            If the disk is full or the file cannot be written; what it held before is intact.
        """
        self._write(mock._asdict())
        self.mocks.append(mock)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, content: Mapping[str, Any]) -> None:
        data = json.dumps(content).encode() + b"\n"
        try:
            if os.write(self._file, data) != len(data):
                raise OSError(0, "the disk is full")
            os.fsync(self._file)
        except OSError as error:
            raise FitpluginError(
                f"{self.path}: cannot be written ({error.strerror}); all mocks before are kept. "
                "Make room, then continue with --resume"
            ) from error

    def _read(self, lines: list[bytes], facts: Mapping[str, Any]) -> list[Mock]:
        if not lines:
            return []
        try:
            head, *rest = map(json.loads, lines)
            known = head["format"] == _FORMAT
            mocks = [Mock(**record) for record in rest]
            known = known and [mock.number for mock in mocks] == list(range(len(mocks)))
        except (ValueError, TypeError, KeyError):
            known = False
        if not known:
            raise InputError(
                str(self.path),
                "is damaged, or not a file of mocks of this release; --force starts over",
            )
        found = changed(head["facts"], facts)
        if found:
            raise InputError(
                str(self.path),
                f"holds mocks of something else: {'; '.join(found)}. Undo that, or start over "
                "with --force, or name another --output",
            )
        return mocks


def refuse_existing(folder: Path, resume: bool, force: bool) -> None:
    """Refuse, before anything is computed, to touch what is in a folder.

    Raises
    ------
    InputError
        If it is no folder of mocks, or holds some and neither ``resume`` nor ``force`` says what
        to do about them.
    """
    path = folder / NAME
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not path.is_file():
        raise InputError(str(folder), "exists and holds no mocks; name another --output")
    if path.read_bytes().count(b"\n") > 1 and not (resume or force):
        raise InputError(
            str(folder),
            "holds mocks already; continue or extend them with --resume, or start over with "
            "--force",
        )


@contextmanager
def opened(folder: Path, facts: Mapping[str, Any], force: bool) -> Iterator[MockFile]:
    """Give the file of mocks in a folder, for this process alone.

    ``force`` discards the mocks that are there. The lock is a file beside them.

    Raises
    ------
    InputError
        If another process is at work there, or as for `MockFile`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(str(folder), "is in use by another process") from None
    try:
        if force:
            (folder / NAME).unlink(missing_ok=True)
        file = MockFile(folder / NAME, facts)
        try:
            yield file
        finally:
            file.close()
    finally:
        lock.release()
