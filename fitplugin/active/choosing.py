"""From a surrogate and candidates to the next batch."""

from __future__ import annotations

import numpy as np
from scipy.stats import qmc

from fitplugin.active.goal import Learned
from fitplugin.active.options import LoopOptions
from fitplugin.arrays import FloatArray, IntArray
from fitplugin.errors import FitpluginError
from fitplugin.surrogates import acquisition

_DESIGNS = ("random", "latin", "grid")  # need no surrogate
_GREEDY = 1500  # candidates whose joint covariance is affordable


def design(kind: str, n: int, n_dim: int, rng: np.random.Generator) -> FloatArray:
    """Points of the unit cube that need no surrogate: random, latin, or of a grid, (n, n_dim).

    >>> design("grid", 4, 2, np.random.default_rng(0)).tolist()
    [[0.25, 0.25], [0.25, 0.75], [0.75, 0.25], [0.75, 0.75]]
    """
    if kind == "random":
        return np.asarray(rng.random((n, n_dim)), dtype=float)
    if kind == "grid":
        steps = int(np.ceil(n ** (1.0 / n_dim) - 1e-9))
        line = (np.arange(steps) + 0.5) / steps
        every = np.stack(np.meshgrid(*[line] * n_dim, indexing="ij"), axis=-1).reshape(-1, n_dim)
        # of more points than wanted, those spread evenly over the list
        rows = np.linspace(0, len(every) - 1, n).round().astype(int)
        return np.asarray(every[rows], dtype=float)
    seed = int(rng.integers(2**31))
    return np.asarray(qmc.LatinHypercube(n_dim, rng=np.random.default_rng(seed)).random(n))


def nearest_rows(wanted: FloatArray, cube: FloatArray) -> IntArray:
    """Row of the nearest candidate to each wanted point, none twice."""
    free = np.ones(len(cube), dtype=bool)
    rows = []
    for point in wanted[: len(cube)]:
        distance = np.where(free, np.square(cube - point).sum(axis=1), np.inf)
        rows.append(int(np.argmin(distance)))
        free[rows[-1]] = False
    return np.array(rows, dtype=int)


def choose(
    loop: LoopOptions,
    model: Learned,
    theta: FloatArray,
    cube: FloatArray,
    rng: np.random.Generator,
) -> IntArray:
    """Rows of the candidates to ask next.

    Parameters
    ----------
    loop : LoopOptions
    model : Learned
        Of the answers so far.
    theta, cube : (n_points, n_dim) arrays
        Candidates, and the same in units of the box.
    rng : numpy.random.Generator

    Raises
    ------
    FitpluginError
        If no candidate is left.
    """
    if not len(theta):
        raise FitpluginError("no candidate is left: every point of the oracle was asked")
    kind, n = loop.choice, loop.batch.size
    if kind in _DESIGNS:
        return nearest_rows(design(kind, n, cube.shape[1], rng), cube)
    if kind != "variance":
        return loop.goal.pick(kind, model, theta, cube, n)
    rows = rng.permutation(len(theta))[:_GREEDY]
    _, covariance = model.joint(theta[rows], loop.goal.names[0])
    noise = 1e-2 * float(np.median(np.diagonal(covariance)))
    return rows[acquisition.greedy_variance(np.ones(len(rows)), covariance, noise, n)]
