"""Folders that are written whole or not at all, and never over something else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fitplugin.errors import InputError


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a scratch folder that takes the place of ``target`` when the block ends well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        scratch.chmod(0o755)
        yield scratch
        put_in_place(scratch, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def put_in_place(folder: Path, target: Path) -> None:
    """Rename a complete folder to ``target``, whose old content goes only once that is done."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    folder.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def refuse_other(
    target: Path, sign: str, what_else: str, force: bool, option: str = "--output"
) -> None:
    """Refuse to overwrite: one of its kind without ``--force``, anything else always.

    Parameters
    ----------
    target : path
    sign : str
        Name of a file by which a folder of this kind is known.
    what_else : str
        What a message says of another: ``is not a run directory``.
    force : bool
    option : str
        With which another place can be named.

    Raises
    ------
    InputError
        If something is there that is not to be replaced.
    """
    if not target.exists():
        return
    if not (target / sign).is_file():
        raise InputError(str(target), f"exists and {what_else}; name another {option}")
    if not force:
        raise InputError(str(target), f"exists; give --force to replace it or another {option}")
