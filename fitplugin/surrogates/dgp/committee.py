"""Combine the latent predictions of experts: arrays in, arrays out.

All of these combine *latent* moments. The noise belongs to the observation and is added once,
afterwards: adding it inside each expert makes a committee of many far too certain.

Each takes ``mean`` and ``variance``, both (n_points, n_experts) or with further axes behind, and
the ``prior_variance`` far from all training points; each returns the moments without the axis
of the experts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from fitplugin.arrays import FloatArray

Moments = tuple[FloatArray, FloatArray]


def poe(mean: FloatArray, variance: FloatArray, prior_variance: float) -> Moments:
    """Product of experts: precisions add, so that many experts are too certain.

    Source: Hinton, Neural Computation 14 (2002) 1771; arXiv:1502.02843, eqs. 11-12.
    """
    return _weighted(mean, variance, np.ones_like(variance), 0.0)


def gpoe(mean: FloatArray, variance: FloatArray, prior_variance: float) -> Moments:
    """Generalised product of experts with equal weights: falls back to the prior far away.

    Source: Cao & Fleet, arXiv:1410.7827; weights as in arXiv:1502.02843, sec. 3.2.
    """
    return _weighted(mean, variance, np.full_like(variance, 1.0 / variance.shape[1]), 0.0)


def bcm(mean: FloatArray, variance: FloatArray, prior_variance: float) -> Moments:
    """Bayesian committee machine: the prior counts once, not once per expert.

    Source: Tresp, Neural Computation 12 (2000) 2719; arXiv:1502.02843, eqs. 17-18.
    """
    return _weighted(mean, variance, np.ones_like(variance), 1.0 / prior_variance)


def rbcm(mean: FloatArray, variance: FloatArray, prior_variance: float) -> Moments:
    """Robust Bayesian committee machine.

    Each expert counts by the information it gained over the prior,
    beta_k = (ln prior_variance - ln variance_k) / 2, and the prior is taken out again:
    precision = sum beta_k / variance_k + (1 - sum beta_k) / prior_variance.

    Source: Deisenroth & Ng, arXiv:1502.02843, eqs. 20-22.

    >>> rbcm(np.array([[0.5, 0.5]]), np.array([[1.0, 1.0]]), 1.0)
    (array([0.]), array([1.]))
    """
    beta = 0.5 * (np.log(prior_variance) - np.log(variance))
    return _weighted(mean, variance, beta, 1.0 / prior_variance)


def grbcm(mean: FloatArray, variance: FloatArray, prior_variance: float) -> Moments:
    """Generalised robust BCM: the first expert is the one that all others contain.

    It takes the place of the prior: beta_2 = 1, and beta_k = (ln variance_1 - ln variance_k) / 2
    for the others, never negative; precision = sum beta_k / variance_k
    - (sum beta_k - 1) / variance_1.

    Source: Liu et al., arXiv:1806.00720, eqs. 12-13.
    """
    common_mean, common = mean[:, :1], variance[:, :1]
    mean, variance = mean[:, 1:], variance[:, 1:]
    beta = np.maximum(0.5 * (np.log(common) - np.log(variance)), 0.0)
    beta[:, 0] = 1.0
    surplus = (beta.sum(axis=1) - 1.0) / common[:, 0]
    precision = (beta / variance).sum(axis=1) - surplus
    total = (beta * mean / variance).sum(axis=1) - surplus * common_mean[:, 0]
    return total / precision, 1.0 / precision


COMBINATIONS: Mapping[str, Callable[[FloatArray, FloatArray, float], Moments]] = MappingProxyType(
    {"poe": poe, "gpoe": gpoe, "bcm": bcm, "rbcm": rbcm, "grbcm": grbcm}
)


def blend_weights(distance: FloatArray) -> FloatArray:
    """Weights of the nearest experts; each fades to zero where another takes its place.

    Parameters
    ----------
    distance : (n_points, n_nearest + 1) array
        Ascending distances to the centres of the nearest experts and of the next one.

    Returns
    -------
    weights : (n_points, n_nearest) array, rows summing to 1
    """
    weight = np.square(distance[:, -1:] - distance[:, :-1])
    total = weight.sum(axis=1, keepdims=True)
    if not total.all():
        # all centres equally far: no weight left anywhere, so everybody counts the same
        weight[total[:, 0] == 0.0] = 1.0
        total = weight.sum(axis=1, keepdims=True)
    return np.asarray(weight / total)


def blended(mean: FloatArray, variance: FloatArray, weight: FloatArray) -> Moments:
    """Blend the nearest experts by precision and `blend_weights`.

    The variance is the weighted harmonic mean: overlapping experts know the same points, and
    their information must not be counted twice.
    """
    share = weight.reshape(weight.shape + (1,) * (variance.ndim - 2)) / variance
    precision = share.sum(axis=1)
    return (share * mean).sum(axis=1) / precision, 1.0 / precision


def _weighted(
    mean: FloatArray, variance: FloatArray, beta: FloatArray, prior_precision: float
) -> Moments:
    share = beta / variance
    precision = share.sum(axis=1) + (1.0 - beta.sum(axis=1)) * prior_precision
    return (share * mean).sum(axis=1) / precision, 1.0 / precision
