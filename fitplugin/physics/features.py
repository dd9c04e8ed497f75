"""What a spectrum looks like in a detector: model-independent features of its decay chains.

For every kind of visible final state, missing energy and resonance: how many there are in an event
and how energetic the hardest can be, as mean and standard deviation over decay chains. Any model
with masses, decays and cross-sections has them (SCYNet, arXiv:1703.01309, section 4).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.physics.slha import CODES, Channel, SlhaPoint

FINAL_STATES = (
    "jet", "b_jet", "electron", "positron", "muon", "antimuon", "tau", "antitau", "missing",
)  # fmt: skip
RESONANCES = ("W_plus", "W_minus", "Z", "top", "antitop")
KINDS = (*FINAL_STATES, *RESONANCES)
NAMES = tuple(
    f"{quantity}_{kind}_{moment}"
    for kind in KINDS
    for quantity, moment in product(("n", "energy"), ("mean", "std"))
)
"""Names of the 56 features: multiplicities, and largest energies [GeV]."""

_FINAL = {
    **dict.fromkeys((1, 2, 3, 4, 21), "jet"), 5: "b_jet", 11: "electron", 13: "muon", 15: "tau",
    **dict.fromkeys((12, 14, 16), "missing"),
    # what a chargino decays to where a quark would be too light for a jet of its own
    **dict.fromkeys((111, 211, 213, 321), "jet"),
}  # fmt: skip
_ANTI = {"electron": "positron", "muon": "antimuon", "tau": "antitau"}
_RESONANT = {24: ("W_plus", "W_minus"), 23: ("Z", "Z"), 6: ("top", "antitop")}
_PHOTON, _GLUON, _TOP, _W, _Z = 22, 21, 6, 24, 23
_SELF_CONJUGATE = (_GLUON, _PHOTON, _Z, 25, 35, 36, 1000021, 1000022, 1000023, 1000025, 1000035)
# Measured masses [GeV] and branching fractions of the particles that SLHA files take for granted
# (Particle Data Group 2024).
_STANDARD_MASSES = {
    5: 4.18, _TOP: 172.6, 15: 1.777, _W: 80.37, _Z: 91.19,
    111: 0.1350, 211: 0.1396, 213: 0.7753, 321: 0.4937,
}  # fmt: skip
_STANDARD_DECAYS: Mapping[int, tuple[Channel, ...]] = {
    _TOP: (Channel(1.0, (_W, 5)),),
    _W: (
        Channel(0.3370, (2, -1)), Channel(0.3370, (4, -3)),
        Channel(0.1086, (-11, 12)), Channel(0.1086, (-13, 14)), Channel(0.1086, (-15, 16)),
    ),
    _Z: (
        Channel(0.5479, (1, -1)), Channel(0.1512, (5, -5)), Channel(0.2000, (12, -12)),
        Channel(0.0337, (11, -11)), Channel(0.0337, (13, -13)), Channel(0.0337, (15, -15)),
    ),
}  # fmt: skip
_RAREST = 0.01
_DEEPEST = 12  # decays in a chain; longer ones are a circle in the file


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
        Expectation of the number of each of `KINDS`, and of its square.
    hardest : tuple of Distribution
    """

    mean: FloatArray
    square: FloatArray
    hardest: tuple[Distribution, ...]


_ABSENT = Distribution(np.zeros(1), np.ones(1))
_NOTHING = Chains(np.zeros(len(KINDS)), np.zeros(len(KINDS)), (_ABSENT,) * len(KINDS))


def features(
    point: SlhaPoint, cross_sections: Mapping[str, float], rarest: float = _RAREST
) -> FloatArray:
    """Return the 56 features of a point, in the order of `NAMES`.

    Parameters
    ----------
    point : SlhaPoint
    cross_sections : mapping of str to float
        Pair production of sparticles, keys of `CODES` [fb]; they weigh the processes.
    rarest : float
        Decays with smaller branching fractions are left out.

    Raises
    ------
    InputError
        If a particle in a chain has neither mass nor decays, or there is no cross-section.

    Source: arXiv:1703.01309, section 4.1; largest energies by equations 3 and 4.
    """
    total = sum(cross_sections.values())
    if not (cross_sections and min(cross_sections.values()) >= 0 and 0 < total < math.inf):
        raise InputError(point.name, "needs cross-sections >= 0, and one that is positive")
    found = np.zeros(len(NAMES))
    for process, value in cross_sections.items():
        code = CODES[process]
        sides = [_chains(point, side, point.mass_of[code], rarest, 0) for side in (code, -code)]
        found += value / total * _moments(_together(sides))
    return found


def largest_energy(mother: float, mass: float, others: float) -> float:
    """Return the largest energy of a daughter in the rest frame of its mother [GeV].

    Parameters
    ----------
    mother, mass : float
        Masses of the mother and of the daughter [GeV].
    others : float
        Sum of the masses of the other daughters [GeV].

    Source: arXiv:1703.01309, equation 3.

    >>> largest_energy(100.0, 0.0, 60.0)  # (100^2 - 60^2) / (2 x 100)
    32.0
    """
    above = mother**2 - (others + mass) ** 2
    below = mother**2 - (others - mass) ** 2
    return math.sqrt(max(above, 0.0) * max(below, 0.0) / (2 * mother) ** 2 + mass**2)


def _chains(point: SlhaPoint, code: int, energy: float, rarest: float, depth: int) -> Chains:
    """Follow a particle of that energy in the laboratory through all of its decays."""
    if depth > _DEEPEST:
        raise InputError(f"{point.name}: DECAY {abs(code)}", "its chain of decays has no end")
    if abs(code) == _PHOTON:  # soft ones of neutralino decays; no kind of the source
        return _NOTHING
    own = _kind(code, point.lsp)
    channels = _channels(point, code, rarest)
    if not channels:
        if own is None:
            raise InputError(
                f"{point.name}: DECAY {abs(code)}", "it has no decays and is no final state"
            )
        return _single(own, energy)
    mass = _mass(point, code)
    boost = max(energy / mass, 1.0)
    total = sum(channel.fraction for channel in channels)
    parts = []
    for fraction, products in channels:
        masses = [_mass(point, daughter) for daughter in products]
        daughters = [
            _chains(
                point, daughter, boost * largest_energy(mass, m, sum(masses) - m), rarest,
                depth + 1,
            )
            for daughter, m in zip(products, masses, strict=True)
        ]  # fmt: skip
        parts.append((fraction / total, _together(daughters)))
    either = _either(parts)
    return either if own is None else _together([either, _single(own, energy)])


def _channels(point: SlhaPoint, code: int, rarest: float) -> tuple[Channel, ...]:
    """Decays of a particle that are frequent enough; those of an antiparticle conjugated."""
    known = abs(code)
    if known == abs(point.lsp) or known in _FINAL:
        return ()
    listed = point.decays.get(known) or _STANDARD_DECAYS.get(known, ())
    kept = tuple(channel for channel in listed if channel.fraction > rarest)
    if code > 0 or known in _SELF_CONJUGATE:
        return kept
    return tuple(Channel(c.fraction, tuple(map(_conjugate, c.products))) for c in kept)


def _conjugate(code: int) -> int:
    return code if abs(code) in _SELF_CONJUGATE else -code


def _kind(code: int, lsp: int) -> str | None:
    known = abs(code)
    if known == abs(lsp):
        return "missing"
    if known in _RESONANT:
        return _RESONANT[known][code < 0]
    name = _FINAL.get(known)
    return _ANTI.get(name, name) if name and code < 0 else name


def _mass(point: SlhaPoint, code: int) -> float:
    known = abs(code)
    if known in point.mass_of:
        return abs(point.mass_of[known])
    if known in _STANDARD_MASSES:
        return _STANDARD_MASSES[known]
    if known in _FINAL or known == _PHOTON:
        return 0.0
    raise InputError(f"{point.name}: MASS {known}", "it appears in a decay and has no mass")


def _single(kind: str, energy: float) -> Chains:
    """The one chain of a final state or resonance: itself."""
    index = KINDS.index(kind)
    counts = np.zeros(len(KINDS))
    counts[index] = 1.0
    hardest = [_ABSENT] * len(KINDS)
    hardest[index] = Distribution(np.array([energy]), np.ones(1))
    return Chains(counts, counts.copy(), tuple(hardest))


def _together(parts: Sequence[Chains]) -> Chains:
    """Combine independent chains of one event: numbers add, the hardest of all is the hardest."""
    mean = np.sum([part.mean for part in parts], axis=0)
    variance = np.sum([part.square - part.mean**2 for part in parts], axis=0)
    hardest = tuple(
        _maximum([part.hardest[index] for part in parts]) for index in range(len(KINDS))
    )
    return Chains(mean, variance + mean**2, hardest)


def _either(parts: Iterable[tuple[float, Chains]]) -> Chains:
    """Mix the chains of exclusive decays, by their probabilities."""
    parts = list(parts)
    weights = np.array([weight for weight, _ in parts])
    hardest = []
    for index in range(len(KINDS)):
        each = [chains.hardest[index] for _, chains in parts]
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


def _moments(chains: Chains) -> FloatArray:
    spread = np.sqrt(np.maximum(chains.square - chains.mean**2, 0.0))
    rows = [
        (mean, std, one.mean(), math.sqrt(one.variance()))
        for mean, std, one in zip(chains.mean, spread, chains.hardest, strict=True)
    ]
    return np.array(rows).ravel()
