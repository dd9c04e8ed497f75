"""What Laplace's approximation misses of a lognormal-smeared Poisson term.

The integral of ``exp(-x^2 / (2 kappa^2) - lambda (e^x - 1 - x))`` over its Laplace value
``sqrt(2 pi) sigma``, ``sigma^2 = kappa^2 shrink``, ``shrink = 1 / (1 + kappa^2 lambda)``:
a smooth function of two numbers, near 1. It is fitted once for kappa up to 0.8, where
real analyses live, and integrated where it is wider.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.polynomial import Chebyshev, chebyshev

from fitplugin.arrays import FloatArray


def _by_quadrature(kappa: FloatArray, lam: FloatArray, n_nodes: int = 97) -> FloatArray:
    """Return the integral of exp(-x^2/(2 kappa^2) - lam (e^x-1-x)) over its Laplace value.

    Trapezoid rule after ``x = centre + scale sinh(v)``: for small lam the right-hand side
    is a soft step of unit width beside a Gaussian that may be hundreds wide.
    """
    lam = np.maximum(lam, 1e-200)
    sigma = 1.0 / np.sqrt(kappa**-2.0 + lam)
    left = np.minimum(8.2 * kappa, 33.0 / lam + 9.0 / np.sqrt(lam))
    g = 40.0 / lam
    right = np.minimum(8.2 * kappa, np.log1p(g + np.sqrt(2 * g)))
    right = np.minimum(right, np.sqrt(2 * 33.0 / lam))
    centre = np.clip(-np.log(lam), 0.0, right)
    scale = np.minimum(sigma, 1.0)
    start = np.arcsinh((-left - centre) / scale)
    step = (np.arcsinh((right - centre) / scale) - start) / (n_nodes - 1)
    v = start[..., np.newaxis] + step[..., np.newaxis] * np.arange(n_nodes)
    x = centre[..., np.newaxis] + scale[..., np.newaxis] * np.sinh(v)
    drop = 0.5 * (x / kappa[..., np.newaxis]) ** 2 + lam[..., np.newaxis] * (np.expm1(x) - x)
    total = (np.exp(-drop) * np.cosh(v)).sum(axis=-1)
    return np.asarray(total * step * scale / (sigma * np.sqrt(2 * np.pi)))


@cache
def _correction_table(kappa_max: float, n_kappa: int, n_p: int) -> FloatArray:
    """Fit the correction in Chebyshev(kappa^2) times powers of 2p - 1, p = 1 - shrink."""

    def roots(size: int) -> FloatArray:
        return np.cos(np.pi * (np.arange(size) + 0.5) / size)

    kappa = kappa_max * np.sqrt((roots(n_kappa) + 1) / 2)[:, np.newaxis]
    p = (roots(n_p) + 1) / 2
    kappa, p = np.broadcast_arrays(kappa, p)
    values = _by_quadrature(kappa, p / (1 - p) / kappa**2)
    rows = np.linalg.solve(chebyshev.chebvander(roots(n_kappa), n_kappa - 1), values)
    both = np.linalg.solve(chebyshev.chebvander(roots(n_p), n_p - 1), rows.T).T
    powers = [Chebyshev(row).convert(kind=np.polynomial.Polynomial).coef for row in both]
    return np.array([np.pad(row, (0, n_p - len(row))) for row in powers])


# (largest kappa, table sizes): relative error below 2e-11 and 2e-9; beyond, quadrature
TABLES = ((0.3, 8, 11), (0.8, 16, 24))


def _from_table(table: tuple[float, int, int], kappa: FloatArray, shrink: FloatArray) -> FloatArray:
    kappa_max, n_kappa, n_p = table
    angle = np.arccos(2.0 * (kappa / kappa_max) ** 2 - 1.0)
    coefficients = np.cos(angle * np.arange(n_kappa)) @ _correction_table(kappa_max, n_kappa, n_p)
    x = 1.0 - 2.0 * shrink
    value = coefficients[:, -1:] * x
    for j in range(n_p - 2, 0, -1):
        value += coefficients[:, j : j + 1]
        value *= x
    value += coefficients[:, :1]
    return np.asarray(value)


def laplace_correction(kappa: FloatArray, shrink: FloatArray) -> FloatArray:
    """Return the correction for (n_rows, 1) kappa and (n_rows, n_nodes) shrink."""
    largest = float(kappa.max())
    if largest <= TABLES[0][0]:
        return _from_table(TABLES[0], kappa, shrink)
    value = np.ones_like(shrink)
    below = -1.0
    for table in TABLES:
        rows = np.flatnonzero((kappa > below) & (kappa <= table[0]))
        below = table[0]
        if len(rows):
            value[rows] = _from_table(table, kappa[rows], shrink[rows])
    for row in np.flatnonzero(kappa > below):  # rare and wide: row by row bounds the memory
        k = np.full(shrink.shape[1], kappa[row, 0])
        value[row] = _by_quadrature(k, (1.0 / np.maximum(shrink[row], 1e-200) - 1.0) / k**2)
    return value
