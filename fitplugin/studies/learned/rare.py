"""New points where the target is rare: the two strategies of arXiv:1703.01309, section 3.2.

A network learns worst what it has seen least. Both strategies look at the points whose target lies
in the rare ranges, and propose others like them, to be simulated and added:
``density`` draws from the probability density of all of them together, a Gaussian kernel density
estimate with Scott's bandwidth; ``seeded`` draws around each of them in turn, from a narrow
Gaussian.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import gaussian_kde

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.errors import InputError
from fitplugin.surrogates import Dataset

Strategy = Literal["density", "seeded"]
_BINS = 10
_RARE = 0.5  # of the mean number of points per bin
_LARGEST_BATCH = 4096
_MAX_TRIES = 1000


class Rare(NamedTuple):
    """Proposed points: (n_points, n_inputs) inputs inside the box; which ranges, and how many."""

    inputs: FloatArray
    ranges: tuple[tuple[float, float], ...]
    n_rare: int


def rare_ranges(target: FloatArray) -> tuple[tuple[float, float], ...]:
    """Return where the target is rare: tenths of its range with under half as many points as mean.

    Neighbouring ones are joined.

    >>> rare_ranges(np.array([0.0] * 50 + [3.0] + [10.0] * 50))
    ((1.0, 9.0),)
    """
    counts, edges = np.histogram(target, bins=_BINS)
    ranges: list[tuple[float, float]] = []
    for count, low, high in zip(counts, edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if count >= _RARE * len(target) / _BINS:
            continue
        if ranges and ranges[-1][1] == low:
            ranges[-1] = (ranges[-1][0], high)
        else:
            ranges.append((low, high))
    return tuple(ranges)


def propose(
    dataset: Dataset,
    n_points: int,
    strategy: Strategy,
    rng: np.random.Generator,
    ranges: Sequence[tuple[float, float]] | None = None,
    width: float = 0.02,
) -> Rare:
    """Propose new points where the target is rare.

    Parameters
    ----------
    dataset : Dataset
        One target.
    n_points : int
    strategy : {"density", "seeded"}
    rng : numpy.random.Generator
    ranges : sequence of (low, high), optional
        Of the target; default: `rare_ranges`.
    width : float
        seeded: standard deviation of the narrow Gaussian, in widths of the box.

    Raises
    ------
    InputError
        If no range is rare, too few points lie there, or hardly any draw falls into the box.
    """
    target = dataset.targets[:, 0]
    chosen = tuple(ranges) if ranges else rare_ranges(target)
    if not chosen:
        raise InputError("--between", "no range is rare; name one")
    rows: BoolArray = np.any([(target >= low) & (target <= high) for low, high in chosen], axis=0)
    seeds = dataset.inputs[rows]
    n_needed = seeds.shape[1] + 1 if strategy == "density" else 1
    if len(seeds) < n_needed:
        raise InputError(
            "--between", f"{len(seeds)} points lie there; the strategy {strategy} needs {n_needed}"
        )
    low, high = dataset.ranges.T
    unit = (seeds - low) / (high - low)
    found: list[FloatArray] = []
    n_found = 0
    for _ in range(_MAX_TRIES):
        missing = n_points - n_found
        if missing <= 0:
            break
        drawn = _DRAW[strategy](unit, min(2 * missing, _LARGEST_BATCH), n_found, width, rng)
        inside = drawn[((drawn >= 0) & (drawn <= 1)).all(axis=1)][:missing]
        found.append(inside)
        n_found += len(inside)
    if n_found < n_points:
        raise InputError("--width", f"only {n_found} of {n_points} draws fall into the box")
    return Rare(low + np.concatenate(found) * (high - low), chosen, len(seeds))


def _from_density(
    unit: FloatArray, n: int, start: int, width: float, rng: np.random.Generator
) -> FloatArray:
    return np.asarray(gaussian_kde(unit.T).resample(n, seed=rng).T)


def _around_each(
    unit: FloatArray, n: int, start: int, width: float, rng: np.random.Generator
) -> FloatArray:
    # every seed has its turn
    rows = (start + np.arange(n)) % len(unit)
    return np.asarray(unit[rows] + width * rng.standard_normal((n, unit.shape[1])))


_DRAW = {"density": _from_density, "seeded": _around_each}


def rare_columns(found: Rare, names: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Return the columns of a table of the proposed points."""
    return dict(zip(names, found.inputs.T, strict=True))
