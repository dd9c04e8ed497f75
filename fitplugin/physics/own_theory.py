"""A theory of one's own: a plain table of parameter points takes the place of spectra.

One row per point: the scan's parameters, ``cross_section`` [fb] and, if it has one, its theory
error ``cross_section_error`` [fb]; for each region ``efficiency[REGION]`` in [0, 1] and its Monte
Carlo error ``efficiency_error[REGION]``. No card is needed, and other columns are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

import numpy as np
from pydantic import BaseModel

from fitplugin.arrays import FloatArray
from fitplugin.data.tables import Table
from fitplugin.errors import InputError, one_of
from fitplugin.options import Options
from fitplugin.physics.cross_section import CrossSection
from fitplugin.physics.spectrum import Spectrum
from fitplugin.stats.gaussian import rectified
from fitplugin.surrogates import Dataset, Surrogate

CROSS_SECTION, CROSS_SECTION_ERROR = "cross_section", "cross_section_error"
_RARE = 1e-3  # probability of a gap as wide as is still taken for chance

Box = Mapping[str, tuple[float, float]]


class NoSpectrum:
    """In the place of a spectrum calculator: every point of the box is a point of the theory."""

    Options: ClassVar[type[BaseModel]] = Options
    citations: ClassVar[tuple[str, ...]] = ()

    def __init__(self, box: Box) -> None:
        self.trained = dict(box)
        """Inputs in order, each with the range in which the table has points."""
        self.masses: tuple[str, ...] = ()
        self.branching: tuple[str, ...] = ()

    def spectrum(self, parameters: FloatArray) -> Spectrum:
        """Nothing, and valid, at (n_points, n_inputs) points."""
        n = len(parameters)
        return Spectrum({}, {}, {}, np.ones(n, dtype=bool), np.ones(n), np.zeros(n))


class LearnedCrossSection:
    """Total cross-section from a surrogate of the parameters.

    Its error is the theory's, as the table has it, and that of the surrogate in quadrature.
    """

    processes: tuple[str, ...] = ()

    def __init__(self, surrogate: Surrogate) -> None:
        self._surrogate = surrogate
        self._has_error = CROSS_SECTION_ERROR in surrogate.target_names

    def at(
        self,
        parameters: FloatArray,
        spectrum: Spectrum,
        error_factor: Callable[[FloatArray], FloatArray],
    ) -> CrossSection:
        """Predict (n_points,) cross-sections [fb]; see `cross_section.Production`."""
        mean, std, remoteness = self._surrogate.examine(parameters)
        value, learned = rectified(mean[:, 0], std[:, 0])
        theory = np.maximum(mean[:, 1], 0.0) if self._has_error else np.zeros_like(value)
        error = np.hypot(theory, learned * error_factor(remoteness))
        return CrossSection(value, error, np.ones(len(value), dtype=bool), {}, remoteness)


def parameter_box(
    table: Table, ranges: Box, fixed: Mapping[str, float]
) -> dict[str, tuple[float, float]]:
    """The box in which the points of a table were drawn, as far as they tell: name to (low, high).

    It ends where the points end; at the end of a prior if the gap up to there is one that as many
    uniform draws leave with a probability of 0.1 % or more.

    Parameters
    ----------
    table : Table
    ranges : mapping of str to (low, high)
        Priors of the scanned parameters.
    fixed : mapping of str to float
        The other parameters; they are columns like all.

    Raises
    ------
    InputError
        If a parameter is no column of numbers that differ.
    """
    box = {}
    for name in (*ranges, *fixed):
        values = _column(table, name, "Every parameter of the scan is one.")
        low, high = float(values.min()), float(values.max())
        if low == high:
            raise InputError(
                f"{table.name}: {name}",
                f"is {low:g} in every row: nothing can be learned of it; leave it out of the "
                "parameters",
            )
        first, last = ranges.get(name, (low, high))
        by_chance = (1.0 - _RARE ** (1.0 / len(values))) * (high - low)
        low = first if 0 < low - first <= by_chance else low
        high = last if 0 < last - high <= by_chance else high
        box[name] = (low, high)
    return box


def cross_section_dataset(table: Table, box: Box) -> Dataset:
    """Training set of the cross-section and, if the table has it, its theory error [fb].

    Raises
    ------
    InputError
        If a number is missing, or is not that of a cross-section.
    """
    targets = [_column(table, CROSS_SECTION, "It holds fb.")]
    names = [CROSS_SECTION]
    if CROSS_SECTION_ERROR in table.columns:
        targets.append(_column(table, CROSS_SECTION_ERROR))
        names.append(CROSS_SECTION_ERROR)
        _refuse(table, CROSS_SECTION_ERROR, targets[1] <= 0,
                "must be > 0; leave the column out if the theory has no error")  # fmt: skip
    _refuse(table, CROSS_SECTION, targets[0] < 0, "must be >= 0 [fb]")
    return _dataset(table, box, np.stack(targets, axis=1), names)


def efficiency_dataset(table: Table, region: str, box: Box) -> Dataset:
    """Training set of the efficiency of one region, with its Monte Carlo error if that is known.

    Raises
    ------
    InputError
        If the table does not have the region, or a number is missing or not that of an efficiency.
    """
    name, error_name = f"efficiency[{region}]", f"efficiency_error[{region}]"
    values = _column(table, name)
    _refuse(table, name, (values < 0) | (values > 1), "must lie in [0, 1]: a fraction of events")
    error = None
    if error_name in table.columns:
        error = _column(table, error_name)
        _refuse(table, error_name, error <= 0,
                "must be > 0; where no event of n passes, 1/n is better than none")  # fmt: skip
        error = error[:, np.newaxis]
    return _dataset(table, box, values[:, np.newaxis], [name], error)


def unread_columns(
    table: Table, parameters: Iterable[str], regions: Iterable[str]
) -> tuple[str, ...]:
    """Columns that such a scan does not read."""
    read = {*parameters, CROSS_SECTION, CROSS_SECTION_ERROR}
    for region in regions:
        read |= {f"efficiency[{region}]", f"efficiency_error[{region}]"}
    return tuple(name for name in table.columns if name not in read)


def _dataset(
    table: Table,
    box: Box,
    targets: FloatArray,
    names: list[str],
    error: FloatArray | None = None,
) -> Dataset:
    inputs = table.numbers(tuple(box))
    _refuse_repeated(table, inputs)
    ends = np.array(list(box.values()), dtype=float)
    return Dataset(inputs, targets, tuple(box), tuple(names), ends, error)


def _refuse_repeated(table: Table, inputs: FloatArray) -> None:
    _, first, of_row = np.unique(inputs, axis=0, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[of_row.ravel()] != np.arange(len(inputs)))
    if len(again):
        row = again[0]
        raise InputError(
            table.name,
            f"rows {first[of_row.ravel()][row] + 1} and {row + 1} are the same point; merge them, "
            "or remove one",
        )


def _column(table: Table, name: str, what: str = "") -> FloatArray:
    if name not in table.columns:
        problem = one_of(name, table.columns, "a column")
        raise InputError(table.name, f"{problem} {what}".rstrip())
    values = table.numbers([name])[:, 0]
    _refuse(table, name, ~np.isfinite(values), "must be a number")
    return values


def _refuse(table: Table, name: str, bad: np.ndarray, problem: str) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        value = np.asarray(table.columns[name])[rows[0]]
        raise InputError(f"{table.name}: {name}", f"is {value:g} in row {rows[0] + 1}; {problem}")
