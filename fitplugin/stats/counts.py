"""The counting likelihood: Poisson with uncertain signal and background.

The mean count is ``lambda = mu S f(nu_S) + B f(nu_B)`` with standard normal nuisances, and
``P(n | lambda) = exp(-lambda) lambda^n / Gamma(n + 1)`` for real n. What f means is the
*mode*; N is a nominal yield, sigma its error:

=============== ==================== ========================= ==========================
mode            f(nu)                k                         kept
=============== ==================== ========================= ==========================
``mean``        exp(k nu - k^2/2)    sqrt(ln(1+sigma^2/N^2))   mean N and variance sigma^2
``median``      exp(k nu)            sqrt(ln(1+sigma^2/N^2))   median N
``scynet``      exp(k nu)            sigma / N                 median N
``histfactory`` exp(k nu)            ln(1 + sigma / N)         median N, +1 sigma quantile
``gamma``       gamma distribution   shape (N / sigma)^2       mean N and variance sigma^2
=============== ==================== ========================= ==========================

A yield of exactly zero contributes nothing whatever its error, and its nuisance costs
nothing; an error of zero fixes its yield. Both are limits of the general case. (With sigma
fixed and N -> 0 ``scynet`` and ``histfactory`` have no such limit: half of their prior mass
then goes to infinite yield. ``mean`` and ``gamma`` have it.) ``lambda = 0`` with n > 0 gives
-inf. All functions broadcast; scalars give floats.

``benchmarks/figure_counts.py`` draws the conventions for two regions, marginal and profile.

Source: arXiv:1611.02704; arXiv:1703.01309, appendix A (``scynet``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError, one_of
from fitplugin.stats import few_counts, poisson_gamma, poisson_lognormal
from fitplugin.stats.arguments import Entries, checked_entries
from fitplugin.stats.gaussian import HALF_LOG_2PI
from fitplugin.stats.poisson_lognormal import ABSENT

Mode = Literal["mean", "median", "scynet", "histfactory", "gamma"]
MODES = ("mean", "median", "scynet", "histfactory", "gamma")
K_MAX = 1e6  # a lognormal this wide is at its limit: half its mass at zero, half at infinity

_ARGUMENTS = ("n_observed", "n_signal", "signal_error", "n_background", "background_error")
Columns = FloatArray  # (5, n_rows), in this order
Kernel = Callable[[Columns, str], FloatArray]


def require_mode(mode: str) -> None:
    """Refuse a mode that is none."""
    if mode not in MODES:
        raise InputError("mode", one_of(str(mode), MODES, "a likelihood mode"))


def _entries(mode: str, *values: ArrayLike) -> Entries:
    require_mode(mode)
    return checked_entries(_ARGUMENTS, values)


def lognormal(count: FloatArray, error: FloatArray, mode: str) -> tuple[FloatArray, FloatArray]:
    """Return log-median and width k of yields and their errors [events], arrays of one shape.

    A yield of zero has the log-median `ABSENT` and no width; see the module for the modes.
    """
    ratio = np.minimum(error / np.maximum(count, 1e-300), 1e150)
    shift: FloatArray | float = 0.0
    if mode == "scynet":
        k = ratio
    elif mode == "histfactory":
        k = np.log1p(ratio)
    else:
        k_squared = np.log1p(ratio * ratio)
        k = np.sqrt(k_squared)
        if mode == "mean":
            shift = -0.5 * k_squared
    is_absent = count == 0
    if is_absent.any():
        k = np.where(is_absent, 0.0, k)
        return np.where(is_absent, ABSENT, np.log(count) + shift), np.minimum(k, K_MAX)
    return np.log(count) + shift, np.minimum(k, K_MAX)


def _prepare(columns: Columns, mode: str) -> poisson_lognormal.Cells:
    return poisson_lognormal.prepare(columns[0], *lognormal(columns[1::2], columns[2::2], mode))


def _log_constant(n: FloatArray) -> FloatArray:
    return poisson_lognormal.log_constant(n, np.maximum(n, 1.0))


def _where_impossible(columns: Columns, log_l: FloatArray) -> FloatArray:
    """Set what has no source of events: certain when n = 0, impossible otherwise."""
    n, s, _, b, _ = columns
    is_empty = (s == 0) & (b == 0)
    if is_empty.any():
        log_l = np.where(is_empty, np.where(n > 0, -np.inf, -_log_constant(n)), log_l)
    return log_l


def _or_else(few: list[float], columns: Columns, general: Kernel, mode: str) -> FloatArray:
    """Complete what `few_counts` left as NaN with the general scheme."""
    values = np.array(few)
    rest = np.flatnonzero(values != values)
    if len(rest):
        values[rest] = general(columns[:, rest], mode)
    return values


def _marginal(columns: Columns, mode: str) -> FloatArray:
    if mode != "gamma" and columns.shape[1] <= few_counts.MOST_INTEGRALS:
        few = few_counts.log_integrals(columns.tolist(), mode)
        return _or_else(few, columns, _general_marginal, mode)
    return _general_marginal(columns, mode)


def _general_marginal(columns: Columns, mode: str) -> FloatArray:
    if mode == "gamma":
        raw = poisson_gamma.log_integral_gamma(poisson_gamma.prepare_gamma(*columns))
    else:
        raw = poisson_lognormal.log_integral(_prepare(columns, mode))
    # an average of probabilities: rounding and quadrature must not lift it above one
    return np.minimum(_where_impossible(columns, raw) + _log_constant(columns[0]), 0.0)


def _maximum(columns: Columns, mode: str) -> FloatArray:
    """Maximum of constraint times Poisson, the constraint being 1 at nu = 0; no constant."""
    if mode != "gamma" and columns.shape[1] <= few_counts.MOST_MAXIMA:
        return _or_else(
            few_counts.log_maxima(columns.tolist(), mode), columns, _general_maximum, mode
        )
    return _general_maximum(columns, mode)


def _general_maximum(columns: Columns, mode: str) -> FloatArray:
    if mode == "gamma":
        raw = poisson_gamma.log_maximum_gamma(poisson_gamma.prepare_gamma(*columns))
    else:
        raw = poisson_lognormal.log_maximum(_prepare(columns, mode))
    return _where_impossible(columns, raw)


def _q(columns: Columns, mode: str, restrict: bool) -> FloatArray:
    n, _, _, b, db = columns
    # ln P(n | n) in the same units: zero for n >= 1
    best = np.where(n < 1.0, xlogy(n, n) - n + 1.0, 0.0)
    if restrict:
        # below the median background, mu = 0 is the best; nu_B is then pulled down, not to zero
        center = b if mode == "gamma" else np.where(b > 0, np.exp(lognormal(b, db, mode)[0]), 0.0)
        alone = columns.copy()
        alone[1:3] = 0.0
        best = np.where(n < center, _maximum(alone, mode), best)
    return np.maximum(2.0 * (best - _maximum(columns, mode)), 0.0)


def log_marginal(
    n_observed: ArrayLike,
    n_signal: ArrayLike,
    signal_error: ArrayLike,
    n_background: ArrayLike,
    background_error: ArrayLike,
    mode: Mode = "mean",
) -> FloatArray:
    """Log-likelihood integrated over both nuisances, all constants kept.

    Parameters
    ----------
    n_observed : array
        Observed events, real and >= 0. This and the others broadcast together.
    n_signal, signal_error : array
        Expected signal and its error [events].
    n_background, background_error : array
        Expected background and its error [events].
    mode : {"mean", "median", "scynet", "histfactory", "gamma"}
        What the errors mean; see the module. Keep the default for a surrogate, whose
        error is absolute: where the signal vanishes sigma/N diverges.

    Returns
    -------
    array
        Natural log, of the broadcast shape; a float for scalars. -inf when no events are
        expected and some were seen.

    Raises
    ------
    InputError
        If an argument is negative, NaN or infinite (named, with its index), if the shapes
        do not broadcast, or if the mode is unknown.

    Notes
    -----
    Source: arXiv:1611.02704; arXiv:1703.01309, eq. A.1 to A.3, for ``scynet``.

    >>> round(float(log_marginal(33.2, 21.0, 4.2, 12.2, 3.9, mode="scynet")), 8)
    -3.0252265
    >>> log_marginal(12.0, [0.0, 0.1, 5.0], [0.0, 3.0, 1.0], 12.2, 3.9).round(4)
    array([-2.5543, -2.5547, -2.8666])
    """
    entries = _entries(mode, n_observed, n_signal, signal_error, n_background, background_error)
    return entries.map(lambda columns: _marginal(columns, mode))


def log_profile(
    n_observed: ArrayLike,
    n_signal: ArrayLike,
    signal_error: ArrayLike,
    n_background: ArrayLike,
    background_error: ArrayLike,
    mode: Mode = "mean",
) -> FloatArray:
    """Log-likelihood maximised over both nuisances at mu = 1.

    The -ln(2 pi) of the two normal densities is always kept: a yield of zero or an error
    of zero leaves its nuisance at 0, so that every limit is continuous. The higher of two
    maxima is returned. In mode ``gamma`` the constraint is that of an auxiliary Poisson
    measurement, ``exp(-alpha (x - 1 - ln x))`` with x the yield over its nominal value and
    ``alpha = (N/sigma)^2``, in place of ``exp(-nu^2/2)``.

    Parameters, errors and source are those of `log_marginal`.

    >>> round(float(log_profile(33.2, 21.0, 4.2, 12.2, 3.9, mode="scynet")), 8)
    -4.5106005
    """
    entries = _entries(mode, n_observed, n_signal, signal_error, n_background, background_error)
    return entries.map(
        lambda columns: _maximum(columns, mode) + _log_constant(columns[0]) - 2 * HALF_LOG_2PI
    )


def q_mu(
    n_observed: ArrayLike,
    n_signal: ArrayLike,
    signal_error: ArrayLike,
    n_background: ArrayLike,
    background_error: ArrayLike,
    mode: Mode = "mean",
    restrict: bool = False,
) -> FloatArray:
    """Return -2 ln of the profile-likelihood ratio of mu = 1 to the best mu.

    With mu free, mu_hat makes lambda = n at nu = 0, so the best value is ln P(n | n).
    No signal means the limit S -> 0+: mu_hat is then infinite, not absent, and q measures
    the background alone. ``restrict`` keeps mu_hat >= 0: a deficit is then compared with
    the background-only fit. +inf when no events are expected and some were seen.

    Parameters, errors and shapes are those of `log_marginal`.
    Source: arXiv:1703.01309, eq. A.7 to A.10.

    >>> round(float(q_mu(3, 50, 10, 3, 1, mode="scynet")), 8)
    47.48936819
    """
    entries = _entries(mode, n_observed, n_signal, signal_error, n_background, background_error)
    return entries.map(lambda columns: _q(columns, mode, restrict))


def significance(
    n_observed: ArrayLike,
    n_background: ArrayLike,
    background_error: ArrayLike,
    mode: Mode = "mean",
) -> FloatArray:
    """Tension of the data with the background alone: sqrt(q) in standard deviations.

    An excess and a deficit both count as positive. Arguments, errors and shapes are those
    of `log_marginal`. Source: arXiv:1611.02704, where 33.2 and 68.9 events are "about 3"
    and "about 4".

    >>> significance([33.2, 68.9], [12.2, 21.1], [3.9, 5.9], mode="scynet").round(2)
    array([2.73, 3.87])
    """
    entries = _entries(mode, n_observed, 0.0, 0.0, n_background, background_error)
    return entries.map(lambda columns: np.sqrt(_q(columns, mode, restrict=False)))
