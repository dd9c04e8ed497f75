"""SLHA files (arXiv:hep-ph/0311123, arXiv:0801.0045): masses, mixings and decays of a point.

Read by pyslha; refused, with the block or particle named, where a simulation could not stand on
them.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError, MissingExtraError, one_of
from fitplugin.physics.natural_susy import SLHA_ENTRIES

INSTALL = "pip install 'fitplugin[simulation]'"

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

_NAMES = {code: name for name, code in CODES.items()}
_MIXINGS = MappingProxyType({"NMIX": 4, "UMIX": 2, "VMIX": 2, "STOPMIX": 2, "SBOTMIX": 2})
_SQUARKS = ("stop1", "stop2", "sbottom1")
_HIGGSES_AND_Z = (23, 25, 35, 36)
_TOP, _W = 6, 24
_SPARTICLES = range(1_000_001, 2_000_100)
_GRAVITINO = 1_000_039
# sneutrinos, neutralinos, gravitino: sparticles without charge or colour
_NEUTRAL = (1000012, 1000014, 1000016, 1000022, 1000023, 1000025, 1000035, _GRAVITINO)

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


class Channel(NamedTuple):
    """One decay: its branching fraction, and the PDG codes of what comes out."""

    fraction: float
    products: tuple[int, ...]


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
    mixings : mapping of str to (n, n) array
        Matrices by block: NMIX, UMIX, VMIX, STOPMIX, SBOTMIX.
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
    mixings: Mapping[str, FloatArray]
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
        missing or not finite, a produced sparticle or one that it decays to without decays or
        without a positive width, branching fractions that do not add up, a charged or coloured
        lightest sparticle, or an error of the program that wrote it.
    MissingExtraError
        If pyslha is not installed.
    """
    document = _parsed(text, name)
    _refuse_failed(document, name)
    masses = {
        code: _number(document.blocks["MASS"][code], f"{name}: MASS {code}")
        for code in document.blocks["MASS"].keys()  # noqa: SIM118 - a block is no mapping
    }
    produced = tuple(produced)
    for particle in produced:
        if particle not in CODES:
            raise InputError(f"{name}: produced", one_of(particle, CODES, "a particle here"))
    for particle in CODES:
        code = CODES[particle]
        if code not in masses:
            raise InputError(f"{name}: MASS {code}", f"there is no mass of {particle}; is it cut?")
        if masses[code] < 0 and "neutralino" not in particle:
            raise InputError(f"{name}: MASS {code}", f"{masses[code]:g} GeV is no mass")
    lsp = _neutral_lsp(masses, name)
    decays = {
        code: _channels(decay, f"{name}: DECAY {code}") for code, decay in document.decays.items()
    }
    widths = {code: decay.totalwidth for code, decay in document.decays.items()}
    _require_decays((CODES[particle] for particle in produced), decays, widths, lsp, name)
    return SlhaPoint(
        name,
        {f"m_{particle}": masses[code] for particle, code in CODES.items()},
        _branching(decays),
        masses,
        decays,
        _mixings(document, name),
        _parameters(document, parameters, name),
        lsp,
    )


_Channels = tuple[Channel, ...]


def _parsed(text: str, name: str) -> Any:
    try:
        import pyslha
    except ImportError:
        raise MissingExtraError("reading SLHA files", "pyslha", INSTALL) from None
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


def _refuse_failed(document: Any, name: str) -> None:
    """Refuse what the program that wrote the file declared as failed: SPINFO 4."""
    info = document.blocks.get("SPINFO")
    if info is not None and info.has_key(4):
        raise InputError(f"{name}: SPINFO 4", f"the spectrum program reports: {info[4]}")


def _number(value: Any, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(where, f"{value!r} is no number") from None
    if not math.isfinite(number):
        raise InputError(where, f"{number} is no mass or parameter")
    return number


def _neutral_lsp(masses: Mapping[int, float], name: str) -> int:
    lsp = min((code for code in masses if code in _SPARTICLES), key=lambda code: abs(masses[code]))
    if lsp not in _NEUTRAL:
        raise InputError(
            f"{name}: MASS {lsp}",
            f"the lightest sparticle is {_NAMES.get(lsp, f'particle {lsp}')} with "
            f"{masses[lsp]:g} GeV: charged or coloured; missing momentum needs a neutral one",
        )
    return lsp


def _channels(decay: Any, where: str) -> _Channels:
    channels = tuple(Channel(_number(c.br, where), tuple(map(int, c.ids))) for c in decay.decays)
    total = sum(channel.fraction for channel in channels)
    if channels and not abs(total - 1.0) < _INCOMPLETE:
        raise InputError(
            where, f"branching fractions add up to {total:.4g} and not to 1; is the file cut?"
        )
    return channels


def _require_decays(
    produced: Iterable[int],
    decays: Mapping[int, _Channels],
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
                f"{_NAMES.get(code, f'particle {code}')} has no decays; let the spectrum program "
                "write decay tables, or add those of another program",
            )
        # Pythia keeps a particle without width stable, and where it is NaN takes decays of its own
        width = widths[code]
        if width is None or not (math.isfinite(width) and width > 0):
            raise InputError(
                f"{name}: DECAY {code}",
                f"the width of {_NAMES.get(code, f'particle {code}')} is "
                f"{'NaN' if width is None else f'{width:g}'} GeV; it must be positive, or the "
                "generator would not decay it by this table",
            )
        daughters = {abs(product) for _, products in decays[code] for product in products}
        waiting += [daughter for daughter in daughters if daughter in _SPARTICLES]


def _branching(decays: Mapping[int, _Channels]) -> dict[str, float]:
    branching = {
        f"br_{squark}_{kind}": 0.0
        for squark in _SQUARKS
        for kind in ("top", "bottom", "W_squark", "Zh_squark")
    }
    third_generation = {CODES[squark] for squark in _SQUARKS} | {2000005}
    for squark in _SQUARKS:
        for fraction, products in decays.get(CODES[squark], ()):
            kinds = {abs(product) for product in products}
            if fraction < _RARE:
                continue
            if kinds & third_generation:
                to_w, to_zh = _W in kinds, not kinds.isdisjoint(_HIGGSES_AND_Z)
                kind = "W_squark" if to_w else "Zh_squark" if to_zh else None
            else:
                kind = "top" if _TOP in kinds else "bottom"
            if kind is not None:
                branching[f"br_{squark}_{kind}"] += fraction
    return branching


def _mixings(document: Any, name: str) -> dict[str, FloatArray]:
    found = {}
    for block, size in _MIXINGS.items():
        matrix = np.empty((size, size))
        for row, column in np.ndindex(size, size):
            index = (row + 1, column + 1)
            # without them a generator would quietly take mixings of its own
            if block not in document.blocks or not document.blocks[block].has_key(index):
                raise InputError(f"{name}: {block}", "is missing or not complete; is the file cut?")
            where = f"{name}: {block} {index[0]} {index[1]}"
            matrix[row, column] = _number(document.blocks[block][index], where)
        found[block] = matrix
    return found


def _parameters(
    document: Any, entries: Mapping[str, tuple[str, int]], name: str
) -> dict[str, float]:
    found = {}
    for parameter, (block_name, index) in entries.items():
        block = document.blocks.get(block_name.upper())
        if block is not None and block.has_key(index):
            found[parameter] = _number(block[index], f"{name}: {block_name} {index}")
    return found
