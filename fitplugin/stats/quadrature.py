"""Integrals of peaked functions, many rows at a time: where they end, and a rule that converges.

Every row has a function of its own, known by its logarithm times a factor that varies slowly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fitplugin.arrays import BoolArray, FloatArray, IntArray

_DROP = 28.0  # what lies this far below the peak is less than 1e-12 of it
_ROOT_DROP = _DROP**0.5
_OUTWARD = np.array([[-1], [1]])

Density = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""From (n_rows, n_nodes) places to the log of the function there, and the factor on it."""


def support(nodes: FloatArray, log_f: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return per row the (2, n_rows) ends beyond which exp(log_f) is negligible.

    First the nodes just outside, then a guess between the last two nodes of either side,
    where the root of the drop (linear for a Gaussian) is interpolated.
    """
    log_f = np.maximum(log_f, -1e300)
    root = np.sqrt(log_f.max(axis=1, keepdims=True) - log_f)
    seen = root <= _ROOT_DROP
    rows, last = np.arange(len(nodes)), nodes.shape[1] - 1
    inside = np.stack((seen.argmax(axis=1), last - seen[:, ::-1].argmax(axis=1)))
    outside = np.minimum(np.maximum(inside + _OUTWARD, 0), last)
    wide, base, r = nodes[rows, outside], nodes[rows, inside], root[rows, inside]
    share = (1.05 * _ROOT_DROP - r) / np.maximum(root[rows, outside] - r, 1e-300)
    return wide, base + (wide - base) * np.minimum(share, 1.0)


def trapezoid(
    density: Density, wide: FloatArray, tight: FloatArray, n_cells: int
) -> tuple[FloatArray, BoolArray, FloatArray]:
    """Integrate factor * exp(log_f) over the (2, n_rows) range `tight`, inside `wide`.

    Returns the log-integral, whether it may be trusted, and the range to try next. The
    rule converges exponentially: when half the nodes agree to 1e-5, all of them agree
    with the truth to about 1e-10 or better.
    """
    low, step = tight[0], (tight[1] - tight[0]) / n_cells
    nodes = low[:, np.newaxis] + step[:, np.newaxis] * np.arange(n_cells + 1.0)
    log_f, factor = density(nodes)
    top = np.maximum(log_f.max(axis=1), -1e307)
    values = np.exp(log_f - top[:, np.newaxis]) * factor
    total, half = values.sum(axis=1), 2.0 * values[:, ::2].sum(axis=1)
    edge = values[:, 0] + values[:, -1]
    is_cut = (edge > 1e-11 * total) & (tight != wide).any(axis=0)
    is_good = (np.abs(total - half) <= 1e-5 * total) & ~is_cut
    if not is_good.all():
        wide = np.where(is_cut, wide, support(nodes, log_f)[0])
    return np.log((total - 0.5 * edge) * step) + top, is_good, wide


def integrate(
    density_of: Callable[[IntArray | slice], Density],
    wide: FloatArray,
    tight: FloatArray,
    n_cells: Sequence[int],
) -> tuple[FloatArray, IntArray, FloatArray]:
    """Try `trapezoid` with ever more cells, each time on the rows that are not good yet.

    Parameters
    ----------
    density_of : callable
        From rows to their density.
    wide, tight : (2, n_rows) arrays
        As from `support`.
    n_cells : sequence of int
        To try in turn; after the first, on the range that the last one found.

    Returns
    -------
    result : (n_rows,) array
        Log-integrals, the best known where none is good.
    left : (n_left,) array
        Rows that are not good.
    wide : (2, n_left) array
        Their ranges.
    """
    result, left = np.empty(wide.shape[1]), np.arange(wide.shape[1])
    rows: IntArray | slice = slice(None)
    for n in n_cells:
        result[left], is_good, wide = trapezoid(density_of(rows), wide, tight, n)
        bad = np.flatnonzero(~is_good)
        left, wide = left[bad], wide[:, bad]
        rows, tight = left, wide
        if not len(left):
            break
    return result, left, wide


# 15-point Kronrod nodes and weights on [-1, 1], with the 7-point Gauss rule inside
_HALF_X = [0.991455371120812639, 0.949107912342758525, 0.864864423359769073, 0.741531185599394440,
           0.586087235467691130, 0.405845151377397167, 0.207784955007898468]  # fmt: skip
_HALF_K = [0.022935322010529225, 0.063092092629978553, 0.104790010322250184, 0.140653259715525919,
           0.169004726639267903, 0.190350578064785410, 0.204432940075298892]  # fmt: skip
_HALF_G = [0.0, 0.129484966168869693, 0.0, 0.279705391489276668, 0.0, 0.381830050505118945, 0.0]
KRONROD_NODES = np.array([-x for x in _HALF_X] + [0.0] + _HALF_X[::-1])
KRONROD_WEIGHTS = np.array([*_HALF_K, 0.209482141084727828, *_HALF_K[::-1]])
GAUSS_WEIGHTS = np.array([*_HALF_G, 0.417959183673469388, *_HALF_G[::-1]])
