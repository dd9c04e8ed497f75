"""A file of every evaluation that was paid for: appended to, never rewritten.

Plain numbers behind a line of JSON, each record with a checksum. There is no moment at which an
accident can spoil what is already there: a record that was cut off is dropped, all before it hold.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import time
import weakref
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import FitpluginError

_FORMAT = "fitplugin journal 1"
_RECORD = struct.Struct("<II")  # rows, CRC-32 of the rows that follow
# The page cache survives the death of a process; only a power cut needs this.
_SECONDS_BETWEEN_SYNCS = 1.0


class Journal:
    """Evaluations in the order in which a sampler asked for them.

    A row holds theta, the log-likelihood, whether the point is valid (0 or 1), and the blobs.

    Parameters
    ----------
    path : path
        Made if it is not there.
    names, blob_names : sequence of str

    Raises
    ------
    FitpluginError
        If the file is no journal, or that of other parameters or blobs.
    """

    def __init__(self, path: Path, names: Sequence[str], blob_names: Sequence[str]) -> None:
        self.path = path
        self._row_bytes = 8 * (len(names) + 2 + len(blob_names))
        header = {"format": _FORMAT, "names": list(names), "blob_names": list(blob_names)}
        line = json.dumps(header).encode() + b"\n"
        self._content = path.read_bytes() if path.exists() else b""
        if line.startswith(self._content):  # new, or cut off in its first line
            self._content = line
            path.write_bytes(line)
        _refuse_other(path, self._content, header)
        self._cursor = self._content.index(b"\n") + 1
        self._ends = self._intact_records()
        end = self._ends[-1] if self._ends else self._cursor
        # no Python file: nothing is buffered, and it closes without complaint when forgotten
        self._file = os.open(path, os.O_RDWR)
        self._close = weakref.finalize(self, os.close, self._file)
        os.ftruncate(self._file, end)
        os.lseek(self._file, end, os.SEEK_SET)
        self._next_sync = 0.0
        self.n_replayed = 0
        """Points given back by `next` so far."""

    def next(self) -> FloatArray | None:
        """Return the rows of the next record, (n_points, n_columns), or None behind the last."""
        if not self._ends or self._cursor >= self._ends[-1]:
            return None
        rows, self._cursor = self._rows(self._cursor)
        self.n_replayed += len(rows)
        return rows

    def last(self) -> FloatArray | None:
        """Return the rows of the last record, or None if there is none."""
        if not self._ends:
            return None
        start = self._ends[-2] if len(self._ends) > 1 else self._content.index(b"\n") + 1
        return self._rows(start)[0]

    def append(self, rows: FloatArray) -> None:
        """Write (n_points, n_columns) rows behind the last record.

        Raises
        ------
        FitpluginError
            If the disk is full or the file cannot be written; what it held before is intact.
        """
        payload = np.ascontiguousarray(rows, dtype="<f8").tobytes()
        data = _RECORD.pack(len(rows), zlib.crc32(payload)) + payload
        try:
            if os.write(self._file, data) != len(data):
                raise OSError(0, "the disk is full")
            now = time.monotonic()
            if now > self._next_sync:
                self._next_sync = now + _SECONDS_BETWEEN_SYNCS
                os.fsync(self._file)
        except OSError as error:
            raise FitpluginError(
                f"{self.path}: cannot be written ({error.strerror}); all evaluations before are "
                "kept. Make room, then continue with --resume"
            ) from error

    def set_rest_aside(self) -> None:
        """Keep the records from the one just read on in ``NAME.aside``, and go on before it."""
        record = self._ends.index(self._cursor)
        start = self._ends[record - 1] if record else self._content.index(b"\n") + 1
        shutil.copyfile(self.path, self.path.with_suffix(".aside"))
        os.ftruncate(self._file, start)
        os.lseek(self._file, start, os.SEEK_SET)
        self._ends = self._ends[:record]

    def close(self) -> None:
        """Close the file; it may be done twice."""
        self._close()

    def _rows(self, start: int) -> tuple[FloatArray, int]:
        n_rows, _ = _RECORD.unpack_from(self._content, start)
        begin = start + _RECORD.size
        end = begin + n_rows * self._row_bytes
        numbers = np.frombuffer(self._content[begin:end], dtype="<f8")
        return numbers.reshape(n_rows, -1).astype(float), end

    def _intact_records(self) -> list[int]:
        """Return where each record ends, up to the first that is cut off or damaged."""
        ends: list[int] = []
        content, start = memoryview(self._content), self._cursor
        while start + _RECORD.size <= len(content):
            n_rows, checksum = _RECORD.unpack_from(content, start)
            begin = start + _RECORD.size
            end = begin + n_rows * self._row_bytes
            if n_rows == 0 or end > len(content) or zlib.crc32(content[begin:end]) != checksum:
                break
            ends.append(end)
            start = end
        return ends


def _refuse_other(path: Path, content: bytes, expected: dict[str, Any]) -> None:
    try:
        found = json.loads(content[: content.index(b"\n")])
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise FitpluginError(f"{path}: is not a journal of this release; --force starts over")
    for key, words in (("names", "parameters"), ("blob_names", "blobs")):
        if found.get(key) != expected[key]:
            raise FitpluginError(
                f"{path}: has the {words} {found.get(key)}, not {expected[key]}; "
                "--force starts over"
            )
