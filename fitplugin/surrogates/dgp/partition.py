"""Deal points to experts: rows of indices, one row per expert; short rows end in -1."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from fitplugin.arrays import FloatArray, IntArray


def random_blocks(n_points: int, n_blocks: int, rng: np.random.Generator) -> IntArray:
    """Deal all points at random; sizes differ by at most one."""
    return _padded(np.array_split(rng.permutation(n_points), n_blocks))


def kdtree_blocks(points: FloatArray, n_blocks: int) -> IntArray:
    """Deal (n_points, d) points to compact blocks, halving along the widest extent.

    Deterministic; sizes differ by at most one or two.
    """
    return _padded(_halve(points, np.arange(len(points)), n_blocks))


def kmeans_blocks(points: FloatArray, n_blocks: int, rng: np.random.Generator) -> IntArray:
    """Deal (n_points, d) points to clusters; one of twice the mean size or more is halved.

    Source: Sculley, WWW 2010 (mini-batch k-means), as scikit-learn has it.
    """
    from sklearn.cluster import MiniBatchKMeans

    seed = int(rng.integers(2**31))
    means = MiniBatchKMeans(n_blocks, batch_size=4096, n_init=1, random_state=seed)
    label = means.fit_predict(points)
    order = np.argsort(label, kind="stable")
    clusters = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    size = len(points) / n_blocks
    return _padded(
        [part for rows in clusters for part in _halve(points, rows, max(1, int(len(rows) / size)))]
    )


def with_common(rows: IntArray) -> IntArray:
    """Give the first expert's points to all others too: what `committee.grbcm` combines."""
    common = np.broadcast_to(rows[:1], rows[1:].shape)
    alone = np.concatenate([rows[:1], np.full_like(rows[:1], -1)], axis=1)
    return np.concatenate([alone, np.concatenate([common, rows[1:]], axis=1)])


def neighbourhoods(points: FloatArray, n_centres: int, size: int) -> IntArray:
    """Spread centres like the points and return the ``size`` nearest points of each.

    Rows (n_centres, size) overlap where there are more of them than ``n_points / size``.
    """
    blocks = _halve(points, np.arange(len(points)), n_centres)
    centres = np.stack([points[block].mean(axis=0) for block in blocks])
    _, rows = cKDTree(points).query(centres, k=size)
    return np.asarray(rows, dtype=np.int64).reshape(n_centres, size)


def _halve(points: FloatArray, rows: IntArray, n_blocks: int) -> list[IntArray]:
    if n_blocks == 1:
        return [rows]
    extent = np.ptp(points[rows], axis=0)
    order = rows[np.argsort(points[rows, extent.argmax()], kind="stable")]
    left_blocks = n_blocks // 2
    cut = round(len(rows) * left_blocks / n_blocks)
    return _halve(points, order[:cut], left_blocks) + _halve(
        points, order[cut:], n_blocks - left_blocks
    )


def _padded(blocks: list[IntArray]) -> IntArray:
    rows = np.full((len(blocks), max(map(len, blocks))), -1, dtype=np.int64)
    for row, block in zip(rows, blocks, strict=True):
        row[: len(block)] = block
    return rows
