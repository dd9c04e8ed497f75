"""Nested sampling from deaths and births: volumes, weights and evidence of any set of points.

With the likelihood contour within which each point was born, the number of points alive at every
death is known, and runs can be merged by putting their points together (arXiv:1704.03459, sec. 3).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray, IntArray


class NestedWeights(NamedTuple):
    """What deaths and births say of a nested-sampling run."""

    n_live: IntArray
    """(n_points,) points alive just before each death."""
    log_weight: FloatArray
    """(n_points,) natural logs of the posterior weights, which sum to one."""
    log_z: float
    log_z_error: float


def nested_weights(log_likelihood: FloatArray, log_birth: FloatArray) -> NestedWeights:
    """Weigh the points of a nested-sampling run, or of several together.

    At a death among n points the remaining prior volume is taken to shrink by 1 - 1/n. The estimate
    of Z then has no bias (n/(n + 1), the mean shrinkage itself, makes its mean too large, by 7 %
    with 50 live points at ln X = -4). Its error follows from the variance 1/n^2 of the log of each
    shrinkage, to first order (J. Skilling, Bayesian Analysis 1 (2006) 833).

    Parameters
    ----------
    log_likelihood : (n_points,) array
        In order of death, so never decreasing; the last live points are the last deaths.
    log_birth : (n_points,) array
        Contour within which each point was born; ``-inf`` for draws from the prior.

    Raises
    ------
    ValueError
        If the points are not in order, or one was born above its own likelihood.

    >>> flat = nested_weights(np.zeros(3), np.full(3, -np.inf))
    >>> flat.n_live, np.exp(flat.log_weight)
    (array([3, 2, 1]), array([0.33333333, 0.33333333, 0.33333333]))
    """
    if (np.diff(log_likelihood) < 0.0).any():
        raise ValueError("the points are not in order of their likelihood")
    if not (log_birth < log_likelihood).all():
        raise ValueError("a point has a likelihood that is not above that of its birth")
    born = np.searchsorted(np.sort(log_birth), log_likelihood)
    n_live = np.maximum(born - np.arange(len(log_likelihood)), 1)
    with np.errstate(divide="ignore"):  # the last point takes all that is left
        log_volume = np.concatenate([[0.0], np.cumsum(np.log1p(-1.0 / n_live))])
    # X_(i-1) - X_i = X_(i-1)/n
    log_mass = log_likelihood + log_volume[:-1] - np.log(n_live)
    log_z = float(np.logaddexp.reduce(log_mass))
    weight = np.exp(log_mass - log_z)
    later = 1.0 - np.cumsum(weight)
    slope = later - np.exp(log_likelihood + log_volume[1:] - log_z)
    return NestedWeights(
        n_live, log_mass - log_z, log_z, float(np.sqrt(np.square(slope / n_live).sum()))
    )
