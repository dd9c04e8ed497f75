"""A few ordinary counting likelihoods, where the overheads of array operations would rule.

Same integral and coordinates as `poisson_lognormal`: with ``tau`` and z standard normal,
``lambda = (s e^(a tau) + b e^(-c tau)) e^(kappa z)``. The mode is found in scalar
arithmetic; a trapezoid rule centred on it then runs over all entries in one go. On rows
that follow the ridge ``z = delta(tau)``, a parabola, both lambda and the Gaussian
factorise, and the log-integrand on all nodes is a product of two thin matrices.

Only what is proven good is returned: a single mode, nothing left at the edges, agreement
when every other node is dropped, in either dimension. The rest belongs to
`poisson_lognormal`.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, inf, lgamma, log, log1p, nan, sqrt
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.stats.poisson_lognormal import ABSENT, HALF_LOG_2PI

# entries up to which this is faster than the general scheme
MOST_INTEGRALS, MOST_MAXIMA = 12, 32
K_ORDINARY = 1.0
N_LARGE = 1e4  # beyond, the plain differences of log f lose digits
N_CELLS = (24, 48)  # to try in turn
REACH = 4.9  # the integrand has dropped by exp(-REACH^2) at the ends
TOO_DIFFERENT = 2e-5  # half the nodes: the error of all of them is about the square of it
TOO_MUCH_LEFT = 1e-9
E, ROOT_E = exp(1.0), exp(0.5)


def _node_powers(n_cells: int) -> FloatArray:
    return np.asarray((np.arange(n_cells + 1.0) / n_cells) ** np.arange(5.0)[:, np.newaxis])


def _weights(n_cells: int) -> FloatArray:
    """Weigh the nodes for their sum, for every other in either dimension, and for the edges."""
    every = np.ones(n_cells + 1)
    other, edge = every.copy(), every.copy()
    other[::2], other[1::2], edge[1:-1] = 2.0, 0.0, 0.0
    total, half_tau, half_z = np.outer(every, every), np.outer(other, every), np.outer(every, other)
    edges = np.outer(edge, every) + np.outer(every, edge)
    weights = np.stack((total, half_tau, half_z, edges), axis=-1) / n_cells**2
    return weights.reshape(-1, 4)


_RULES = tuple((_node_powers(n_cells), _weights(n_cells)) for n_cells in N_CELLS)


class Case(NamedTuple):
    """One entry: n events, medians s and b, and the coordinates' constants."""

    n: float
    n_ref: float  # max(n, 1): log f is measured from n ln n_ref - n_ref
    s: float
    b: float
    a: float
    c: float
    kappa: float
    k2_s: float
    k2_b: float


class Peak(NamedTuple):
    """A maximum of exp(-(tau^2 + z^2)/2) times Poisson."""

    height: float  # its log, `log_constant` left out
    tau: float
    z: float
    lam: float
    lean: float  # the ridge falls with this slope in z
    bend: float  # minus the second derivative along the ridge
    bend_z: float  # and across


class Rule(NamedTuple):
    """The nodes around a peak."""

    log_scale: float  # of the nodes' mean
    rows: tuple[float, ...]  # (10, 5) coefficients; see `log_integrals`


def log_constant(n: float) -> float:
    """Return n ln(ref) - ref - ln Gamma(n+1), ref = max(n, 1), precise at large n."""
    if n < 64.0:
        return (n * log(n) - n if n > 1.0 else -1.0) - lgamma(n + 1.0)
    inverse = 1.0 / n
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square / 1260))
    return -HALF_LOG_2PI - 0.5 * log(n) - series


def case(n: float, s: float, k_s: float, b: float, k_b: float) -> Case | None:
    """Return an entry with lognormal medians s, b and widths k; None if not ordinary."""
    if not (k_s <= K_ORDINARY and k_b <= K_ORDINARY and n <= N_LARGE and 1e-200 < s + b < 1e6):
        return None
    s, b = s if s > 1e-250 else 0.0, b if b > 1e-250 else 0.0  # the logs of both are needed
    big_k = sqrt(k_s * k_s + k_b * k_b)
    cos, sin = (k_s / big_k, k_b / big_k) if big_k > 0.0 else (1.0, 0.0)
    n_ref = n if n > 1.0 else 1.0
    return Case(n, n_ref, s, b, k_s * cos, k_b * sin, k_s * sin, k_s * k_s, k_b * k_b)


def find_peak(entry: Case) -> Peak | None:
    """Find a maximum; None if the way there is not smooth."""
    n, _, s, b, a, c, kappa, _, _ = entry
    kappa2, wide2 = kappa * kappa, (a + c) * (a + c)
    tau = z = 0.0
    for _ in range(25):
        lift = exp(kappa * z)
        y_s = s * exp(a * tau) * lift
        lam = y_s + b * exp(-c * tau) * lift
        share = y_s / lam
        slope = (a + c) * share - c
        over = lam - n
        bend_z = 1.0 + kappa2 * lam
        expected = 1.0 + lam * slope * slope / bend_z
        bend = expected + over * wide2 * share * (1.0 - share)
        # where the true Hessian is not safely positive, the expected one leads uphill
        safe = bend if bend > 0.2 * expected else expected
        lean = kappa * lam * slope / bend_z
        slope_z = z + over * kappa
        step = (lean * slope_z - tau - over * slope) / safe
        step = -4.0 if step < -4.0 else 4.0 if step > 4.0 else step
        step_z = -slope_z / bend_z - lean * step
        step_z = -4.0 if step_z < -4.0 else 4.0 if step_z > 4.0 else step_z
        tau += step
        z += step_z
        if step * step * safe + step_z * step_z * bend_z < 1e-8:
            break
    else:
        return None
    if bend <= 0.2 * expected:
        return None
    height, z = _on_ridge(entry, tau, z)
    return Peak(height, tau, z, lam, lean, bend, bend_z)


def _on_ridge(entry: Case, tau: float, z: float) -> tuple[float, float]:
    """Return log f and z after one Newton step in z."""
    n, n_ref, s, b, a, c, kappa, _, _ = entry
    total = s * exp(a * tau) + b * exp(-c * tau)
    lam = total * exp(kappa * z)
    z += max(min((kappa * (n - lam) - z) / (1.0 + kappa * kappa * lam), 5.0), -5.0)
    lam = total * exp(kappa * z)
    return n * log(lam / n_ref) + n_ref - lam - 0.5 * (tau * tau + z * z), z


def _most(n: float, y: float, other: float) -> float:
    """Bound y (n/lambda - 1) in an excess for a yield of at least y, given the least other."""
    y = max(y, sqrt(n * other) - other)
    return max((n - y - other) * y / (y + other), 0.0)


def has_one_mode(entry: Case) -> bool:
    """Whether a second maximum is impossible.

    At a mode ``u = k nu = k^2 y r`` with ``r = n/lambda - 1`` for either yield y. In a
    deficit (r < 0), and while both u < 1, all grows with r but n/(1 + r): one solution. If one
    u may pass 1, let it run instead of r: then ``lambda - n/(1 + r)`` still crosses zero
    upwards only, if the other yield and the share (u - 1)/u are small enough.
    """
    n, s, b, k2_s, k2_b = entry.n, entry.s, entry.b, entry.k2_s, entry.k2_b
    if n <= s + b or s == 0.0 or b == 0.0:
        return True
    is_low_s, is_low_b = _stays_below_one(n, s, k2_s, b), _stays_below_one(n, b, k2_b, s)
    if is_low_s and is_low_b:
        return True
    if is_low_s:
        return _crosses_upwards(n, b, k2_b, s, k2_s)
    return is_low_b and _crosses_upwards(n, s, k2_s, b, k2_b)


def _stays_below_one(n: float, median: float, k2: float, other: float) -> bool:
    u, y = 1.0, E * median
    if k2 * _most(n, y, other) < u:
        return True
    best = sqrt(n * other) - other  # where the right-hand side is largest
    while y < best:  # bound u from below and the right-hand side from above, step by step
        y = min(ROOT_E * y, best)
        if k2 * (n - y - other) * y / (y + other) >= u:
            return False
        u += 0.5
    return k2 * _most(n, y, other) < log(y / median)


def _crosses_upwards(n: float, y: float, k2: float, other: float, k2_other: float) -> bool:
    u, u_other = k2 * _most(n, E * y, other), k2_other * _most(n, other, E * y)
    if u <= 1.0 or u_other >= 1.0:
        return u <= 1.0
    return E * y * (1.0 - u_other) > (u - 1.0) * other * exp(u_other)


def lay_rule(entry: Case, peak: Peak) -> Rule | None:
    """Lay the nodes around the peak; None if there may be another."""
    n, n_ref, s, b, a, c, kappa, _, _ = entry
    if not has_one_mode(entry):
        return None
    top, tau, z, lam, lean, bend, bend_z = peak
    width = 6.3 / sqrt(bend)
    fall = top - _on_ridge(entry, tau - width, z + lean * width)[0]
    rise = top - _on_ridge(entry, tau + width, z - lean * width)[0]
    if not (fall > 1.0 and rise > 1.0):
        return None
    start, stop = tau - width * REACH / sqrt(fall), tau + width * REACH / sqrt(rise)
    # the ridge: a parabola through the mode and both ends
    span = stop - start
    place = (tau - start) / span
    z0 = _on_ridge(entry, start, z + lean * place * span)[1]
    z1 = _on_ridge(entry, stop, z - lean * (1.0 - place) * span)[1] - z0
    z2 = (z - z0 - z1 * place) / (place * (place - 1.0))
    z1 -= z2
    x = 6.6 / sqrt(bend_z)
    kx = kappa * x
    low = -x * REACH / sqrt(lam * (exp(-kx) - 1.0 + kx) + 0.5 * x * x)
    wide = x * REACH / sqrt(lam * (exp(kx) - 1.0 - kx) + 0.5 * x * x) - low
    log_s = log(s / n_ref) if s > 0.0 else ABSENT
    log_b = log(b / n_ref) if b > 0.0 else ABSENT
    nk = n * kappa
    return Rule(
        log(span * wide) + top - 2.0 * HALF_LOG_2PI,
        (
            log_s + a * start + kappa * z0, a * span + kappa * z1, kappa * z2, 0.0, 0.0,
            n_ref - top - 0.5 * (start * start + z0 * z0), -start * span - z0 * z1,
            -0.5 * (span * span + z1 * z1) - z0 * z2, -z1 * z2, -0.5 * z2 * z2,
            -z0, -z1, -z2, 0.0, 0.0,
            1.0, 0.0, 0.0, 0.0, 0.0,
            log(n_ref) + kappa * low, kappa * wide, 0.0, 0.0, 0.0,
            1.0, 0.0, 0.0, 0.0, 0.0,
            low, wide, 0.0, 0.0, 0.0,
            nk * low - 0.5 * low * low, (nk - low) * wide, -0.5 * wide * wide, 0.0, 0.0,
            log_b - c * start + kappa * z0, kappa * z1 - c * span, kappa * z2, 0.0, 0.0,
            n, 0.0, 0.0, 0.0, 0.0,
        ),
    )  # fmt: skip


def _log_integrals(rules: list[Rule], powers: FloatArray, weights: FloatArray) -> list[float]:
    # all that depends on one node's number x, as polynomials in it: 0 ln s(tau), 1 terms of
    # tau alone, 2 -delta, 3 one; 4 ln n_ref e^(kappa z), 5 one, 6 z, 7 terms of z alone;
    # 8 ln b(tau), 9 n
    rows = np.array([rule.rows for rule in rules]).reshape(-1, 10, 5) @ powers
    yields = np.exp(rows[:, ::4])
    lam = yields[:, 0] + yields[:, 2]
    rows[:, 1] += rows[:, 9] * np.log(lam)
    np.negative(lam, out=rows[:, 0])
    rows[:, 4] = yields[:, 1]
    log_f = rows[:, :4].transpose(0, 2, 1) @ rows[:, 4:8]
    sums = np.exp(log_f, out=log_f).reshape(len(rules), -1) @ weights
    values = []
    for rule, (total, half_tau, half_z, edge) in zip(rules, sums.tolist(), strict=True):
        is_good = (
            abs(total - half_tau) + abs(total - half_z) < TOO_DIFFERENT * total < inf
            and edge < TOO_MUCH_LEFT * total
        )
        values.append(rule.log_scale + log(total) if is_good else nan)
    return values


Column = list[float]


def _lognormal(count: float, error: float, mode: str) -> tuple[float, float]:
    """Return median and width k of a yield."""
    if count == 0.0:
        return 0.0, 0.0
    ratio = error / count if error < 10.0 * count else 10.0  # far from ordinary already
    if mode == "scynet":
        return count, ratio
    if mode == "histfactory":
        return count, log1p(ratio)
    k_squared = log1p(ratio * ratio)
    return count * exp(-0.5 * k_squared) if mode == "mean" else count, sqrt(k_squared)


def _peaks(columns: list[Column], mode: str) -> Iterator[tuple[int, Case, Peak]]:
    for i, (n, s, ds, b, db) in enumerate(zip(*columns, strict=True)):
        entry = case(n, *_lognormal(s, ds, mode), *_lognormal(b, db, mode))
        if entry is not None and (peak := find_peak(entry)) is not None:
            yield i, entry, peak


def log_integrals(columns: list[Column], mode: str) -> list[float]:
    """Return the log of the integral over both nuisances; NaN where it may be wrong.

    ``columns`` are n, signal, error, background, error; `log_constant` is included.
    """
    values = [nan] * len(columns[0])
    rules = []
    for i, entry, peak in _peaks(columns, mode):
        rule = lay_rule(entry, peak)
        if rule is not None:
            rules.append((i, rule))
    for powers, weights in _RULES:
        if rules:
            found = _log_integrals([rule for _, rule in rules], powers, weights)
            for (i, _), value in zip(rules, found, strict=True):
                values[i] = value + log_constant(columns[0][i])
            rules = [(i, rule) for i, rule in rules if values[i] != values[i]]
    return values


def log_maxima(columns: list[Column], mode: str) -> list[float]:
    """Return the log of the maximum, without `log_constant`; NaN where there may be two."""
    values = [nan] * len(columns[0])
    for i, entry, peak in _peaks(columns, mode):
        if has_one_mode(entry):
            values[i] = peak.height
    return values
