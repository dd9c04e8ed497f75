"""Combine the latent predictions of experts: arrays in, arrays out.

All of these combine *latent* moments. The noise belongs to the observation and is added once,
afterwards: adding it inside each expert makes a committee of many far too certain.
"""

from __future__ import annotations

import numpy as np

from fitplugin.arrays import FloatArray


def robust_bcm(
    mean: FloatArray, variance: FloatArray, prior_variance: float
) -> tuple[FloatArray, FloatArray]:
    """Robust Bayesian committee machine.

    Each expert counts by the information it gained over the prior,
    beta_k = (ln prior_variance - ln variance_k) / 2, and the prior is taken out again:
    precision = sum beta_k / variance_k + (1 - sum beta_k) / prior_variance.

    Parameters
    ----------
    mean, variance : (n_points, n_experts) arrays
        Latent moments of each expert.
    prior_variance : float
        Latent variance far from all training points.

    Returns
    -------
    mean, variance : (n_points,) arrays

    Source: Deisenroth & Ng, arXiv:1502.02843, eqs. 20-22.

    >>> robust_bcm(np.array([[0.5, 0.5]]), np.array([[1.0, 1.0]]), 1.0)
    (array([0.]), array([1.]))
    """
    beta = 0.5 * (np.log(prior_variance) - np.log(variance))
    precision = (beta / variance).sum(axis=1) + (1.0 - beta.sum(axis=1)) / prior_variance
    return (beta * mean / variance).sum(axis=1) / precision, 1.0 / precision


def blended(
    mean: FloatArray, variance: FloatArray, distance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Blend the nearest experts smoothly; an expert's weight is zero where another takes over.

    Parameters
    ----------
    mean, variance : (n_points, n_nearest) arrays
        Latent moments of the nearest experts.
    distance : (n_points, n_nearest + 1) array
        Ascending distances to the centres of those experts and of the next one.

    Returns
    -------
    mean, variance : (n_points,) arrays
        Precision-weighted; the variance is the weighted harmonic mean, since overlapping
        experts know the same points and their information must not be counted twice.
    """
    reach = distance[:, -1:]
    weight = np.square(1.0 - distance[:, :-1] / reach)
    # all centres equally far: no weight left anywhere, so everybody counts the same
    weight[weight.sum(axis=1) == 0.0] = 1.0
    weight /= weight.sum(axis=1, keepdims=True)
    share = weight / variance
    precision = share.sum(axis=1)
    return (share * mean).sum(axis=1) / precision, 1.0 / precision
