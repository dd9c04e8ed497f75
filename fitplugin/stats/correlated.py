"""The simplified likelihood: counting regions with correlated Gaussian backgrounds.

With independent Gaussian signal errors the expected counts lambda of all regions are
Gaussian, ``lambda ~ N(s + b, C)`` with ``C = V + diag(signal_error^2)``, cut off at
``lambda >= 0`` and not normalised anew. The log-integrand

    ``sum(n ln lambda - lambda) - (lambda - s - b)^T C^-1 (lambda - s - b) / 2``

is concave: one maximum, found by Newton's method.

Source: arXiv:1809.05548, eq. 1 with the third moments left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, log_ndtr, xlogy

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.errors import InputError
from fitplugin.stats.arguments import checked_arrays
from fitplugin.stats.gaussian import HALF_LOG_2PI

N_LEAST = 1e-10  # stands for n = 0 where a maximum must stay at lambda >= 0


def checked_covariance(value: ArrayLike, size: int) -> FloatArray:
    """Return a (size, size) covariance; refuse one that is not symmetric and positive definite."""
    name = "background_covariance"
    matrix = np.asarray(value, dtype=float)
    if matrix.shape != (size, size):
        raise InputError(name, f"has shape {matrix.shape}; expected ({size}, {size})")
    bad = np.argwhere(~np.isfinite(matrix))
    if len(bad):
        i, j = bad[0]
        raise InputError(f"{name}[{i}, {j}]", f"is {matrix[i, j]}; must be finite")
    scale = np.sqrt(np.abs(np.diag(matrix)))
    off = np.abs(matrix - matrix.T) - 1e-8 * np.outer(scale, scale)
    if (off > 0).any():
        i, j = np.unravel_index(off.argmax(), off.shape)
        raise InputError(
            f"{name}[{i}, {j}]",
            f"is {matrix[i, j]} but [{j}, {i}] is {matrix[j, i]}; make it symmetric",
        )
    matrix = np.asarray(0.5 * (matrix + matrix.T), dtype=float)
    if (np.diag(matrix) <= 0).any():
        i = int(np.argmin(np.diag(matrix)))
        raise InputError(f"{name}[{i}, {i}]", f"is {matrix[i, i]}; a variance must be > 0")
    least = float(np.linalg.eigvalsh(matrix / np.outer(scale, scale))[0])
    if least <= 1e-12:
        raise InputError(
            name,
            f"is not positive definite: the least eigenvalue of its correlation is {least:.3g}; "
            "merge regions that are fully correlated",
        )
    return matrix


def _peak(n: FloatArray, mean: FloatArray, precision: FloatArray, is_free: BoolArray) -> FloatArray:
    """Return the (n_points, n_regions) maximum; where ``is_free``, lambda < 0 is allowed."""
    lam = np.where(is_free, mean, np.maximum(np.maximum(mean, n), 0.1))
    eye = np.eye(mean.shape[1])
    for _ in range(200):
        safe = np.where(is_free, 1.0, lam)
        bend = np.where(is_free, 0.0, n / safe**2)
        slope = np.where(is_free, -1.0, n / safe - 1.0)
        slope -= np.einsum("pij,pj->pi", precision, lam - mean)
        step = np.linalg.solve(precision + bend[:, :, None] * eye, slope[:, :, None])[:, :, 0]
        gain = (step * slope).sum(axis=1)  # the Newton decrement squared
        room = np.where(is_free | (step >= 0), 1.0, -0.9 * lam / np.minimum(step, -1e-300))
        # n ln(lambda) bends too sharply for full steps until the decrement is small
        bold = np.sqrt((bend * step * step).sum(axis=1))
        size = np.minimum(room.min(axis=1, initial=1.0), np.where(bold > 0.5, 1 / (1 + bold), 1.0))
        lam = lam + size[:, None] * step
        if (gain < 1e-18 * (1.0 + n.sum())).all():
            break
    return lam


def _parts(
    n_observed: ArrayLike, n_signal: ArrayLike, signal_error: ArrayLike,
    n_background: ArrayLike, background_covariance: ArrayLike,
) -> tuple[FloatArray, FloatArray, FloatArray]:  # fmt: skip
    given = checked_arrays(
        n_observed=(n_observed, ("n_regions",)),
        n_signal=(n_signal, ("n_points", "n_regions")),
        signal_error=(signal_error, ("n_points", "n_regions")),
        n_background=(n_background, ("n_regions",)),
    )
    n, b = given["n_observed"], given["n_background"]
    s, ds = given["n_signal"], given["signal_error"]
    matrix = checked_covariance(background_covariance, len(n))
    covariance = matrix + np.square(ds)[:, :, None] * np.eye(len(n))
    return n, s + b, covariance


def _log_f(n: FloatArray, lam: FloatArray, mean: FloatArray, precision: FloatArray) -> FloatArray:
    pull = lam - mean
    chi2 = np.einsum("pi,pij,pj->p", pull, precision, pull)
    poisson = xlogy(n, np.where(n > 0, lam, 1.0)) - lam - gammaln(n + 1.0)
    return np.asarray(poisson.sum(axis=1) - 0.5 * chi2)


def log_profile_correlated(
    n_observed: ArrayLike,
    n_signal: ArrayLike,
    signal_error: ArrayLike,
    n_background: ArrayLike,
    background_covariance: ArrayLike,
) -> FloatArray:
    """Log-likelihood maximised over the expected counts, all constants kept.

    The constants are those of Poisson and of the Gaussian density in lambda. Parameters
    and errors are those of `log_marginal_correlated`.

    Returns
    -------
    (n_points,) array

    >>> log_profile_correlated([3.0], [[2.0]], [[0.2]], [1.0], [[0.01]]).round(4)
    array([-0.917])
    """
    n, mean, covariance = _parts(
        n_observed, n_signal, signal_error, n_background, background_covariance
    )
    precision: FloatArray = np.linalg.inv(covariance).astype(float)
    lam = _peak(np.maximum(n, N_LEAST), mean, precision, np.zeros_like(mean, dtype=bool))
    log_det = np.linalg.slogdet(covariance)[1]
    return np.asarray(_log_f(n, lam, mean, precision) - 0.5 * (log_det + 2 * len(n) * HALF_LOG_2PI))


def log_marginal_correlated(
    n_observed: ArrayLike,
    n_signal: ArrayLike,
    signal_error: ArrayLike,
    n_background: ArrayLike,
    background_covariance: ArrayLike,
) -> FloatArray:
    """Log-likelihood integrated over the expected counts, by Laplace's method.

    Parameters
    ----------
    n_observed, n_background : (n_regions,) arrays
        Events seen and expected background [events].
    n_signal, signal_error : (n_points, n_regions) arrays
        Expected signal and its Gaussian error, independent between regions [events].
    background_covariance : (n_regions, n_regions) array
        Covariance of the backgrounds [events^2]; symmetric, positive definite.

    Returns
    -------
    (n_points,) array
        Natural log, constants kept.

    Raises
    ------
    InputError
        If a shape does not fit, a number is bad, or the covariance is not symmetric and
        positive definite; the offending element is named.

    Notes
    -----
    Laplace's method with its next order (third and fourth derivatives), which needs
    no random numbers. A region with n = 0 is exactly Gaussian and is cut off at zero
    through its marginal distribution. The error falls with n and with the ratio of
    the covariance to n; see the tests for figures.

    Source: arXiv:1809.05548; Tierney and Kadane, J. Am. Stat. Assoc. 81 (1986) 82.

    >>> log_marginal_correlated([3.0], [[2.0]], [[0.2]], [1.0], [[0.01]]).round(4)
    array([-1.5043])
    """
    n, mean, covariance = _parts(
        n_observed, n_signal, signal_error, n_background, background_covariance
    )
    precision: FloatArray = np.linalg.inv(covariance).astype(float)
    is_free = np.broadcast_to(n == 0, mean.shape)
    lam = _peak(n, mean, precision, is_free)
    safe = np.where(is_free, 1.0, lam)
    bend = np.where(is_free, 0.0, n / safe**2)
    hessian = precision + bend[:, :, None] * np.eye(len(n))
    inverse = np.linalg.inv(hessian)
    spread = np.diagonal(inverse, axis1=1, axis2=2)
    third, fourth = 2.0 * bend / safe, -6.0 * bend / safe**2
    pair = spread[:, :, None] * inverse * spread[:, None, :] / 8.0 + inverse**3 / 12.0
    order = (fourth * spread**2).sum(axis=1) / 8.0
    order = order + np.einsum("pi,pij,pj->p", third, pair, third)
    log_det = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(hessian)[1]
    # beyond its range the expansion says nothing; its sign then at least stays right
    log_l = _log_f(n, lam, mean, precision) - 0.5 * log_det + np.clip(order, -0.3, 0.3)
    cut = np.where(is_free, log_ndtr(lam / np.sqrt(spread)), 0.0)
    return np.asarray(log_l + cut.sum(axis=1))
