"""Numbers and largest energies of many kinds of particles, over the chains of a decay.

What comes out of independent decays, and of exclusive ones, by the laws of probability; which
particles there are, and how they decay, is left to `features`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray


class Distribution(NamedTuple):
    """Largest energy of one kind in a chain: (n,) ascending values and their probabilities.

    The value 0 stands for chains without it.
    """

    values: FloatArray
    probabilities: FloatArray

    def mean(self) -> float:
        """Expectation."""
        return float(self.values @ self.probabilities)

    def variance(self) -> float:
        """Second central moment."""
        return float(np.square(self.values - self.mean()) @ self.probabilities)


class Chains(NamedTuple):
    """All chains of a particle: moments of its multiplicities, and its largest energies, by kind.

    Attributes
    ----------
    mean, square : (n_kinds,) arrays
        Expectation of the number of each kind, and of its square.
    hardest : tuple of Distribution
    """

    mean: FloatArray
    square: FloatArray
    hardest: tuple[Distribution, ...]

    def moments(self) -> FloatArray:
        """Mean and standard deviation of number and largest energy, (4 n_kinds,), kind by kind."""
        spread = np.sqrt(np.maximum(self.square - self.mean**2, 0.0))
        rows = [
            (mean, std, one.mean(), math.sqrt(one.variance()))
            for mean, std, one in zip(self.mean, spread, self.hardest, strict=True)
        ]
        return np.array(rows).ravel()


_ABSENT = Distribution(np.zeros(1), np.ones(1))


def nothing(n_kinds: int) -> Chains:
    """Return the one chain of what leaves nothing that is counted."""
    return Chains(np.zeros(n_kinds), np.zeros(n_kinds), (_ABSENT,) * n_kinds)


def single(index: int, energy: float, n_kinds: int) -> Chains:
    """Return the one chain of a final state or resonance, that of a kind by index: itself."""
    counts = np.zeros(n_kinds)
    counts[index] = 1.0
    hardest = [_ABSENT] * n_kinds
    hardest[index] = Distribution(np.array([energy]), np.ones(1))
    return Chains(counts, counts.copy(), tuple(hardest))


def together(parts: Sequence[Chains]) -> Chains:
    """Combine independent chains of one event: numbers add, the hardest of all is the hardest."""
    mean = np.sum([part.mean for part in parts], axis=0)
    variance = np.sum([part.square - part.mean**2 for part in parts], axis=0)
    by_kind = zip(*(part.hardest for part in parts), strict=True)
    return Chains(mean, variance + mean**2, tuple(map(_maximum, by_kind)))


def either(parts: Iterable[tuple[float, Chains]]) -> Chains:
    """Mix the chains of exclusive decays, by their probabilities."""
    parts = list(parts)
    weights = np.array([weight for weight, _ in parts])
    hardest = []
    for each in zip(*(chains.hardest for _, chains in parts), strict=True):
        values = np.concatenate([one.values for one in each])
        shares = np.concatenate(
            [weight * one.probabilities for weight, one in zip(weights, each, strict=True)]
        )
        hardest.append(_merged(values, shares))
    return Chains(
        weights @ np.array([chains.mean for _, chains in parts]),
        weights @ np.array([chains.square for _, chains in parts]),
        tuple(hardest),
    )


def _maximum(each: Sequence[Distribution]) -> Distribution:
    """Distribution of the largest of independent values: cumulative probabilities multiply."""
    each = [one for one in each if len(one.values) > 1 or one.values[0] > 0]
    if not each:
        return _ABSENT
    values = np.unique(np.concatenate([one.values for one in each]))
    below = np.ones(len(values))
    for one in each:
        steps = np.concatenate([[0.0], np.cumsum(one.probabilities)])
        below *= steps[np.searchsorted(one.values, values, side="right")]
    shares = np.diff(below, prepend=0.0)
    return Distribution(values[shares > 0], shares[shares > 0])


def _merged(values: FloatArray, shares: FloatArray) -> Distribution:
    distinct, place = np.unique(values, return_inverse=True)
    return Distribution(distinct, np.bincount(place, shares).astype(np.float64))
