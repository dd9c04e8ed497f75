"""Particles by their PDG codes, and their decays."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

CODES: Mapping[str, int] = MappingProxyType(
    {
        "higgs": 25,
        "stop1": 1000006,
        "stop2": 2000006,
        "sbottom1": 1000005,
        "gluino": 1000021,
        "neutralino1": 1000022,
        "neutralino2": 1000023,
        "chargino1": 1000024,
    }
)
"""PDG codes of the particles whose masses a point has by name."""

SPARTICLES = range(1_000_001, 2_000_100)
SBOTTOM2 = 2_000_005
_GRAVITINO = 1_000_039
NEUTRAL = (1000012, 1000014, 1000016, 1000022, 1000023, 1000025, 1000035, _GRAVITINO)
"""Sparticles without charge or colour: sneutrinos, neutralinos, gravitino."""

TOP, GLUON, PHOTON, Z, W = 6, 21, 22, 23, 24
NEUTRAL_HIGGSES = (25, 35, 36)

_NAMES = {code: name for name, code in CODES.items()}


class Channel(NamedTuple):
    """One decay: its branching fraction, and the PDG codes of what comes out."""

    fraction: float
    products: tuple[int, ...]


def name_of(code: int) -> str:
    """Return what a particle is called in messages.

    >>> name_of(1000006), name_of(1000015)
    ('stop1', 'particle 1000015')
    """
    return _NAMES.get(code, f"particle {code}")
