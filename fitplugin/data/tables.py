"""Named columns with a card: how shipped datasets and users' own files enter the package.

A reference is either the name of a shipped table, such as ``natural_susy/spectra``, or the path
of a `.npz` or `.csv` file. Nothing that is read here can carry code.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.data.json_files import read_object
from fitplugin.errors import InputError, one_of

_SHIPPED = Path(__file__).parent
_SUFFIXES = (".npz", ".csv")
_PLAIN = "biufSU"  # numbers and text


@dataclass(frozen=True)
class Table:
    """Columns of equal length, their card, and the digest of the file they came from."""

    name: str
    columns: Mapping[str, np.ndarray]
    card: Mapping[str, Any]
    digest: str

    def numbers(self, names: Sequence[str]) -> FloatArray:
        """Return the named columns as one (n_rows, n_names) array of floats.

        Raises
        ------
        InputError
            If a column is not there, or holds something else.
        """
        for name in names:
            if name not in self.columns:
                raise InputError(self.name, one_of(name, self.columns, "a column"))
        return np.stack([self._number(name) for name in names], axis=1)

    def _number(self, name: str) -> FloatArray:
        column = self.columns[name]
        try:
            return np.asarray(column, dtype=float)
        except ValueError:
            row = next(i for i, value in enumerate(column) if not _is_number(value))
            raise InputError(
                f"{self.name}: {name}", f"holds {str(column[row])!r} in row {row + 1}; not a number"
            ) from None


def shipped_tables() -> list[str]:
    """Return the names under which the shipped tables can be asked for."""
    files = (path for suffix in _SUFFIXES for path in _SHIPPED.rglob(f"*{suffix}"))
    return sorted(str(path.relative_to(_SHIPPED).with_suffix("")) for path in files)


def read_table(reference: str, folder: Path | None = None) -> Table:
    """Read a shipped table by name, or a `.npz` or `.csv` file by path.

    Parameters
    ----------
    reference : str
        A shipped name or a path.
    folder : path, optional
        Where relative paths start: the folder of the scan file.

    Raises
    ------
    InputError
        If there is no such table, or it cannot be read.

    >>> table = read_table("natural_susy/cross_sections_14TeV")
    >>> sorted(table.columns)
    ['cross_section_fb', 'mass_GeV', 'process', 'rel_error']
    """
    path = _locate(reference, folder)
    try:
        content = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # said in one line
            # spreadsheets put a byte-order mark in front
            is_npz = path.suffix == ".npz"
            columns = _read_npz(content) if is_npz else _read_csv(content.decode("utf-8-sig"))
    except Exception as error:  # whatever a parser says of damaged bytes, it is bad input
        reason = str(error) or type(error).__name__
        raise InputError(str(path), f"cannot be read as a table ({reason})") from error
    for name, column in columns.items():
        if column.ndim != 1 or column.dtype.kind not in _PLAIN:
            what = f"column {name!r} is {column.dtype} of shape {column.shape}"
            raise InputError(str(path), f"{what}; it must be one row of numbers or text")
    if len({len(column) for column in columns.values()}) > 1:
        raise InputError(str(path), "has columns of different lengths")
    if not columns or not len(next(iter(columns.values()))):
        raise InputError(str(path), "has no rows")
    card_path = path.with_suffix(".json")
    card = read_object(card_path, "mend it, or remove it") if card_path.exists() else {}
    return Table(reference, columns, card, hashlib.sha256(content).hexdigest())


def refuse_existing(path: Path, force: bool) -> None:
    """Refuse to write a table, or its card, over something, or under a name that is none.

    Raises
    ------
    InputError
        If it ends in neither ``.npz`` nor ``.csv``, or is there and ``force`` is not given.
    """
    if path.suffix not in _SUFFIXES:
        raise InputError(str(path), f"must end in {' or '.join(_SUFFIXES)}")
    for existing in (path, path.with_suffix(".json")):
        if existing.exists() and not force:
            raise InputError(str(existing), "exists; give --force to replace it")


def write_table(
    path: Path, columns: Mapping[str, np.ndarray], card: Mapping[str, Any], force: bool = False
) -> None:
    """Write columns as ``.npz`` or ``.csv``, and their card beside them.

    The card also gets the number of rows and the SHA-256 of the file.

    Raises
    ------
    InputError
        If the name ends otherwise, something is there and ``force`` is not given, or it cannot be
        written.
    """
    refuse_existing(path, force)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npz":
            arrays: dict[str, Any] = dict(columns)
            np.savez_compressed(path, **arrays)
        else:
            write_csv(path, columns)
        write_card(path, card, n_rows=len(next(iter(columns.values()))))
    except OSError as error:
        raise InputError(str(path), f"cannot be written: {error.strerror}") from error


def write_card(table: Path, card: Mapping[str, Any], n_rows: int) -> None:
    """Write the card beside a table that is there, with its number of rows and SHA-256."""
    digest = hashlib.sha256(table.read_bytes()).hexdigest()
    text = json.dumps({**card, "n_rows": n_rows, "sha256": digest}, indent=2, ensure_ascii=False)
    table.with_suffix(".json").write_text(text + "\n", encoding="utf-8")


def write_csv(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write columns of equal length as CSV, every digit kept."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


def _locate(reference: str, folder: Path | None) -> Path:
    if Path(reference).suffix in _SUFFIXES:
        path = (folder or Path()) / reference
        if not os.path.isfile(path):  # noqa: PTH113 (a name that no file can have is none either)
            raise InputError(str(path), "no such file")
        return path
    for suffix in _SUFFIXES:
        # with_suffix would cut a name such as "efficiencies_13.6TeV" at its dot
        path = _SHIPPED / f"{reference}{suffix}"
        if os.path.isfile(path):  # noqa: PTH113
            return path
    raise InputError(
        reference, one_of(reference, shipped_tables(), "a shipped table or a .npz or .csv file")
    )


def _read_npz(content: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: np.asarray(archive[name]) for name in archive.files}


def _read_csv(text: str) -> dict[str, np.ndarray]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) < 2:
        raise ValueError("no rows")
    header, *rows = csv.reader(lines)
    names = [name.strip() for name in header]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"column {name!r} appears twice")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise ValueError(f"row {number} has {len(row)} cells for {len(names)} columns")
    return {
        name: _column(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _column(values: Sequence[str]) -> np.ndarray:
    try:
        return np.array([float(value) if value.strip() else np.nan for value in values])
    except ValueError:
        return np.array(values, dtype=np.str_)
