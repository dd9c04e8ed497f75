"""What holds of every reader: it succeeds, or says in one line what is wrong with which file."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

from fitplugin.errors import FitpluginError

LONGEST = 2000  # characters that somebody may still read


def examples(number: int) -> settings:
    """So many examples, always the same; documents may be large and take their time."""
    return settings(
        max_examples=number,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def snapshot(folder: Path) -> dict[str, bytes | str | None]:
    """Return what is in a folder: bytes of files, targets of links, None for folders."""
    found: dict[str, bytes | str | None] = {}
    for path in sorted(folder.rglob("*")):
        is_link, is_file = path.is_symlink(), path.is_file()
        content = str(path.readlink()) if is_link else path.read_bytes() if is_file else None
        found[str(path.relative_to(folder))] = content
    return found


def message_of(read: Callable[[], Any], name: str) -> str | None:
    """Call a reader; return the one line with which it refuses, or None if it does not.

    Anything but an error of the package, with one printable line that names the file, fails, and
    so does a warning.
    """
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            read()
            message = None
        except FitpluginError as error:
            message = str(error)
    assert not warned, warned[0].message
    if message is not None:
        assert message.isprintable(), ascii(message)
        assert name in message, message
        assert len(message) <= LONGEST, message[:LONGEST]
    return message


def refused_and_untouched(read: Callable[[], Any], name: str, folder: Path) -> bool:
    """Whether `message_of` refuses; nothing in the folder may differ then, byte by byte."""
    before = snapshot(folder)
    is_refused = message_of(read, name) is not None
    if is_refused:
        assert snapshot(folder) == before
    return is_refused
