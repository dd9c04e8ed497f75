"""The parameters of a scan: which are free, in which box, and which are fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from fitplugin.arrays import FloatArray, as_points
from fitplugin.errors import InputError, one_of
from fitplugin.physics.symbols import Symbols


@dataclass(frozen=True)
class ParameterSpace:
    """Uniform priors on the free parameters, values of the fixed ones.

    Attributes
    ----------
    ranges : mapping of str to (low, high)
        The free parameters, in the order of theta's columns, in their physical units.
    fixed : mapping of str to float
    symbols : mapping of str to Symbol
        How the scan file wants its parameters written.

    >>> space = ParameterSpace({"mQ3": (100.0, 1600.0)}, {"tan_beta": 20.0})
    >>> space.prior_transform(np.array([[0.5]]))
    array([[850.]])
    >>> space.complete([[850.0]], ("tan_beta", "mQ3"))
    array([[ 20., 850.]])
    """

    ranges: Mapping[str, tuple[float, float]]
    fixed: Mapping[str, float]
    symbols: Symbols = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The free parameters, in the order of theta's columns."""
        return tuple(self.ranges)

    @property
    def n_dim(self) -> int:
        """Number of free parameters."""
        return len(self.ranges)

    @property
    def box(self) -> FloatArray:
        """(n_dim, 2) lower and upper ends of the free parameters."""
        return np.array(list(self.ranges.values()), dtype=float)

    def prior_transform(self, unit_cube: ArrayLike) -> FloatArray:
        """Map (n_points, n_dim) or (n_dim,) from the unit cube to theta, same shape."""
        low, high = self.box.T
        return np.asarray(low + np.asarray(unit_cube, dtype=float) * (high - low))

    def complete(self, theta: ArrayLike, order: tuple[str, ...]) -> FloatArray:
        """Return free and fixed parameters in another order: (n_points, len(order)).

        Raises
        ------
        InputError
            If theta has another width or is not finite.
        """
        theta = as_points(theta, self.names)
        columns = [
            theta[:, self.names.index(name)]
            if name in self.ranges
            else np.full(len(theta), self.fixed[name])
            for name in order
        ]
        return np.stack(columns, axis=1)

    def vector(self, values: Mapping[str, float]) -> FloatArray:
        """Return theta (n_dim,) of a named parameter point, the fixed ones left out."""
        return np.array([values[name] for name in self.names], dtype=float)

    @property
    def _ends(self) -> dict[str, tuple[float, float]]:
        """Where every parameter lies: fixed ones between equal ends."""
        return {name: (value, value) for name, value in self.fixed.items()} | dict(self.ranges)

    def check_within(
        self, trained: Mapping[str, tuple[float, float]], of_what: str, where: str = "parameters"
    ) -> None:
        """Refuse a space that a model cannot answer.

        Parameters
        ----------
        trained : mapping of str to (low, high)
            The inputs of the model and the box in which it was trained.
        of_what : str
            The model, as an error should name it.
        where : str
            The section of the scan file that an error should name.

        Raises
        ------
        InputError
            If a parameter is unknown to the model, one of its inputs has no value here, or a
            range or value leaves its training box.
        """
        ends = self._ends
        for name in ends:
            if name not in trained:
                raise InputError(f"{where}.{name}", one_of(name, trained, f"an input of {of_what}"))
        for name in trained:
            if name not in ends:
                raise InputError(where, f"{name}, an input of {of_what}, has no value here")
        self.check_overlap(trained, of_what, where)

    def check_overlap(
        self, trained: Mapping[str, tuple[float, float]], of_what: str, where: str = "parameters"
    ) -> None:
        """As `check_within`, for a model of which only some inputs are parameters."""
        ends = self._ends
        for name, (low, high) in trained.items():
            first, last = ends.get(name, (low, high))
            if first < low or last > high:
                came = f"{first:g}" if first == last else f"[{first:g}, {last:g}]"
                raise InputError(
                    f"{where}.{name}",
                    f"{came} leaves the box [{low:g}, {high:g}] in which {of_what} was trained",
                )
