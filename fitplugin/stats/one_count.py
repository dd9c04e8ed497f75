"""One ordinary counting likelihood in scalar arithmetic: its maximum, and the proof of no other.

Same coordinates as `poisson_lognormal`: with ``tau`` and z standard normal,
``lambda = (s e^(a tau) + b e^(-c tau)) e^(kappa z)``. An array operation on so few numbers costs
more than all that is done here.
"""

from __future__ import annotations

from math import exp, lgamma, log, sqrt
from typing import NamedTuple

from fitplugin.stats.gaussian import HALF_LOG_2PI

_K_ORDINARY = 1.0
_N_LARGE = 1e4  # beyond, the plain differences of log f lose digits
_E, _ROOT_E = exp(1.0), exp(0.5)


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
    if not (k_s <= _K_ORDINARY and k_b <= _K_ORDINARY and n <= _N_LARGE and 1e-200 < s + b < 1e6):
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
    height, z = on_ridge(entry, tau, z)
    return Peak(height, tau, z, lam, lean, bend, bend_z)


def on_ridge(entry: Case, tau: float, z: float) -> tuple[float, float]:
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
    u, y = 1.0, _E * median
    if k2 * _most(n, y, other) < u:
        return True
    best = sqrt(n * other) - other  # where the right-hand side is largest
    while y < best:  # bound u from below and the right-hand side from above, step by step
        y = min(_ROOT_E * y, best)
        if k2 * (n - y - other) * y / (y + other) >= u:
            return False
        u += 0.5
    return k2 * _most(n, y, other) < log(y / median)


def _crosses_upwards(n: float, y: float, k2: float, other: float, k2_other: float) -> bool:
    u, u_other = k2 * _most(n, _E * y, other), k2_other * _most(n, other, _E * y)
    if u <= 1.0 or u_other >= 1.0:
        return u <= 1.0
    return _E * y * (1.0 - u_other) > (u - 1.0) * other * exp(u_other)
