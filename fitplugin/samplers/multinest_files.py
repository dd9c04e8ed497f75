"""Read what MultiNest writes: dead points, live points, evidence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import FitpluginError

ROOT = "mn-"
"""Prefix of every file name. Short: older versions of MultiNest cut paths at 100 characters."""

# Fortran leaves the E out where an exponent has three digits: -0.93-309 is -0.93E-309.
_EXPONENT_WITHOUT_E = re.compile(r"(?<=\d)([+-]\d{3})(?!\d)")


class NestedPoints(NamedTuple):
    """All points of a finished run with one mode, in order of death, the live points last."""

    parameters: FloatArray
    """(n_points, n_params): theta, then the blobs."""
    log_likelihood: FloatArray
    log_birth: FloatArray
    """(n_points,) contours such that n_live points are alive at every death.

    MultiNest does not record them. Each dead point is replaced by one born on its contour; which
    one is not known, so the oldest contour goes to the next point to die.
    """
    log_z: float
    """Over the valid part of the prior, as is its error."""
    log_z_error: float


def read_points(folder: Path, n_params: int) -> NestedPoints:
    """Read the files of a run that did not separate modes.

    Raises
    ------
    FitpluginError
        If a file is missing or does not have the expected columns.
    """
    # ev.dat: parameters, log L, log of the prior mass, mode; in order of death
    dead = _read_table(folder / f"{ROOT}ev.dat", n_params + 3)
    # phys_live.points: parameters, log L, mode
    live = _read_table(folder / f"{ROOT}phys_live.points", n_params + 2)
    live = live[np.argsort(live[:, n_params], kind="stable")]
    n_dead, n_live = len(dead), len(live)
    log_likelihood = np.concatenate([dead[:, n_params], live[:, n_params]])
    log_z, log_z_error = _read_evidence(folder / f"{ROOT}stats.dat")
    return NestedPoints(
        parameters=np.concatenate([dead[:, :n_params], live[:, :n_params]]),
        log_likelihood=log_likelihood,
        log_birth=np.concatenate([np.full(n_live, -np.inf), log_likelihood[:n_dead]]),
        log_z=log_z,
        log_z_error=log_z_error,
    )


def parse_numbers(text: str) -> list[float]:
    """Parse numbers as Fortran writes them.

    >>> parse_numbers(" 0.1E+01 -0.93-309  0.25E-003 NaN")
    [1.0, -9.3e-310, 0.00025, nan]
    """
    return [float(word) for word in _EXPONENT_WITHOUT_E.sub(r"E\1", text).split()]


def _read_table(path: Path, n_columns: int) -> FloatArray:
    numbers = np.array(_parse(path, _read(path)))
    if len(numbers) % n_columns:
        raise FitpluginError(f"MultiNest's {path.name} does not have {n_columns} columns")
    return numbers.reshape(-1, n_columns)


def _read_evidence(path: Path) -> tuple[float, float]:
    line = next(iter(_read(path).splitlines()), "")
    words = line.partition(":")[2].replace("+/-", " ")
    numbers = _parse(path, words)
    if len(numbers) != 2:
        raise FitpluginError(f"MultiNest's {path.name} does not begin with the evidence: {line!r}")
    return numbers[0], numbers[1]


def _parse(path: Path, text: str) -> list[float]:
    try:
        return parse_numbers(text)
    except ValueError as error:
        raise FitpluginError(f"MultiNest's {path.name} cannot be read: {error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise FitpluginError(f"MultiNest did not write {path.name}: {error}") from error
