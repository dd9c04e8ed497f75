"""Counting regions whose uncertainties have a common part.

Two models: one relative error of the signal common to all regions (a cross-section's),
and backgrounds that are Gaussian with a covariance (the simplified likelihood).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.stats.arguments import checked_arrays
from fitplugin.stats.counts import Mode, log_marginal
from fitplugin.stats.gaussian import HALF_LOG_2PI
from fitplugin.stats.poisson_lognormal import SPAN
from fitplugin.stats.quadrature import Density, integrate, support

N_CELLS = (32, 72, 150, 300, 600)  # to try in turn, each on the range that the last one found
CHUNK = 20_000  # regions times points at a time


def log_marginal_shared(
    n_observed: ArrayLike,
    n_signal: ArrayLike,
    signal_error: ArrayLike,
    shared_error: ArrayLike,
    n_background: ArrayLike,
    background_error: ArrayLike,
    mode: Mode = "mean",
) -> FloatArray:
    """Marginal log-likelihood of all regions under one common factor on their signals.

    Parameters
    ----------
    n_observed, n_background, background_error : (n_regions,) arrays
        Events seen, expected background and its independent error [events].
    n_signal, signal_error : (n_points, n_regions) arrays
        Expected signal and the error of each region's own [events].
    shared_error : (n_points,) array
        Relative error of the signal common to all regions. The factor is lognormal in every
        mode; its mean is 1 in ``mean`` and ``gamma``, its median in the others.
    mode : {"mean", "median", "scynet", "histfactory", "gamma"}
        What the errors mean; see `fitplugin.stats.counts`.

    Returns
    -------
    (n_points,) array
        Natural log, constants kept.

    Raises
    ------
    InputError
        If a shape does not fit or a number is negative, NaN or infinite.

    Notes
    -----
    Given the common nuisance the regions are independent, so one dimension remains: a
    trapezoid rule around every peak found by a survey, its nodes doubled until half of them
    agree to 1e-5 (the whole then to about 1e-10). One region is the same as independent
    errors with k^2 = k_own^2 + k_shared^2.

    >>> log_marginal_shared([3.0], [[2.0]], [[0.2]], [0.0], [1.0], [0.1]).round(6)
    array([-1.504157])
    """
    given = checked_arrays(
        n_observed=(n_observed, ("n_regions",)),
        n_signal=(n_signal, ("n_points", "n_regions")),
        signal_error=(signal_error, ("n_points", "n_regions")),
        shared_error=(shared_error, ("n_points",)),
        n_background=(n_background, ("n_regions",)),
        background_error=(background_error, ("n_regions",)),
    )
    n, b, db = given["n_observed"], given["n_background"], given["background_error"]
    s, ds, shared = given["n_signal"], given["signal_error"], given["shared_error"]
    if mode == "scynet":
        k = shared
    elif mode == "histfactory":
        k = np.log1p(shared)
    else:
        k = np.sqrt(np.log1p(shared * shared))
    shift = -0.5 * k * k if mode in ("mean", "gamma") else np.zeros_like(k)

    def log_f(rows: IntArray, nu: FloatArray) -> FloatArray:
        """Return the log-integrand at (n_rows, n_nodes) nuisances."""
        factor = np.exp(np.clip(shift[rows][:, None] + k[rows][:, None] * nu, -600.0, 600.0))
        factor = factor[:, :, None]
        signal, error = s[rows][:, None] * factor, ds[rows][:, None] * factor
        log_l = log_marginal(n, signal, error, b, db, mode=mode).sum(axis=-1)
        return np.asarray(log_l - 0.5 * nu * nu)

    result = np.empty(len(s))
    is_shared = (k > 0) & (s > 0).any(axis=1)
    alone = np.flatnonzero(~is_shared)
    if len(alone):
        result[alone] = log_marginal(n, s[alone], ds[alone], b, db, mode=mode).sum(axis=1)
    rest = np.flatnonzero(is_shared)
    size = max(1, CHUNK // max(1, s.shape[1]))
    for start in range(0, len(rest), size):
        rows = rest[start : start + size]
        nu, log_rough = _survey(n, s[rows], ds[rows], b, db, k[rows], shift[rows])
        # in tension, or when wide, there may be peaks of which the rough idea knows nothing
        is_hard = np.flatnonzero((log_rough.max(axis=1) < -6.0) | (k[rows] > 0.5))
        if len(is_hard):
            log_rough[is_hard] = log_f(rows[is_hard], nu[is_hard])
        result[rows] = _integrate(log_f, rows, nu, log_rough)
    return result


def _integrate(
    log_f: Callable[[IntArray, FloatArray], FloatArray],
    rows: IntArray,
    survey: FloatArray,
    log_rough: FloatArray,
) -> FloatArray:
    """Integrate exp(log_f) over nu for each row, from a rough idea of where its peak is."""
    wide, tight = support(survey, log_rough)
    margin = 0.1 * (tight[1] - tight[0])
    tight = np.stack((tight[0] - margin, tight[1] + margin))
    wide = np.stack((np.minimum(survey[:, 0], tight[0]), np.maximum(survey[:, -1], tight[1])))

    def density_of(here: IntArray | slice) -> Density:
        return lambda nu: (log_f(rows[here], nu), np.ones_like(nu))

    with np.errstate(all="ignore"):  # no region may be possible at some nodes
        result, _, _ = integrate(density_of, wide, tight, N_CELLS)
    return np.asarray(result - HALF_LOG_2PI)


def _survey(
    n: FloatArray, s: FloatArray, ds: FloatArray, b: FloatArray, db: FloatArray,
    k: FloatArray, shift: FloatArray,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Return (n_rows, 97) nodes over every possible peak, and a rough log-integrand there."""
    # at a peak nu = k sum(signal (n/lambda - 1)): it lies within these bounds
    low = -np.log1p(k * k * s.sum(axis=1)) / k
    with np.errstate(divide="ignore"):
        need = np.log(np.maximum(n, 1e-300) / s).max(axis=1, initial=0.0, where=s > 0)
    high = np.minimum(np.maximum(need - shift, 0.0) / k, k * n.sum())
    share = np.linspace(0.0, 1.0, 97)
    nu = (low - SPAN)[:, None] * (1 - share) + (high + SPAN)[:, None] * share
    factor = np.exp(np.clip(shift[:, None] + k[:, None] * nu, -600.0, 600.0))[:, :, None]
    lam = np.maximum(s[:, None] * factor + b, 1e-300)
    # the deviance, scaled down by how much wider than Poisson the prediction is
    deviance = lam - n + xlogy(n, np.maximum(n, 1e-300) / lam)
    spread = 1.0 + (np.square(ds[:, None] * factor) + db * db) / lam
    return nu, -(deviance / spread).sum(axis=-1) - 0.5 * nu * nu
