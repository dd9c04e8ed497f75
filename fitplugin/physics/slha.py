"""SLHA files (arXiv:hep-ph/0311123, arXiv:0801.0045): masses and decays of a point.

Read by pyslha; refused by `slha_checks` where a simulation could not stand on them.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fitplugin.errors import InputError, one_of
from fitplugin.extras import require
from fitplugin.physics.natural_susy import SLHA_ENTRIES
from fitplugin.physics.particles import CODES, NEUTRAL_HIGGSES, SBOTTOM2, TOP, Channel, W, Z
from fitplugin.physics.slha_checks import (
    neutral_lsp,
    number,
    refuse_failed,
    require_decays,
    require_masses,
    require_mixings,
)

INSTALL = "pip install 'fitplugin[simulation]'"

_SQUARKS = ("stop1", "stop2", "sbottom1")

# Programs leave out channels below 1e-4 or so and round the others.
_INCOMPLETE = 0.01
_RARE = 1e-3


def entry(text: str) -> tuple[str, int]:
    """Return block and index of ``BLOCK:INDEX``.

    Raises
    ------
    InputError
        If it is something else.

    >>> entry("EXTPAR:23")
    ('EXTPAR', 23)
    """
    block, _, index = text.partition(":")
    if not block.strip() or not index.strip().isdigit():
        raise InputError(text, "is no place in an SLHA file; write BLOCK:INDEX, as in EXTPAR:23")
    return block.strip().upper(), int(index)


@dataclass(frozen=True)
class SlhaPoint:
    """What an SLHA file says of a parameter point.

    Attributes
    ----------
    name : str
    masses : mapping of str to float
        ``m_higgs``, ``m_stop1``, ... [GeV]; those of neutralinos carry their sign.
    branching : mapping of str to float
        ``br_X_top``: into a top quark and no squark; ``br_X_bottom``: into neither, so a bottom
        quark or, for light stops, a charm; ``br_X_W_squark``, ``br_X_Zh_squark``: into a boson and
        a lighter squark. Channels below 0.1 % are left out, as in the shipped spectra.
    mass_of : mapping of int to float
        All masses of the file by PDG code [GeV].
    decays : mapping of int to tuple of Channel
        All decays of the file by PDG code.
    parameters : mapping of str to float
        Those that were asked for and are there.
    lsp : int
        PDG code of the lightest sparticle; it is neutral.
    """

    name: str
    masses: Mapping[str, float]
    branching: Mapping[str, float]
    mass_of: Mapping[int, float]
    decays: Mapping[int, tuple[Channel, ...]]
    parameters: Mapping[str, float]
    lsp: int


def read_slha(
    text: str,
    name: str,
    parameters: Mapping[str, tuple[str, int]] = SLHA_ENTRIES,
    produced: Iterable[str] = _SQUARKS,
) -> SlhaPoint:
    """Read an SLHA file, and check that a simulation can stand on it.

    Parameters
    ----------
    text : str
        The whole file.
    name : str
        Of the point, for errors.
    parameters : mapping of str to (block, index)
        Where the parameters of the model stand; those that are not there are left out.
    produced : iterable of str
        Sparticles that will be produced: keys of `CODES`.

    Raises
    ------
    InputError
        Naming the point, the block or particle, and what is wrong: empty, no SLHA, cut off, masses
        missing or not finite, mixings that are not complete, a produced sparticle or one that it
        decays to without decays or without a positive width, branching fractions that do not add
        up, a charged or coloured lightest sparticle, or an error of the program that wrote it.
    MissingExtraError
        If pyslha is not installed.
    """
    document = _parsed(text, name)
    refuse_failed(document, name)
    masses = {
        code: number(document.blocks["MASS"][code], f"{name}: MASS {code}")
        for code in document.blocks["MASS"].keys()  # noqa: SIM118 - a block is no mapping
    }
    produced = tuple(produced)
    for particle in produced:
        if particle not in CODES:
            raise InputError(f"{name}: produced", one_of(particle, CODES, "a particle here"))
    require_masses(masses, name)
    lsp = neutral_lsp(masses, name)
    decays = {
        code: _channels(decay, f"{name}: DECAY {code}") for code, decay in document.decays.items()
    }
    widths = {code: decay.totalwidth for code, decay in document.decays.items()}
    require_decays((CODES[particle] for particle in produced), decays, widths, lsp, name)
    require_mixings(document, name)
    return SlhaPoint(
        name,
        {f"m_{particle}": masses[code] for particle, code in CODES.items()},
        _branching(decays),
        masses,
        decays,
        _parameters(document, parameters, name),
        lsp,
    )


def _parsed(text: str, name: str) -> Any:
    pyslha = require("pyslha", "reading SLHA files", INSTALL)
    if not text.strip():
        raise InputError(name, "is empty")
    if not re.search(r"^\s*block\s+mass\b", text, re.IGNORECASE | re.MULTILINE):
        raise InputError(name, "has no block MASS: is it an SLHA spectrum, and all of it?")
    # Fortran writes 1.0D+02
    text = re.sub(r"(?<=\d)[dD](?=[+-]?\d)", "E", text)
    try:
        # it speaks of lines that it does not know
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return pyslha.readSLHA(text)
    except Exception as error:  # whatever its parser stumbles over: assertions, indices, numbers
        reason = str(error) or "a line that is cut or holds no numbers"
        raise InputError(name, f"cannot be read as SLHA: {reason}") from error


def _channels(decay: Any, where: str) -> tuple[Channel, ...]:
    channels = tuple(Channel(number(c.br, where), tuple(map(int, c.ids))) for c in decay.decays)
    total = sum(channel.fraction for channel in channels)
    if channels and not abs(total - 1.0) < _INCOMPLETE:
        raise InputError(
            where, f"branching fractions add up to {total:.4g} and not to 1; is the file cut?"
        )
    return channels


def _branching(decays: Mapping[int, tuple[Channel, ...]]) -> dict[str, float]:
    branching = {
        f"br_{squark}_{kind}": 0.0
        for squark in _SQUARKS
        for kind in ("top", "bottom", "W_squark", "Zh_squark")
    }
    third_generation = {CODES[squark] for squark in _SQUARKS} | {SBOTTOM2}
    for squark in _SQUARKS:
        for fraction, products in decays.get(CODES[squark], ()):
            kinds = {abs(product) for product in products}
            if fraction < _RARE:
                continue
            if kinds & third_generation:
                to_w, to_zh = W in kinds, not kinds.isdisjoint((Z, *NEUTRAL_HIGGSES))
                kind = "W_squark" if to_w else "Zh_squark" if to_zh else None
            else:
                kind = "top" if TOP in kinds else "bottom"
            if kind is not None:
                branching[f"br_{squark}_{kind}"] += fraction
    return branching


def _parameters(
    document: Any, entries: Mapping[str, tuple[str, int]], name: str
) -> dict[str, float]:
    found = {}
    for parameter, (block_name, index) in entries.items():
        block = document.blocks.get(block_name.upper())
        if block is not None and block.has_key(index):
            found[parameter] = number(block[index], f"{name}: {block_name} {index}")
    return found
