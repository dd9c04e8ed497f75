"""Weighted samples as getdist and anesthetic read them: the files of one root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.physics.symbols import NATURAL_SUSY, Symbols


def write_samples(
    root: Path,
    weights: FloatArray,
    log_likelihood: FloatArray,
    names: Sequence[str],
    columns: FloatArray,
    ranges: Mapping[str, tuple[float, float]],
    symbols: Symbols = NATURAL_SUSY,
) -> None:
    """Write weighted samples as getdist and anesthetic read them: four files of one root.

    Parameters
    ----------
    root : path
        Without a suffix.
    weights, log_likelihood : (n_samples,) arrays
    names : sequence of str
        Of the columns, the sampled parameters first.
    columns : (n_samples, n_columns) array
    ranges : mapping of str to (low, high)
        Of the sampled parameters.
    symbols : mapping of str to Symbol
        How columns are written; by their names where it says nothing.
    """
    save_rows(root.with_name(f"{root.name}.txt"),
                 np.column_stack([weights, -log_likelihood, columns]))  # fmt: skip
    write_paramnames(root.with_name(f"{root.name}.paramnames"), names, len(ranges), symbols)
    write_ranges(root.with_name(f"{root.name}.ranges"), ranges)
    root.with_name(f"{root.name}.properties.ini").write_text("sampler=nested\n")


def save_rows(path: Path, table: FloatArray, number: str = "%.10e") -> None:
    """Write (n_rows, n_columns) numbers as text, each in the given form."""
    np.savetxt(path, table, fmt=number)


def write_paramnames(path: Path, names: Sequence[str], n_sampled: int, symbols: Symbols) -> None:
    """Write a name and its LaTeX per line, a star behind those that were not sampled."""
    lines = [
        f"{name}{'' if index < n_sampled else '*'}\t"
        f"{symbols[name].latex if name in symbols else _plain_label(name)}"
        for index, name in enumerate(names)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _plain_label(name: str) -> str:
    return r"\mathrm{" + name.replace("_", r"\ ") + "}"


def write_ranges(path: Path, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Write the ends of every sampled parameter."""
    path.write_text("".join(f"{name} {low:g} {high:g}\n" for name, (low, high) in ranges.items()))


def read_samples(folder: Path, root: str) -> tuple[list[str], FloatArray]:
    """Return the names of the columns behind the first two, and all columns.

    Raises
    ------
    InputError
        If the table is empty, damaged, or has other columns than its ``.paramnames`` says.
    """
    path = folder / f"{root}.txt"
    names = [
        line.split("\t")[0].rstrip("*")
        for line in (folder / f"{root}.paramnames").read_text(encoding="utf-8").splitlines()
    ]
    table = load_rows(path)
    if table.size == 0 or table.shape[1] != len(names) + 2:
        raise InputError(str(path), f"does not hold the {len(names)} columns of its .paramnames")
    return names, table


def load_rows(path: Path) -> FloatArray:
    """Return the (n_rows, n_columns) numbers of a text file.

    Raises
    ------
    InputError
        If it holds something else.
    """
    try:
        table: FloatArray = np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise InputError(str(path), f"cannot be read: {error}") from error
    return table
