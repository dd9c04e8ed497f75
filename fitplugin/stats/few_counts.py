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
from math import exp, inf, log, log1p, nan, sqrt
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.stats.gaussian import HALF_LOG_2PI
from fitplugin.stats.one_count import (
    Case,
    Peak,
    case,
    find_peak,
    has_one_mode,
    log_constant,
    on_ridge,
)
from fitplugin.stats.poisson_lognormal import ABSENT

# entries up to which this is faster than the general scheme
MOST_INTEGRALS, MOST_MAXIMA = 12, 32
N_CELLS = (24, 48)  # to try in turn
REACH = 4.9  # the integrand has dropped by exp(-REACH^2) at the ends
TOO_DIFFERENT = 2e-5  # half the nodes: the error of all of them is about the square of it
TOO_MUCH_LEFT = 1e-9


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


class Rule(NamedTuple):
    """The nodes around a peak."""

    log_scale: float  # of the nodes' mean
    rows: tuple[float, ...]  # (10, 5) coefficients; see `log_integrals`


def lay_rule(entry: Case, peak: Peak) -> Rule | None:
    """Lay the nodes around the peak; None if there may be another."""
    n, n_ref, s, b, a, c, kappa, _, _ = entry
    if not has_one_mode(entry):
        return None
    top, tau, z, lam, lean, bend, bend_z = peak
    width = 6.3 / sqrt(bend)
    fall = top - on_ridge(entry, tau - width, z + lean * width)[0]
    rise = top - on_ridge(entry, tau + width, z - lean * width)[0]
    if not (fall > 1.0 and rise > 1.0):
        return None
    start, stop = tau - width * REACH / sqrt(fall), tau + width * REACH / sqrt(rise)
    # the ridge: a parabola through the mode and both ends
    span = stop - start
    place = (tau - start) / span
    z0 = on_ridge(entry, start, z + lean * place * span)[1]
    z1 = on_ridge(entry, stop, z - lean * (1.0 - place) * span)[1] - z0
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
    """Return median and width k of a yield: `counts.lognormal` of one, in scalars."""
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
