"""Oracles that know all answers already: tables of points, with and without simulated events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, Field

from fitplugin.active.base import Answer, Request, Setting
from fitplugin.arrays import FloatArray
from fitplugin.data.tables import read_table
from fitplugin.errors import InputError
from fitplugin.options import Options
from fitplugin.physics.simulated_table import point_dataset, summed_cross_sections


class TableOptions(Options):
    """A table with a column for every parameter."""

    dataset: str = Field(description="One row per point.")


class TableOracle:
    """Answers with the columns of a table: candidates are its rows inside the box."""

    Options: ClassVar[type[BaseModel]] = TableOptions

    def __init__(self, options: TableOptions, setting: Setting) -> None:
        table = read_table(options.dataset, setting.folder)
        theta = table.numbers(setting.names)
        numeric = [
            name
            for name, column in table.columns.items()
            if name not in setting.names and np.issubdtype(np.asarray(column).dtype, np.number)
        ]
        self._rows = _Rows(table.name, theta, table.numbers(numeric), numeric, setting)

    @property
    def candidates(self) -> FloatArray:
        """The rows inside the box."""
        return self._rows.theta

    def answer(self, requests: Sequence[Request]) -> Iterator[Answer]:
        """Look the points up."""
        return self._rows.answer(requests)


class SimulatedOptions(Options):
    """A table of simulated events, one row per point and process."""

    dataset: str = Field("natural_susy/efficiencies", description="As `fitplugin simulate` makes.")
    regions: tuple[str, ...] = Field(min_length=1, description="Signal regions of the table.")
    processes: tuple[str, ...] = Field(
        ("stop1", "stop2", "sbottom1"), min_length=1, description="Points must have them all."
    )


class SimulatedOracle:
    """Answers with efficiencies and cross-sections of simulated points.

    Values: ``cross_section`` [fb], ``cross_section_error`` [fb], and for every region
    ``efficiency[R]`` and ``efficiency_error[R]``, means over processes.
    """

    Options: ClassVar[type[BaseModel]] = SimulatedOptions

    def __init__(self, options: SimulatedOptions, setting: Setting) -> None:
        table = read_table(options.dataset, setting.folder)
        columns: dict[str, FloatArray] = {}
        for region in options.regions:
            data = point_dataset(table, region, options.processes)
            columns[f"efficiency[{region}]"] = data.targets[:, 0]
            columns[f"efficiency_error[{region}]"] = np.asarray(data.target_error)[:, 0]
        sigma, error, _ = summed_cross_sections(table, options.processes)
        columns |= {"cross_section": sigma, "cross_section_error": error}
        theta = np.stack([_column(data.input_names, data.inputs, n) for n in setting.names], axis=1)
        values = np.stack(list(columns.values()), axis=1)
        self._rows: _Rows = _Rows(table.name, theta, values, list(columns), setting)

    @property
    def candidates(self) -> FloatArray:
        """The points inside the box."""
        return self._rows.theta

    def answer(self, requests: Sequence[Request]) -> Iterator[Answer]:
        """Look the points up."""
        return self._rows.answer(requests)


class _Rows:
    """Points inside a box, each with its numbers."""

    def __init__(
        self, name: str, theta: FloatArray, values: FloatArray, names: list[str], setting: Setting
    ) -> None:
        low, high = setting.box.T
        inside = ((theta >= low) & (theta <= high)).all(axis=1)
        if not inside.any():
            raise InputError(name, "has no point inside the box of the parameters")
        self.theta: FloatArray = theta[inside]
        self._values, self._names, self._parameters = values[inside], names, setting.names
        self._row_of = {tuple(point): row for row, point in enumerate(self.theta.tolist())}

    def answer(self, requests: Sequence[Request]) -> Iterator[Answer]:
        for request in requests:
            row = self._row_of.get(tuple(request.theta[name] for name in self._parameters))
            if row is None:
                yield Answer(request.id, {}, "is no point of the table")
            else:
                numbers = map(float, self._values[row])
                yield Answer(request.id, dict(zip(self._names, numbers, strict=True)))


def _column(names: Sequence[str], inputs: FloatArray, name: str) -> FloatArray:
    if name not in names:
        raise InputError(f"parameters.{name}", f"is no input of the table: {', '.join(names)}")
    return inputs[:, list(names).index(name)]
