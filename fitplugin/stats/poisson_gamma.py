"""A Poisson count whose mean is a sum of two gamma-distributed yields.

With ``s = S e^x`` the density of x is ``exp(-alpha phi(x))`` up to a constant, where
``phi(x) = e^x - 1 - x`` and ``alpha = (S / sigma)^2``; likewise ``b = B e^y``. At fixed
``v = x - y`` the integral over the common scale is a gamma function and its maximum a
logarithm. What remains has one maximum in v, the root of a quadratic.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.stats.gaussian import HALF_LOG_2PI
from fitplugin.stats.quadrature import integrate, support

ALPHA_MIN, ALPHA_MAX = 1e-9, 1e14  # relative errors of 3e4 and 1e-7: at their limits by then


class GammaCells(NamedTuple):
    """One row per entry, every field (n_rows, 1)."""

    n: FloatArray
    s: FloatArray
    alpha_s: FloatArray
    b: FloatArray
    alpha_b: FloatArray
    place: FloatArray  # of the maximum in v
    width: FloatArray  # of the peak there

    def take(self, rows: IntArray | slice) -> GammaCells:
        """Return the chosen rows."""
        return GammaCells(*[field[rows] for field in self])


def prepare_gamma(
    n: FloatArray, s: FloatArray, ds: FloatArray, b: FloatArray, db: FloatArray
) -> GammaCells:
    """Match the moments of (n_rows,) yields and errors and find the peak in v."""
    n, s, ds, b, db = np.stack((n, s, ds, b, db))[:, :, np.newaxis]
    alpha_s, alpha_b = _alpha(s, ds), _alpha(b, db)
    p, q = alpha_s + s, alpha_b + b
    # stationary points are the roots of -c2 r^2 + c1 r + c0 in r = e^v; c2, c0 >= 0: one root
    c2, c0 = alpha_b * s * p, alpha_s * b * q
    c1 = (alpha_s + n) * s * q - p * b * (alpha_b + n)
    root = np.sqrt(c1 * c1 + 4 * c2 * c0)
    place = np.log(np.where(c1 > 0, (c1 + root) / (2 * c2), 2 * c0 / (root - c1)))
    place = np.where(np.isfinite(place), place, 0.0)
    r = np.exp(np.clip(place, -300.0, 300.0))
    signal, weight = s * r / (s * r + b), p * r / (p * r + q)
    bend = (alpha_s + alpha_b + n) * weight * (1 - weight) - n * signal * (1 - signal)
    width = 1.0 / np.sqrt(np.where(bend > 1e-12, bend, 1e-12))
    return GammaCells(n, s, alpha_s, b, alpha_b, place, width)


def _alpha(count: FloatArray, error: FloatArray) -> FloatArray:
    # a yield of zero multiplies nothing: any width serves
    ratio = np.where(count > 0, count / np.maximum(error, 1e-300), 1.0)
    return np.asarray(np.clip(ratio, ALPHA_MIN**0.5, ALPHA_MAX**0.5) ** 2)


def _phi(x: FloatArray) -> FloatArray:
    return np.asarray(np.expm1(np.minimum(x, 700.0)) - x)


def _log_peak(cells: GammaCells, v: FloatArray) -> FloatArray:
    """Maximise over the common scale at fixed v; without `log_constant`."""
    is_signal = v > 0  # measure the scale by the yield that is relatively larger
    one, two = np.where(is_signal, cells.s, cells.b), np.where(is_signal, cells.b, cells.s)
    alpha = np.where(is_signal, cells.alpha_b, cells.alpha_s)
    fall = -np.abs(v)
    both = one + two * np.exp(fall)
    total = cells.alpha_s + cells.alpha_b + cells.n
    # log1p keeps the digits near the nominal yields, the sum of positive terms far below
    excess = (both - cells.n + alpha * np.expm1(fall)) / total
    anchor = np.where(is_signal, cells.alpha_s, cells.alpha_b)
    ratio = (both + anchor + alpha * np.exp(fall)) / total
    large = -np.where(excess < -0.5, np.log(ratio), np.log1p(np.maximum(excess, -0.6)))
    small = large + fall
    x, y = np.where(is_signal, large, small), np.where(is_signal, small, large)
    n_ref = np.maximum(cells.n, 1.0)
    d = np.maximum(large + np.log(both / n_ref), -1e4)
    poisson = cells.n * d - n_ref * np.expm1(np.minimum(d, 700.0))
    return np.asarray(poisson - cells.alpha_s * _phi(x) - cells.alpha_b * _phi(y))


def log_maximum_gamma(cells: GammaCells) -> FloatArray:
    """Return the (n_rows,) maximum; either constraint is 1 at its nominal yield."""
    return _log_peak(cells, cells.place)[:, 0]


def _stirling_error(z: FloatArray) -> FloatArray:
    """Return ln Gamma(z) minus Stirling's z ln z - z + ln(2 pi / z) / 2."""
    inverse = 1.0 / np.maximum(z, 64.0)
    series = inverse * (1 / 12 - inverse**2 * (1 / 360 - inverse**2 / 1260))
    small = np.minimum(z, 64.0)
    plain = gammaln(small) - (small - 0.5) * np.log(small) + small - HALF_LOG_2PI
    return np.where(z < 64.0, plain, series)


def _density(cells: GammaCells, g: FloatArray) -> tuple[FloatArray, FloatArray]:
    v = cells.place + cells.width * np.sinh(g)
    return _log_peak(cells, v), cells.width * np.cosh(g)


def log_integral_gamma(cells: GammaCells) -> FloatArray:
    """Return the (n_rows,) log of the integral, `log_constant` left out.

    The tails in v fall like exp(alpha_s v) and exp(-alpha_b v), as slow as a small alpha
    makes them; hence the step that grows: v = place + width sinh(g).
    """
    slowest = np.minimum(np.hstack((cells.alpha_s, cells.alpha_b)), 1.0)
    reach = np.arcsinh((60.0 / slowest + 60.0) / cells.width)
    share = np.linspace(0.0, 1.0, 64)
    g = -reach[:, :1] * (1 - share) + reach[:, 1:] * share
    wide, tight = support(g, _density(cells, g)[0])
    total = cells.alpha_s + cells.alpha_b + cells.n
    norm = 0.5 * np.log(cells.alpha_s / total * cells.alpha_b) - HALF_LOG_2PI
    norm += _stirling_error(total) - _stirling_error(cells.alpha_s)
    norm -= _stirling_error(cells.alpha_b)
    result, _, _ = integrate(
        lambda rows: partial(_density, cells.take(rows)), wide, tight, (32, 96, 384, 1536)
    )
    return np.asarray(result + norm[:, 0])
