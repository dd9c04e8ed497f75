"""Upper limits on signal events and on the signal strength."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtr, ndtri

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.errors import InputError
from fitplugin.stats.counts import Mode, lognormal, q_mu

_STEPS = 60


def expected_limit(
    n_background: ArrayLike,
    background_error: ArrayLike,
    mode: Mode = "mean",
    confidence: float = 0.95,
) -> FloatArray:
    """Median expected CLs upper limit on signal events if there is none (asymptotic).

    The signal S at which the observation of the background alone would be excluded:
    q(n = B, S) = Phi^-1(1 - alpha/2)^2 with alpha = 1 - confidence, without signal error.

    Parameters
    ----------
    n_background, background_error : arrays that broadcast
        Expected background and its error [events], > 0.
    mode : {"mean", "median", "scynet", "histfactory", "gamma"}
        What the error means; see `fitplugin.stats.counts`.
    confidence : float
        1 - alpha.

    Returns
    -------
    limit : array
        S95_expected [events].

    Source: Cowan, Cranmer, Gross, Vitells, arXiv:1007.1727, eqs. 87-89 (CLs, Asimov data).

    >>> float(expected_limit(1e4, 1e-6).round(1))     # about 1.96 sqrt(B) for large counts
    197.3
    """
    b, error = np.broadcast_arrays(np.asarray(n_background, float), np.asarray(background_error))
    target = float(ndtri(1.0 - 0.5 * (1.0 - confidence))) ** 2
    # far beyond any limit: q grows at least like 2 (S - B ln(1 + S/B)) without errors, and a
    # lognormal background costs no more than the same number of its own deviations
    high = 50.0 + 50.0 * np.sqrt(b) + 50.0 * error
    return _crossing(
        lambda n_signal: np.asarray(q_mu(b, n_signal, 0.0, b, error, mode=mode)) > target,
        np.zeros(b.shape), high,
    )  # fmt: skip


class UpperLimits(NamedTuple):
    """Upper limits on the signal strength mu, each of the shape of the inputs.

    ``minus_1sd`` and ``plus_1sd`` bound the central 68 % of limits that a background alone gives.
    """

    observed: FloatArray
    expected: FloatArray
    minus_1sd: FloatArray
    plus_1sd: FloatArray


def upper_limits(
    n_observed: ArrayLike,
    n_signal: ArrayLike,
    signal_error: ArrayLike,
    n_background: ArrayLike,
    background_error: ArrayLike,
    mode: Mode = "mean",
    confidence: float = 0.95,
) -> UpperLimits:
    """CLs upper limits on mu, the factor on the predicted signal, by asymptotic formulae.

    A point is excluded where its limit is below 1. The background-only Asimov data are those of
    the background fitted to the observation, as pyhf has them; the test statistic is q~ (no
    negative mu, no evidence against a signal from an excess above it).

    Parameters
    ----------
    n_observed, n_signal, signal_error, n_background, background_error : arrays that broadcast
        Events; the error of the signal is relative, and the same at every mu. Signal and
        background > 0.
    mode : str
        Of the lognormal nuisances, see `fitplugin.stats.counts`; not gamma.
    confidence : float

    Returns
    -------
    UpperLimits
        Limits from 1e-9 to 1e9: at the edge they are beyond it.

    Raises
    ------
    InputError
        If signal or background is not > 0, or the mode is gamma.

    Source: Cowan, Cranmer, Gross, Vitells, arXiv:1007.1727, Eqs. 16, 62 to 66 and 89; A. Read,
    J. Phys. G 28 (2002) 2693 (CLs).

    >>> found = upper_limits(100, 20.0, 0.0, 100.0, 5.0)
    >>> bool(found.minus_1sd < found.expected < found.plus_1sd)
    True
    """
    if mode == "gamma":
        raise InputError("mode", "limits on mu need a lognormal background; gamma has none")
    n, s, ds, b, db = (
        np.array(a, dtype=float)
        for a in np.broadcast_arrays(
            n_observed, n_signal, signal_error, n_background, background_error
        )
    )
    for name, values in (("n_signal", s), ("n_background", b)):
        if not (values > 0).all():
            raise InputError(name, "is not above 0 everywhere; a limit on mu needs both")
    median, width = lognormal(b, db, mode)
    pull = width * _fitted_nuisance(n, median, width)
    asimov, fitted, fitted_error = np.exp(median + pull), b * np.exp(pull), db * np.exp(pull)
    log_signal, _ = lognormal(s, ds, mode)

    def root_q_asimov(mu: FloatArray) -> FloatArray:
        q = q_mu(asimov, mu * s, mu * ds, fitted, fitted_error, mode=mode)
        return np.sqrt(np.maximum(np.asarray(q), 1e-300))

    def log_cls(mu: FloatArray) -> FloatArray:
        q = np.asarray(q_mu(n, mu * s, mu * ds, b, db, mode=mode, restrict=True))
        q = np.where(n >= np.exp(median) + mu * np.exp(log_signal), 0.0, q)
        root, root_asimov = np.sqrt(q), root_q_asimov(mu)
        far = q > root_asimov**2
        shift = np.where(far, 0.5 * (q + root_asimov**2) / root_asimov, root)
        alone = np.where(far, 0.5 * (q - root_asimov**2) / root_asimov, root - root_asimov)
        return np.asarray(log_ndtr(-shift) - log_ndtr(-alone))

    alpha = 1.0 - confidence

    def limit(is_excluded: Callable[[FloatArray], BoolArray]) -> FloatArray:
        ends = np.full(n.shape, np.log(1e-9)), np.full(n.shape, np.log(1e9))
        return np.asarray(np.exp(_crossing(lambda log_mu: is_excluded(np.exp(log_mu)), *ends)))

    def expected(n_sd: float) -> FloatArray:
        threshold = float(ndtri(1.0 - alpha * ndtr(n_sd)) + n_sd)
        return limit(lambda mu: root_q_asimov(mu) > threshold)

    observed = limit(lambda mu: np.log(alpha) > log_cls(mu))
    return UpperLimits(observed, expected(0.0), expected(-1.0), expected(1.0))


def _crossing(
    is_above: Callable[[FloatArray], BoolArray], low: FloatArray, high: FloatArray
) -> FloatArray:
    """Return where a condition that holds from some place on begins to, by halving."""
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        above = is_above(middle)
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.asarray(0.5 * (low + high))


def _fitted_nuisance(n: FloatArray, median: FloatArray, width: FloatArray) -> FloatArray:
    """Maximise n ln lambda - lambda - nu^2/2 in nu, where lambda = e^(median + width nu)."""
    # concave: Newton from the side where the exponential is steepest converges monotonically
    nu = np.maximum(0.0, (np.log(np.maximum(n, 1e-12)) - median) / np.maximum(width, 1e-12))
    nu = np.minimum(nu, width * n)
    for _ in range(_STEPS):
        count = np.exp(median + width * nu)
        nu = nu + (width * (n - count) - nu) / (width**2 * count + 1.0)
    return np.asarray(nu)
