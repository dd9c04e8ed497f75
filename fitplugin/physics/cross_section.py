"""Pair-production cross-sections at the predicted masses, from a table or a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np

from fitplugin import plugins
from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.data.tables import Table, read_table
from fitplugin.errors import InputError, one_of
from fitplugin.physics.cross_section_sources import (
    CrossSectionFunction,
    Curve,
    Function,
    Source,
    source_digest,
)
from fitplugin.physics.spectrum import Spectrum


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
    last slope, to say how large it would be; NaN where a mass is not positive. ``remoteness`` is
    above 1 where a learned one extrapolates.
    """

    value: FloatArray
    error: FloatArray
    in_table: BoolArray
    by_process: Mapping[str, FloatArray]
    remoteness: FloatArray

    def take(self, rows: BoolArray) -> CrossSection:
        """Return the points where ``rows`` is True."""
        by_process = {name: column[rows] for name, column in self.by_process.items()}
        return CrossSection(
            self.value[rows], self.error[rows], self.in_table[rows], by_process,
            self.remoteness[rows],
        )  # fmt: skip


class Production(Protocol):
    """Gives the total cross-section at parameter points."""

    processes: tuple[str, ...]

    def at(
        self,
        parameters: FloatArray,
        spectrum: Spectrum,
        error_factor: Callable[[FloatArray], FloatArray],
    ) -> CrossSection:
        """Return it at (n_points, n_inputs) points, whose spectra are known.

        ``error_factor`` maps the remoteness from training points, (n_points,), to the factor on
        the error of whatever is learned here.
        """


def production_of(
    reference: str,
    processes: Sequence[str],
    folder: Path | None = None,
    *,
    allow_code: bool = False,
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
    allow_code : bool
        Whether it may be a function.

    Raises
    ------
    InputError
        If there is no such table or function, or it does not know a process.
    """
    if not is_function(reference):
        return PairProduction(read_table(reference, folder), processes)
    function = plugins.referred(reference, folder, allow_code=allow_code)
    if not callable(function):
        raise InputError(
            reference, f"is {type(function).__name__!r} and no function of (process, masses)"
        )
    return PairProduction(function, processes)


def is_function(reference: str) -> bool:
    """Whether a reference names a function, and not a table.

    >>> is_function("mine.py:sigma"), is_function("run:3/mine.csv")
    (True, False)
    """
    return ":" in reference and not reference.endswith((".csv", ".npz"))


def names_relative_file(reference: str) -> bool:
    """Whether a reference is of a file whose place depends on a folder.

    >>> names_relative_file("sigma.csv"), names_relative_file("natural_susy/cross_sections_14TeV")
    (True, False)
    """
    path = Path(reference.rpartition(":")[0] if is_function(reference) else reference)
    return path.suffix in (".csv", ".npz", ".py") and not path.is_absolute()


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
        If a process is unknown, or the table has no rows for it or rows that cannot be.
    """

    def __init__(self, source: Table | CrossSectionFunction, processes: Sequence[str]) -> None:
        self.processes = tuple(processes)
        for name in self.processes:
            if name not in PROCESSES:
                raise InputError("processes", one_of(name, PROCESSES, "a process"))
        self._curves: Mapping[str, Source]
        self.digest = source.digest if isinstance(source, Table) else source_digest(source)
        """SHA-256 of the table, or of the file that defines the function."""
        if isinstance(source, Table):
            classes = {name: PROCESSES[name].table_class for name in self.processes}
            curves = {name: Curve(source, name) for name in sorted(set(classes.values()))}
            self._curves = {name: curves[classes[name]] for name in self.processes}
        else:
            self._curves = {name: Function(source, name) for name in self.processes}

    def of(self, process: str, mass: Mapping[str, FloatArray]) -> CrossSection:
        """Return that of one process at (n_points,) exact masses [GeV]."""
        curve, own = self._curves[process], mass[PROCESSES[process].mass]
        value, relative, _ = curve(own)
        at_home = np.zeros_like(value)
        return CrossSection(value, relative * value, curve.covers(own), {process: value}, at_home)

    def at(
        self,
        parameters: FloatArray,
        spectrum: Spectrum,
        error_factor: Callable[[FloatArray], FloatArray],
    ) -> CrossSection:
        """See `Production`: `total` at the masses of the spectrum; nothing is learned here."""
        return self.total(spectrum.mass, spectrum.error)

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
        return CrossSection(total, error, in_table, by_process, np.zeros(shape))
