"""What a simulation cannot stand on in an SLHA file, refused with block or particle named."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from fitplugin.errors import InputError
from fitplugin.physics.particles import CODES, NEUTRAL, SPARTICLES, Channel, name_of

_MIXINGS = {"NMIX": 4, "UMIX": 2, "VMIX": 2, "STOPMIX": 2, "SBOTMIX": 2}


def refuse_failed(document: Any, name: str) -> None:
    """Refuse what the program that wrote the file declared as failed: SPINFO 4."""
    info = document.blocks.get("SPINFO")
    if info is not None and info.has_key(4):
        raise InputError(f"{name}: SPINFO 4", f"the spectrum program reports: {info[4]}")


def number(value: Any, where: str) -> float:
    """Return a finite number, or refuse what is none."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise InputError(where, f"{value!r} is no number") from None
    if not math.isfinite(found):
        raise InputError(where, f"{found} is no mass or parameter")
    return found


def require_masses(masses: Mapping[int, float], name: str) -> None:
    """Refuse a spectrum without the particles of `CODES`, or with squares below zero."""
    for particle, code in CODES.items():
        if code not in masses:
            raise InputError(f"{name}: MASS {code}", f"there is no mass of {particle}; is it cut?")
        if masses[code] < 0 and "neutralino" not in particle:
            raise InputError(f"{name}: MASS {code}", f"{masses[code]:g} GeV is no mass")


def neutral_lsp(masses: Mapping[int, float], name: str) -> int:
    """Return the PDG code of the lightest sparticle; refuse one with charge or colour."""
    lsp = min((code for code in masses if code in SPARTICLES), key=lambda code: abs(masses[code]))
    if lsp not in NEUTRAL:
        raise InputError(
            f"{name}: MASS {lsp}",
            f"the lightest sparticle is {name_of(lsp)} with "
            f"{masses[lsp]:g} GeV: charged or coloured; missing momentum needs a neutral one",
        )
    return lsp


def require_decays(
    produced: Iterable[int],
    decays: Mapping[int, tuple[Channel, ...]],
    widths: Mapping[int, float | None],
    lsp: int,
    name: str,
) -> None:
    """Refuse sparticles that would be stable: the produced ones and all that they decay to."""
    waiting, seen = list(produced), {lsp}
    while waiting:
        code = waiting.pop()
        if code in seen:
            continue
        seen.add(code)
        if not decays.get(code):
            raise InputError(
                f"{name}: DECAY {code}",
                f"{name_of(code)} has no decays; let the spectrum program "
                "write decay tables, or add those of another program",
            )
        # Pythia keeps a particle without width stable, and where it is NaN takes decays of its own
        width = widths[code]
        if width is None or not (math.isfinite(width) and width > 0):
            raise InputError(
                f"{name}: DECAY {code}",
                f"the width of {name_of(code)} is "
                f"{'NaN' if width is None else f'{width:g}'} GeV; it must be positive, or the "
                "generator would not decay it by this table",
            )
        daughters = {abs(product) for _, products in decays[code] for product in products}
        waiting += [daughter for daughter in daughters if daughter in SPARTICLES]


def require_mixings(document: Any, name: str) -> None:
    """Refuse mixing matrices that are not whole: a generator would quietly take its own."""
    for block, size in _MIXINGS.items():
        for row, column in product(range(1, size + 1), repeat=2):
            if block not in document.blocks or not document.blocks[block].has_key((row, column)):
                raise InputError(f"{name}: {block}", "is missing or not complete; is the file cut?")
            number(document.blocks[block][row, column], f"{name}: {block} {row} {column}")
