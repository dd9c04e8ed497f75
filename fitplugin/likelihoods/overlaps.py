"""Which regions may be used together: overlap matrices, groups, compatible sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse.csgraph import connected_components

from fitplugin.arrays import BoolArray
from fitplugin.errors import InputError, one_of
from fitplugin.extras import require

_MAX_SETS = 100_000


def overlap_matrix(rows: Sequence[Sequence[bool]] | None, names: Sequence[str]) -> BoolArray:
    """Return the (n_regions, n_regions) overlap, none if it is not given.

    Raises
    ------
    InputError
        If it is not square, or not symmetric.
    """
    where, n = "combination.overlap", len(names)
    if rows is None:
        return np.zeros((n, n), dtype=bool)
    if len(rows) != n or any(len(row) != n for row in rows):
        raise InputError(where, f"must be {n} x {n}, one row per region")
    matrix = np.array(rows, dtype=bool)
    if (matrix != matrix.T).any():
        i, j = np.argwhere(matrix != matrix.T)[0]
        raise InputError(
            where,
            f"is not symmetric: {names[i]!r} with {names[j]!r} is {bool(matrix[i, j])}, "
            f"{names[j]!r} with {names[i]!r} is {bool(matrix[j, i])}",
        )
    return matrix


def groups_of(overlap: BoolArray) -> list[list[int]]:
    """Return the groups of regions connected by overlaps, as lists of indices.

    >>> groups_of(np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=bool))
    [[0, 1], [2]]
    """
    n_groups, label = connected_components(overlap, directed=False)
    return [np.flatnonzero(label == group).tolist() for group in range(n_groups)]


def normalised_groups(groups: Sequence[Sequence[str]], names: Sequence[str]) -> list[list[int]]:
    """Return groups given by name as lists of indices; regions left out stand alone.

    Raises
    ------
    InputError
        If a name is unknown or appears twice.
    """
    seen: set[str] = set()
    for number, group in enumerate(groups):
        where = f"combination.groups[{number}]"
        for name in group:
            if name not in names:
                raise InputError(where, one_of(name, names, "a region"))
            if name in seen:
                raise InputError(where, f"{name!r} appears twice; groups must be disjoint")
            seen.add(name)
    alone = [[name] for name in names if name not in seen]
    return [[list(names).index(name) for name in group] for group in (*groups, *alone) if group]


def compatible_sets(overlap: BoolArray) -> BoolArray:
    """Return all maximal sets of regions without overlap: (n_sets, n_regions) booleans.

    Raises
    ------
    MissingExtraError
        If networkx is not installed.
    InputError
        If there are too many sets to compare at every point.
    """
    networkx = require("networkx", "combination best_set", "pip install 'fitplugin[combination]'")
    n = len(overlap)
    graph = networkx.from_numpy_array(~overlap & ~np.eye(n, dtype=bool))
    rows = []
    for number, clique in enumerate(networkx.find_cliques(graph)):
        if number >= _MAX_SETS:
            raise InputError("combination", f"more than {_MAX_SETS} compatible sets of {n} regions")
        row = np.zeros(n, dtype=bool)
        row[list(clique)] = True
        rows.append(row)
    return np.stack(rows)
