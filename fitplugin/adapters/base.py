"""What every adapter needs: a likelihood from a scan file, and how hosts are installed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import fitplugin
from fitplugin.errors import InputError, one_of
from fitplugin.likelihoods.joint import JointLikelihood
from fitplugin.physics.symbols import NATURAL_SUSY, Symbol, Symbols, plain

INSTALL = "pip install 'fitplugin[hosts]'"


def joint_of(
    scan: str | Path | JointLikelihood,
    cache: str | Path | None = None,
    *,
    allow_code: bool = False,
) -> JointLikelihood:
    """Return the joint likelihood of a scan file; a likelihood is returned as it is."""
    if isinstance(scan, (str, Path)):
        return fitplugin.load(scan, cache, allow_code=allow_code)
    return scan


def chosen_blobs(joint: JointLikelihood, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the wanted blobs, in the order given.

    Raises
    ------
    InputError
        If the likelihood has no such blob.
    """
    for name in wanted:
        if name not in joint.blob_names:
            raise InputError("blobs", one_of(name, joint.blob_names, "a blob of this scan"))
    return tuple(wanted)


def symbol_of(name: str, symbols: Symbols) -> Symbol:
    """Return how a parameter is written: as its scan file says, as usual, or by its name."""
    return symbols.get(name) or NATURAL_SUSY.get(name) or plain(name)


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """Map identifiers to names, for hosts that take nothing else.

    Raises
    ------
    InputError
        If two names have the same identifier.

    >>> identifiers(["m_higgs", "n_signal[0-lepton]"])
    {'m_higgs': 'm_higgs', 'n_signal_0_lepton': 'n_signal[0-lepton]'}
    """
    found: dict[str, str] = {}
    for name in names:
        identifier = re.sub(r"\W+", "_", name).strip("_")
        if found.setdefault(identifier, name) != name:
            raise InputError(
                name, f"and {found[identifier]} are both {identifier!r} to this host; rename one"
            )
    return found
