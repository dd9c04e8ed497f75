"""A Poisson count whose mean is a sum of two lognormal yields, to machine-like accuracy.

With ``ln s ~ N(log_s, k_s^2)`` and ``ln b ~ N(log_b, k_b^2)`` take ``t = ln(s/b)`` and
``L = ln(s + b)``; the Jacobian is one. Put ``K^2 = k_s^2 + k_b^2`` and
``kappa = k_s k_b / K``. Then, exactly, ``t ~ N(log_s - log_b, K^2)`` and
``L | t ~ N(m(t), kappa^2)``. With ``tau`` the standardised ``t``,

    ``m = ln(exp(log_b - tau k_b^2 / K) + exp(log_s + tau k_s^2 / K))``.

Given tau the integrand is log-concave in L. Its mode is a Wright omega function and its
integral is the Laplace value times a correction that depends on two numbers only, which
is tabulated once. A one-dimensional integral over tau remains: smooth, with at most two
peaks, done by the trapezoid rule where that converges (nearly always) and by adaptive
Gauss-Kronrod panels elsewhere. A vanishing yield or width needs no special case.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.special import expit, gammaln, wrightomega

from fitplugin.arrays import BoolArray, FloatArray, IntArray
from fitplugin.stats.gaussian import HALF_LOG_2PI
from fitplugin.stats.laplace_correction import laplace_correction
from fitplugin.stats.quadrature import (
    GAUSS_WEIGHTS,
    KRONROD_NODES,
    KRONROD_WEIGHTS,
    integrate,
    support,
)

ABSENT = -1e4  # log of a yield that is exactly zero; exp() of it underflows
SPAN = 7.6  # the prior has dropped by exp(-28.9) here


class Cells(NamedTuple):
    """One row per entry, every field an (n_rows, 1) array; see the module's formulas."""

    n: FloatArray
    n_ref: FloatArray  # max(n, 1); L is measured from its log, so that n ~ 1e6 keeps digits
    log_s: FloatArray  # minus ln n_ref, as log_b
    slope_s: FloatArray
    log_b: FloatArray
    slope_b: FloatArray
    big_k: FloatArray
    kappa: FloatArray
    gain: FloatArray  # kappa^2 n_ref
    log_gain: FloatArray
    lift: FloatArray  # kappa^2 n
    low: FloatArray  # every mode in tau lies in [low, high]
    high: FloatArray

    def take(self, rows: IntArray | BoolArray | slice) -> Cells:
        """Return the chosen rows."""
        return Cells(*[field[rows] for field in self])


class Inner(NamedTuple):
    """What maximising over L at fixed tau gives, all (n_rows, n_nodes)."""

    log_peak: FloatArray  # maximum over L of prior times Poisson, without `log_constant`
    residual: FloatArray  # n - lambda at the maximum
    shrink: FloatArray  # 1 / (1 + kappa^2 lambda)


def prepare(n: FloatArray, log_yield: FloatArray, k: FloatArray) -> Cells:
    """Bring (n_rows,) counts, (2, n_rows) log-medians and widths to the module's coordinates.

    The first axis is signal, background.
    """
    n, log_yield, k = n[:, np.newaxis], log_yield[:, :, np.newaxis], k[:, :, np.newaxis]
    big_k = np.hypot(k[0], k[1])
    safe = np.maximum(big_k, 1e-300)
    slope = k * (k / safe)
    kappa = k[0] * (k[1] / safe)
    n_ref = np.maximum(n, 1.0)
    log_ref = np.log(n_ref)
    gain = np.minimum(np.maximum(kappa * kappa * n_ref, 1e-300), 1e300)
    low, high = _mode_range(n, log_yield, k) / safe
    log_s, log_b = log_yield - log_ref
    return Cells(
        n, n_ref, log_s, slope[0], log_b, slope[1],
        big_k, kappa, gain, np.log(gain), gain * (n / n_ref), -low, high,
    )  # fmt: skip


def _mode_range(n: FloatArray, log_yield: FloatArray, k: FloatArray) -> FloatArray:
    """Bound the shifts of t, down and up, at any mode.

    There nu = k y (n/lambda - 1) for either yield y, hence both have the same sign.
    """
    y = np.exp(np.maximum(log_yield, -600.0))
    k_squared = k * k
    excess = n - y[0] - y[1]
    up = np.minimum(np.log(np.maximum((n - y[::-1]) / y, 1.0)), k_squared * excess)
    # below the nominal yield, k nu >= -W(k^2 y) >= -ln(1 + k^2 y)
    return np.where(excess > 0, up[::-1], np.log1p(k_squared * y))


def log_constant(n: FloatArray, ref: FloatArray) -> FloatArray:
    """Return n ln(ref) - ref - ln Gamma(n+1), ref = max(n, 1), precise at large n."""
    inverse = 1.0 / ref
    series = inverse * (1 / 12 - inverse**2 * (1 / 360 - inverse**2 * (1 / 1260)))
    stirling = -HALF_LOG_2PI - 0.5 * np.log(ref) - series
    small = np.minimum(n, 64.0)
    plain = small * np.log(np.maximum(small, 1.0)) - np.maximum(small, 1.0) - gammaln(small + 1)
    return np.where(n < 64.0, plain, stirling)


def _inner(cells: Cells, tau: FloatArray) -> Inner:
    mean = np.logaddexp(
        cells.log_b - cells.slope_b * tau,
        cells.log_s + cells.slope_s * tau,
    )
    # the mode solves d + kappa^2 (n_ref e^d - n) = mean, where d = L - ln n_ref
    mean += cells.lift
    omega = wrightomega(mean + cells.log_gain)
    d = mean - omega
    is_stiff = cells.gain > 10.0
    if is_stiff.any():  # there the difference above loses digits and the ratio does not
        ratio = np.log(np.maximum(omega, 1.0) / cells.gain)
        d = np.where(is_stiff & (omega > 1.0), ratio, d)
    rise = np.minimum(cells.n_ref * np.expm1(np.minimum(d, 700.0)), 1e307)
    residual = (cells.n - cells.n_ref) - rise
    pull = cells.kappa * residual
    log_peak = cells.n * d - rise - 0.5 * (pull * pull + tau * tau)
    shrink = 1.0 / (1.0 + (cells.kappa * (cells.n_ref + rise)) * cells.kappa)
    return Inner(log_peak, residual, shrink)


def _density(cells: Cells, tau: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the log-integrand at its inner Laplace peak, and the factor that goes with it."""
    inner = _inner(cells, tau)
    return inner.log_peak, np.sqrt(inner.shrink) * laplace_correction(cells.kappa, inner.shrink)


_PAD = np.array([0.03, 0.12, 0.3, 0.6, 1.0])
_INSIDE = np.array([0.0, 0.03, 0.12, 0.4, 0.75])
_TO_LOW = np.concatenate((np.ones(5), 1 - _INSIDE, np.zeros(11)))
_TO_HIGH = np.concatenate((np.zeros(11), 1 - _INSIDE[::-1], np.ones(5)))
_TO_PAD = np.concatenate((-SPAN * _PAD[::-1], np.zeros(11), SPAN * _PAD))


def _survey(cells: Cells) -> FloatArray:
    """Return (n_rows, 21) nodes holding `low`, 0 and `high`, denser at these, SPAN beyond."""
    return np.asarray(cells.low * _TO_LOW + cells.high * _TO_HIGH + _TO_PAD)


def log_integral(cells: Cells) -> FloatArray:
    """Return the (n_rows,) log of the integral over tau and L, `log_constant` left out."""
    nodes = _survey(cells)
    wide, tight = support(nodes, _inner(cells, nodes).log_peak)
    result, left, wide = integrate(
        lambda rows: partial(_density, cells.take(rows)), wide, tight, (30, 60, 150)
    )
    if len(left):
        result[left] = _by_panels(cells.take(left), *wide)
    return result - HALF_LOG_2PI


def _by_panels(cells: Cells, low: FloatArray, high: FloatArray) -> FloatArray:
    """Adaptive Gauss-Kronrod for rows whose peaks differ in width by orders of magnitude."""
    tau, log_peak, curvature = _polish(cells)
    top = log_peak.max(axis=1)
    safe_k = np.maximum(cells.big_k, 1e-300)
    kink = np.clip((cells.log_b - cells.log_s) / safe_k, -SPAN, SPAN)
    centre = np.hstack((tau, kink, cells.low, cells.high))
    width = np.hstack((1.0 / np.sqrt(np.maximum(-curvature, 1.0)),
                       np.broadcast_to(1.0 / np.maximum(safe_k, 1.0), (len(tau), 3))))  # fmt: skip
    span = 2.0 * SPAN + (high - low)[:, np.newaxis]
    # panels grow geometrically away from every place where the integrand may bend
    reach = width * (span / width) ** (np.arange(9)[:, np.newaxis, np.newaxis] / 8.0)
    edges = np.concatenate((centre[np.newaxis], centre + reach, centre - reach))
    edges = np.moveaxis(edges, 0, 1).reshape(len(tau), -1)
    edges = np.sort(np.clip(np.hstack((edges, low[:, None], high[:, None])),
                            low[:, None], high[:, None]), axis=1)  # fmt: skip
    row, column = np.nonzero(np.diff(edges, axis=1) > 0)
    start, stop = edges[row, column], edges[row, column + 1]
    total = np.zeros(len(tau))
    # log f is a difference of large terms: splitting does not help below its rounding
    noise = 1e-8 + np.minimum(1e-14 * np.maximum(cells.n_ref[:, 0], np.abs(top)), 0.1)
    for _ in range(40):
        half = 0.5 * (stop - start)
        nodes = 0.5 * (start + stop)[:, np.newaxis] + half[:, np.newaxis] * KRONROD_NODES
        log_f, factor = _density(cells.take(row), nodes)
        values = np.exp(np.minimum(log_f - top[row, np.newaxis], 700.0)) * factor
        kronrod, gauss = half * (values @ KRONROD_WEIGHTS), half * (values @ GAUSS_WEIGHTS)
        scale = total + np.bincount(row, kronrod, minlength=len(tau))
        # the Kronrod value is far better than its distance from the Gauss value
        bad = np.abs(kronrod - gauss) > noise[row] * scale[row]
        bad &= half > 1e-14 * np.maximum(np.abs(start), np.abs(stop))
        total += np.bincount(row[~bad], kronrod[~bad], minlength=len(tau))
        if not bad.any():
            break
        middle = 0.5 * (start[bad] + stop[bad])
        start, stop = np.concatenate((start[bad], middle)), np.concatenate((middle, stop[bad]))
        row = np.concatenate((row[bad], row[bad]))
    return np.asarray(np.log(total) + top)


def _starts(cells: Cells) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the two best local maxima of the survey and a bracket of each, (n_rows, 2)."""
    nodes = _survey(cells)
    log_f = _inner(cells, nodes).log_peak
    wall = np.full((len(nodes), 1), -np.inf)
    left, right = np.hstack((wall, log_f[:, :-1])), np.hstack((log_f[:, 1:], wall))
    score = np.where((log_f >= left) & (log_f >= right), log_f, -np.inf)
    rows = np.arange(len(nodes))
    best = score.argmax(axis=1)
    score[np.abs(nodes - nodes[rows, best][:, np.newaxis]) == 0] = -np.inf
    second = score.argmax(axis=1)
    second = np.where(score[rows, second] > -np.inf, second, best)
    tau = np.stack((nodes[rows, best], nodes[rows, second]), axis=1)
    gap = nodes[:, np.newaxis, :] - tau[:, :, np.newaxis]
    below = np.where(gap < 0, gap, -np.inf).max(axis=2)
    above = np.where(gap > 0, gap, np.inf).min(axis=2)
    return tau, tau + np.where(below > -np.inf, below, 0), tau + np.where(above < np.inf, above, 0)


def _polish(cells: Cells) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bracketed Newton from `_starts`: (n_rows, 2) places, heights, second derivatives."""
    tau, low, high = _starts(cells)
    height, curvature = np.empty_like(tau), np.empty_like(tau)
    active = np.arange(len(tau))
    here = cells
    for iteration in range(120):
        t, a, b = tau[active], low[active], high[active]
        inner = _inner(here, t)
        fraction = expit((here.log_s + here.slope_s * t) - (here.log_b - here.slope_b * t))
        slope = here.slope_s * fraction - here.slope_b * (1 - fraction)
        lam = here.n - inner.residual
        first = inner.residual * slope - t
        second = -1.0 - lam * inner.shrink * slope**2
        second += inner.residual * here.big_k**2 * fraction * (1 - fraction)
        height[active], curvature[active] = inner.log_peak, second
        a, b = np.where(first > 0, t, a), np.where(first > 0, b, t)
        step = -first / np.where(second < 0, second, -1.0)
        is_newton = (second < 0) & (t + step > a) & (t + step < b)
        new = np.where(is_newton, t + step, 0.5 * (a + b))
        done = is_newton & (step * step * -second < 1e-17)
        done |= (b - a) ** 2 * np.maximum(-second, 1.0) < 1e-17
        done |= (first == 0) | (b - a <= 4e-16 * np.abs(t))
        tau[active], low[active], high[active] = np.where(done, t, new), a, b
        if done.all():
            break
        if iteration % 5 == 4:  # a few hard rows must not cost the others
            keep = ~done.all(axis=1)
            active, here = active[keep], here.take(keep)
    return tau, height, curvature


def log_maximum(cells: Cells) -> FloatArray:
    """Return the (n_rows,) maximum of exp(-nu^2/2) times Poisson, `log_constant` left out."""
    return np.asarray(_polish(cells)[1].max(axis=1))
