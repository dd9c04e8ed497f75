"""Where cross-sections come from: the rows of a table, or a function of the user's."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from scipy.interpolate import CubicSpline

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.data.tables import Table
from fitplugin.errors import FitpluginError, InputError, one_of

CrossSectionFunction = Callable[[str, FloatArray], tuple[FloatArray, FloatArray]]
"""Cross-section of a process at (n_points,) masses [GeV]: value [fb] and relative error, NaN
where it does not know."""

_COLUMNS = ("mass_GeV", "cross_section_fb", "rel_error")


def source_digest(function: CrossSectionFunction) -> str:
    """Return the SHA-256 of the file that defines a function; '' where there is no such file."""
    try:
        file = inspect.getsourcefile(function)
        return "" if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except (TypeError, OSError):  # made at run time, or compiled
        return ""


class Source(Protocol):
    """Cross-section of one process at (n_points,) masses [GeV]."""

    def covers(self, mass: FloatArray) -> BoolArray:
        """Whether each mass is known."""

    def __call__(self, mass: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Value [fb], relative error and d ln(sigma)/d ln(mass)."""


class Function:
    """A user's function, for one process.

    The slope is a difference over 0.1 % to both sides of a mass, to one side where the other is
    not known, and NaN where neither is.
    """

    _STEP = 1e-3  # in ln(mass), for the slope

    def __init__(self, function: CrossSectionFunction, process: str) -> None:
        self._function = function
        self._process = process

    def covers(self, mass: FloatArray) -> BoolArray:
        """Whether the function gives a number at each mass."""
        return np.isfinite(self._ask(mass)[0])

    def __call__(self, mass: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Value [fb], relative error and d ln(sigma)/d ln(mass), at (n_points,) masses [GeV]."""
        value, relative = self._ask(mass)
        here = np.log(value)
        rise, width = np.zeros_like(here), np.zeros_like(here)
        for step in (self._STEP, -self._STEP):
            there = np.log(self._ask(mass * np.exp(step))[0])
            known = np.isfinite(there)
            rise += np.where(known, np.sign(step) * (there - here), 0.0)
            width += np.where(known, self._STEP, 0.0)
        return value, relative, rise / np.where(width > 0, width, np.nan)

    def _ask(self, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
        where = f"cross-section of {self._process}"
        try:
            answer = self._function(self._process, mass.copy())
        except FitpluginError:
            raise
        except Exception as error:  # a guest's; told in one line, with where it came from
            reason = f"{type(error).__name__}: {error}"
            raise InputError(where, f"its function fails at {_span(mass)}: {reason}") from error
        try:
            value, relative = (np.asarray(column, dtype=float) for column in answer)
        except (TypeError, ValueError) as error:
            raise InputError(where, f"must be a value and a relative error: {error}") from error
        for column in (value, relative):
            if column.shape != mass.shape:
                raise InputError(where, f"has shape {column.shape} for {mass.shape} masses")
        bad = (value <= 0) | np.isinf(value) | (relative < 0)
        bad |= np.isfinite(value) & ~np.isfinite(relative)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise InputError(
                where,
                f"is {value[row]:g} fb with relative error {relative[row]:g} at "
                f"{mass[row]:g} GeV; NaN says that it is not known",
            )
        return value, relative


def _span(mass: FloatArray) -> str:
    low, high = np.min(mass), np.max(mass)
    return f"{low:g} GeV" if low == high else f"{low:g} to {high:g} GeV"


class Curve:
    """One class of processes in a table: ln(sigma) as a cubic spline of ln(mass).

    Raises
    ------
    InputError
        Naming the table: fewer than two rows, no numbers, or numbers that are no cross-sections.
    """

    def __init__(self, table: Table, table_class: str) -> None:
        mass, sigma, relative = _rows(table, table_class)
        self._low, self._high = mass.min(), mass.max()
        self._log_sigma = CubicSpline(np.log(mass), np.log(sigma))
        self._slope = self._log_sigma.derivative()
        self._relative = CubicSpline(np.log(mass), relative)

    def covers(self, mass: FloatArray) -> BoolArray:
        """Whether each mass lies in the table."""
        return np.asarray((mass >= self._low) & (mass <= self._high))

    def __call__(self, mass: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Value [fb], relative error and d ln(sigma)/d ln(mass), at (n_points,) masses [GeV]."""
        log_mass = np.log(np.where(mass > 0, mass, np.nan))
        inside = np.clip(log_mass, np.log(self._low), np.log(self._high))
        slope = self._slope(inside)
        value = np.exp(self._log_sigma(inside) + slope * (log_mass - inside))
        return value, self._relative(inside), slope


def _rows(table: Table, table_class: str) -> FloatArray:
    """Mass, cross-section and relative error of one class, in order of mass, (3, n_rows)."""
    for name in ("process", *_COLUMNS):
        if name not in table.columns:
            raise InputError(table.name, one_of(name, table.columns, "a column"))
    chosen = table.columns["process"] == table_class
    if not chosen.any():
        raise InputError(table.name, f"has no rows for {table_class}")
    rows = table.numbers(_COLUMNS)[chosen]
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    mass, sigma, relative = rows.T
    bad = ~(np.isfinite(rows).all(axis=1) & (mass > 0) & (sigma > 0) & (relative >= 0))
    if bad.any():
        row = rows[bad][0]
        raise InputError(
            table.name,
            f"{table_class} at {row[0]:g} GeV is {row[1]:g} fb with relative error {row[2]:g}; "
            "masses and cross-sections must be positive, errors not negative",
        )
    if (np.diff(mass) == 0).any():
        twice = mass[1:][np.diff(mass) == 0][0]
        raise InputError(table.name, f"{table_class} has two rows at {twice:g} GeV")
    if len(mass) < 2:
        raise InputError(table.name, f"{table_class} has one row; a curve needs two or more")
    return np.asarray(rows.T)
