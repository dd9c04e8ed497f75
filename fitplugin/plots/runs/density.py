"""Smooth densities of weighted samples in one and two dimensions, by getdist.

getdist corrects kernel estimates for hard ends and chooses bandwidths from the effective sample
size (A. Lewis, arXiv:1910.13970).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.plots.runs.samples import Sample

Ends = tuple[float | None, float | None]
"""Hard ends of a quantity; None where there is none."""
LEVELS = (0.68, 0.95)
"""Posterior mass within contours and intervals."""


class Curve(NamedTuple):
    """A density on a grid: ``x`` and ``y`` (n,), the integral is one."""

    x: FloatArray
    y: FloatArray


class Plane(NamedTuple):
    """A density of two quantities: ``z`` (n_y, n_x), and the levels that enclose `LEVELS`."""

    x: FloatArray
    y: FloatArray
    z: FloatArray
    levels: tuple[float, ...]


class Densities:
    """Densities of some columns of a sample.

    Parameters
    ----------
    sample : Sample
    names : sequence of str
        Which of its columns; each must vary.
    ends : mapping of str to (low, high)
        Hard ends, for columns that have them.

    >>> x = np.random.default_rng(1).random(2000)
    >>> curve = Densities(Sample({"x": x}, np.ones(2000)), ["x"], {"x": (0.0, 1.0)}).curve("x")
    >>> bool(abs(curve.y - 1.0).max() < 0.2)
    True
    """

    def __init__(self, sample: Sample, names: Sequence[str], ends: Mapping[str, Ends]) -> None:
        # getdist speaks to the terminal while importing and loading samples
        with _quiet():
            from getdist import MCSamples, chains

            chains.print_load_details = False
            self._samples: Any = MCSamples(
                samples=np.column_stack([sample.columns[name] for name in names]),
                weights=np.asarray(sample.weights, dtype=float).copy(),
                # plain ones: names of columns may hold characters that getdist reads otherwise
                names=[f"q{number}" for number in range(len(names))],
                ranges={
                    f"q{number}": list(ends[name])
                    for number, name in enumerate(names)
                    if name in ends
                },
                sampler="nested",
                settings={"mult_bias_correction_order": 1, "fine_bins": 2048},
            )
        self._number = {name: f"q{number}" for number, name in enumerate(names)}

    def curve(self, name: str) -> Curve:
        """Return the density of one column."""
        with _quiet():
            found = self._samples.get1DDensity(self._number[name])
        y = np.maximum(np.asarray(found.P), 0.0)
        x = np.asarray(found.x)
        return Curve(x, y / np.trapezoid(y, x))

    def plane(self, x: str, y: str) -> Plane:
        """Return the density of two columns."""
        with _quiet():
            found = self._samples.get2DDensity(self._number[x], self._number[y])
            levels = found.getContourLevels(list(LEVELS))
        return Plane(
            np.asarray(found.x), np.asarray(found.y), np.asarray(found.P), tuple(map(float, levels))
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep getdist's remarks on its own bandwidths from the terminal: nobody can mend them."""
    before = logging.root.manager.disable
    handlers = list(logging.root.handlers)
    logging.disable(max(before, logging.WARNING))
    try:
        yield
    finally:
        logging.disable(before)
        logging.root.handlers[:] = handlers
