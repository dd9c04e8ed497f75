"""State of a training in a file of plain arrays, so that it can be interrupted and go on."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fitplugin.data.files import write_atomically
from fitplugin.errors import InputError

_SECONDS_BETWEEN = 10.0
_OF = "training"


Keep = Callable[[Callable[[], Mapping[str, np.ndarray]]], None]
"""Offered a function that makes the state; calls it if it is time to write."""


class Checkpoint:
    """Keeps arrays under a file name; without one, keeps nothing.

    Parameters
    ----------
    path : path or None
    training : str
        Digest of data, options and seed: the state of another training is refused.
    """

    def __init__(self, path: Path | None, training: str) -> None:
        self._path = path
        self._training = training
        self._next = time.monotonic() + _SECONDS_BETWEEN

    def read(self) -> dict[str, np.ndarray]:
        """Return what was kept, empty if nothing was.

        Raises
        ------
        InputError
            If the file is damaged or belongs to another training.
        """
        if self._path is None or not self._path.exists():
            return {}
        try:
            with np.load(io.BytesIO(self._path.read_bytes()), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(
                str(self._path), f"is damaged ({error}); remove it to start the training anew"
            ) from error
        if str(arrays.pop(_OF, "")) != self._training:
            raise InputError(
                str(self._path), "is the state of another training; remove it to start anew"
            )
        return arrays

    def keep(self, make: Callable[[], Mapping[str, np.ndarray]], now: bool = False) -> None:
        """Write the arrays that ``make`` returns: at once, or if the last time is long ago."""
        if self._path is None or (not now and time.monotonic() < self._next):
            return
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {**make(), _OF: np.array(self._training)}
        np.savez(buffer, **arrays)
        write_atomically(self._path, buffer.getvalue())
        self._next = time.monotonic() + _SECONDS_BETWEEN

    def remove(self) -> None:
        """Forget: the training is done."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
