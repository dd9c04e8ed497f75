"""Pair-production cross-sections from tables, at the predicted masses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np
from scipy.interpolate import CubicSpline

from fitplugin import plugins
from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.data.tables import Table, read_table
from fitplugin.errors import InputError, one_of


class Process(NamedTuple):
    """One production process: the mass that fixes it and the rows of the table it uses."""

    mass: str
    table_class: str


PROCESSES: Mapping[str, Process] = MappingProxyType(
    {
        "stop1": Process("m_stop1", "squark3_pair"),
        "stop2": Process("m_stop2", "squark3_pair"),
        "sbottom1": Process("m_sbottom1", "squark3_pair"),
        "gluino": Process("m_gluino", "gluino_pair"),
    }
)


class CrossSection(NamedTuple):
    """Total cross-section and its error, and that of each process, (n_points,) in fb.

    Where a mass is outside the table, ``in_table`` is False and the value continues the table's
    last slope, to say how large it would be; NaN where a mass is not positive.
    """

    value: FloatArray
    error: FloatArray
    in_table: BoolArray
    by_process: Mapping[str, FloatArray]

    def take(self, rows: BoolArray) -> CrossSection:
        """Return the points where ``rows`` is True."""
        by_process = {name: column[rows] for name, column in self.by_process.items()}
        return CrossSection(self.value[rows], self.error[rows], self.in_table[rows], by_process)


CrossSectionFunction = Callable[[str, FloatArray], tuple[FloatArray, FloatArray]]
"""Cross-section of a process at (n_points,) masses [GeV]: value [fb] and relative error, NaN
where it does not know."""


def production_of(
    reference: str, processes: Sequence[str], folder: Path | None = None
) -> PairProduction:
    """Return the cross-sections that a reference names.

    Parameters
    ----------
    reference : str
        A shipped table, the path of one, or a `CrossSectionFunction`:
        ``package.module:function`` or ``file.py:function``.
    processes : sequence of str
        Names from `PROCESSES`.
    folder : path, optional
        Where relative paths start.

    Raises
    ------
    InputError
        If there is no such table or function, or it does not know a process.
    """
    if ":" in reference:
        return PairProduction(plugins.referred(reference, folder), processes)
    return PairProduction(read_table(reference, folder), processes)


class PairProduction:
    """Total cross-section of several processes.

    Parameters
    ----------
    source : Table or CrossSectionFunction
        A table has the columns ``process``, ``mass_GeV``, ``cross_section_fb``, ``rel_error``.
    processes : sequence of str
        Names from `PROCESSES`.

    Raises
    ------
    InputError
        If a process is unknown or the table has no rows for it.
    """

    def __init__(self, source: Table | CrossSectionFunction, processes: Sequence[str]) -> None:
        self.processes = tuple(processes)
        for name in self.processes:
            if name not in PROCESSES:
                raise InputError("processes", one_of(name, PROCESSES, "a process"))
        self._curves: Mapping[str, _Source]
        if isinstance(source, Table):
            classes = {name: PROCESSES[name].table_class for name in self.processes}
            curves = {name: _Curve(source, name) for name in sorted(set(classes.values()))}
            self._curves = {name: curves[classes[name]] for name in self.processes}
        else:
            self._curves = {name: _Function(source, name) for name in self.processes}

    def of(self, process: str, mass: Mapping[str, FloatArray]) -> CrossSection:
        """Return that of one process at (n_points,) exact masses [GeV]."""
        curve, own = self._curves[process], mass[PROCESSES[process].mass]
        value, relative, _ = curve(own)
        return CrossSection(value, relative * value, curve.covers(own), {process: value})

    def total(
        self, mass: Mapping[str, FloatArray], mass_error: Mapping[str, FloatArray]
    ) -> CrossSection:
        """Sum the processes at (n_points,) masses [GeV].

        The table's errors (scale, PDF, alpha_s) are common to all processes and add linearly;
        those of the predicted masses are independent and add in quadrature.
        """
        shape = np.shape(mass[PROCESSES[self.processes[0]].mass])
        total, common, independent = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        in_table = np.ones(shape, dtype=bool)
        by_process = {}
        for name in self.processes:
            process = PROCESSES[name]
            curve = self._curves[name]
            value, relative, slope = curve(mass[process.mass])
            in_table &= curve.covers(mass[process.mass])
            shift = slope * mass_error[process.mass] / mass[process.mass]
            by_process[name] = value
            total += value
            common += relative * value
            independent += np.square(shift * value)
        error = np.sqrt(np.square(common) + independent)
        return CrossSection(total, error, in_table, by_process)


class _Source(Protocol):
    """Cross-section of one process at (n_points,) masses [GeV]."""

    def covers(self, mass: FloatArray) -> BoolArray:
        """Whether each mass is known."""

    def __call__(self, mass: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Value [fb], relative error and d ln(sigma)/d ln(mass)."""


class _Function:
    """A user's function, for one process."""

    _STEP = 1e-3  # in ln(mass), for the slope

    def __init__(self, function: CrossSectionFunction, process: str) -> None:
        self._function = function
        self._process = process

    def covers(self, mass: FloatArray) -> BoolArray:
        return np.isfinite(self._ask(mass)[0])

    def __call__(self, mass: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        value, relative = self._ask(mass)
        above, below = (self._ask(mass * np.exp(step))[0] for step in (self._STEP, -self._STEP))
        return value, relative, np.log(above / below) / (2 * self._STEP)

    def _ask(self, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
        where = f"cross-section of {self._process}"
        try:
            value, relative = (
                np.asarray(column, dtype=float) for column in self._function(self._process, mass)
            )
        except (TypeError, ValueError) as error:
            raise InputError(where, f"must be a value and a relative error: {error}") from error
        for column in (value, relative):
            if column.shape != mass.shape:
                raise InputError(where, f"has shape {column.shape} for {mass.shape} masses")
        bad = (value <= 0) | (relative < 0) | (np.isfinite(value) & ~np.isfinite(relative))
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise InputError(
                where,
                f"is {value[row]:g} fb with relative error {relative[row]:g} at "
                f"{mass[row]:g} GeV; NaN says that it is not known",
            )
        return value, relative


class _Curve:
    """One class of processes: ln(sigma) as a cubic spline of ln(mass)."""

    def __init__(self, table: Table, table_class: str) -> None:
        rows = table.columns["process"] == table_class
        if not rows.any():
            raise InputError(table.name, f"has no rows for {table_class}")
        mass, sigma, relative = table.numbers(
            ["mass_GeV", "cross_section_fb", "rel_error"]
        )[rows].T  # fmt: skip
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
