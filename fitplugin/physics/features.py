"""What a spectrum looks like in a detector: model-independent features of its decay chains.

For every kind of visible final state, missing energy and resonance: how many there are in an event
and how energetic the hardest can be, as mean and standard deviation over decay chains. Any model
with masses, decays and cross-sections has them (SCYNet, arXiv:1703.01309, section 4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.physics.chains import Chains, either, nothing, single, together
from fitplugin.physics.particles import (
    CODES,
    GLUON,
    NEUTRAL_HIGGSES,
    PHOTON,
    TOP,
    Channel,
    W,
    Z,
)
from fitplugin.physics.slha import SlhaPoint

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
    **dict.fromkeys((1, 2, 3, 4, GLUON), "jet"), 5: "b_jet", 11: "electron", 13: "muon", 15: "tau",
    **dict.fromkeys((12, 14, 16), "missing"),
    # what a chargino decays to where a quark would be too light for a jet of its own
    **dict.fromkeys((111, 211, 213, 321), "jet"),
}  # fmt: skip
_ANTI = {"electron": "positron", "muon": "antimuon", "tau": "antitau"}
_RESONANT = {W: ("W_plus", "W_minus"), Z: ("Z", "Z"), TOP: ("top", "antitop")}
_SELF_CONJUGATE = (
    GLUON, PHOTON, Z, *NEUTRAL_HIGGSES, 1000021, 1000022, 1000023, 1000025, 1000035,
)  # fmt: skip
# Measured masses [GeV] and branching fractions of the particles that SLHA files take for granted
# (Particle Data Group 2024).
_STANDARD_MASSES = {
    5: 4.18, TOP: 172.6, 15: 1.777, W: 80.37, Z: 91.19,
    111: 0.1350, 211: 0.1396, 213: 0.7753, 321: 0.4937,
}  # fmt: skip
_STANDARD_DECAYS: Mapping[int, tuple[Channel, ...]] = {
    TOP: (Channel(1.0, (W, 5)),),
    W: (
        Channel(0.3370, (2, -1)), Channel(0.3370, (4, -3)),
        Channel(0.1086, (-11, 12)), Channel(0.1086, (-13, 14)), Channel(0.1086, (-15, 16)),
    ),
    Z: (
        Channel(0.5479, (1, -1)), Channel(0.1512, (5, -5)), Channel(0.2000, (12, -12)),
        Channel(0.0337, (11, -11)), Channel(0.0337, (13, -13)), Channel(0.0337, (15, -15)),
    ),
}  # fmt: skip
_RAREST = 0.01
_DEEPEST = 12  # decays in a chain; longer ones are a circle in the file


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
        found += value / total * together(sides).moments()
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
    if abs(code) == PHOTON:  # soft ones of neutralino decays; no kind of the source
        return nothing(len(KINDS))
    own = _kind(code, point.lsp)
    channels = _channels(point, code, rarest)
    if not channels:
        if own is None:
            raise InputError(
                f"{point.name}: DECAY {abs(code)}", "it has no decays and is no final state"
            )
        return _own(own, energy)
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
        parts.append((fraction / total, together(daughters)))
    decayed = either(parts)
    return decayed if own is None else together([decayed, _own(own, energy)])


def _own(kind: str, energy: float) -> Chains:
    return single(KINDS.index(kind), energy, len(KINDS))


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
    if known in _FINAL or known == PHOTON:
        return 0.0
    raise InputError(f"{point.name}: MASS {known}", "it appears in a decay and has no mass")
