"""The marginal counting likelihood of a few ordinary entries, where overheads would rule.

Same integral and coordinates as `poisson_lognormal`: with ``tau`` and z standard normal,
``lambda = (s e^(a tau) + b e^(-c tau)) e^(kappa z)``. The mode is found in scalar
arithmetic; a trapezoid rule centred on it then runs over all entries in one go. On rows
sheared along the ridge ``z = delta(tau)`` both lambda and the Gaussian factorise, so the
two-dimensional sum costs little more than its exponentials.

Only what is proven good is returned: every mode inside the range, nothing left at its
edges, and agreement when every other node is dropped, in either dimension. The rest gives
NaN and belongs to `poisson_lognormal`.
"""

from __future__ import annotations

from math import exp, inf, isfinite, lgamma, log, sqrt
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.stats.poisson_lognormal import HALF_LOG_2PI

MOST = 32  # entries from which the general scheme is faster
K_ORDINARY = 1.0
N_LARGE = 1e5  # beyond, the plain differences of log f lose digits
N_CELLS = 24
REACH = 4.9  # the integrand has dropped by exp(-REACH^2) at the ends
TOO_DIFFERENT = 2e-5  # half the nodes: the error of all of them is about the square of it
TOO_MUCH_LEFT = 1e-9

_BASIS = np.stack((np.ones(N_CELLS + 1), np.arange(N_CELLS + 1.0) / N_CELLS))
# sums over all nodes (a), twice every other (b) and the two edges (c)
_SUMS = np.ones((3, N_CELLS + 1))
_SUMS[1, ::2], _SUMS[1, 1::2], _SUMS[2, 1:-1] = 2.0, 0.0, 0.0
_SUMS_T = np.ascontiguousarray(_SUMS.T)


class Mode(NamedTuple):
    """The maximum of exp(-(tau^2 + z^2)/2) times Poisson and the rule around it."""

    log_peak: float  # without `log_constant`
    is_only: bool  # no second maximum can exist
    rows: tuple[float, ...]  # 5 x (start, increment) of what is affine in the node's number
    scalars: tuple[float, float, float, float]  # n, n_ref, kappa, offset of the log-integrand
    log_cell: float


def log_constant(n: float) -> float:
    """Return n ln(ref) - ref - ln Gamma(n+1), ref = max(n, 1), precise at large n."""
    if n < 64.0:
        return (n * log(n) - n if n > 1.0 else -1.0) - lgamma(n + 1.0)
    inverse = 1.0 / n
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square / 1260))
    return -HALF_LOG_2PI - 0.5 * log(n) - series


def find_mode(n: float, s: float, k_s: float, b: float, k_b: float) -> Mode | None:
    """Find the maximum for medians s and b of widths k; None if the case is not ordinary."""
    if not (k_s <= K_ORDINARY and k_b <= K_ORDINARY and n <= N_LARGE and 1e-250 < s + b < 1e6):
        return None
    big_k = sqrt(k_s * k_s + k_b * k_b)
    cos, sin = (k_s / big_k, k_b / big_k) if big_k > 0.0 else (1.0, 0.0)
    a, c, kappa = k_s * cos, k_b * sin, k_s * sin
    big_k2, kappa2 = big_k * big_k, kappa * kappa
    tau = z = 0.0
    for _ in range(25):
        lift = exp(kappa * z)
        y_s, y_b = s * exp(a * tau) * lift, b * exp(-c * tau) * lift
        lam = y_s + y_b
        share = y_s / lam
        w = (a + c) * share - c
        over = lam - n
        h_z = 1.0 + kappa2 * lam
        fisher = 1.0 + lam * w * w / h_z
        bend = fisher + over * big_k2 * share * (1.0 - share)
        g_z, lean = z + over * kappa, kappa * lam * w / h_z
        # where the Hessian is not safely positive, that of the expected counts leads uphill
        step = (lean * g_z - tau - over * w) / (bend if bend > 0.2 * fisher else fisher)
        step = min(max(step, -4.0), 4.0)
        step_z = -g_z / h_z - lean * step
        tau += step
        z += step_z
        if step * step * fisher + step_z * step_z * h_z < 1e-7:
            break
    else:
        return None
    if bend <= 0.2 * fisher:
        return None

    n_ref = n if n > 1.0 else 1.0

    def drop(t: float) -> tuple[float, float]:
        """Return log f and z near the ridge."""
        ridge = z - lean * (t - tau)
        total = s * exp(a * t) + b * exp(-c * t)
        lam = total * exp(kappa * ridge)
        ridge += (kappa * (n - lam) - ridge) / (1.0 + kappa2 * lam)
        lam = total * exp(kappa * ridge)
        return n * log(lam / n_ref) + n_ref - lam - 0.5 * (t * t + ridge * ridge), ridge

    log_peak, z = drop(tau)
    is_only, low, high = _modes(n, s, k_s * k_s, b, k_b * k_b)
    width = 6.3 / sqrt(bend)
    ends = []
    for t in (-width, width):
        fall = log_peak - drop(tau + t)[0]
        if not fall > 1.0:
            return None
        ends.append(tau + t * REACH / sqrt(fall))
    start, stop = ends
    if not is_only:
        start, stop = min(start, -low / big_k), max(stop, high / big_k)
    z_ends = []
    for x in (-6.6 / sqrt(h_z), 6.6 / sqrt(h_z)):
        fall = 0.5 * x * x + lam * (exp(kappa * x) - 1.0 - kappa * x)
        z_ends.append(x * REACH / sqrt(fall))
    z_low, z_high = z_ends
    span, z_span = stop - start, z_high - z_low
    ridge = z - lean * (start - tau)
    slope = -lean * span
    log_s = log(s / n_ref) if s > 0.0 else -1e4
    log_b = log(b / n_ref) if b > 0.0 else -1e4
    return Mode(
        log_peak, is_only,
        (log_s + a * start + kappa * ridge, a * span + kappa * slope,
         log_b - c * start + kappa * ridge, kappa * slope - c * span,
         start, span, ridge, slope, z_low, z_span),
        (n, n_ref, kappa, n_ref - log_peak),
        log(span * z_span / (N_CELLS * N_CELLS)),
    )  # fmt: skip


def _modes(n: float, s: float, k2_s: float, b: float, k2_b: float) -> tuple[bool, float, float]:
    """Say whether one mode is certain, and bound -t and t = ln(s/b) - nominal at any mode.

    At a mode ``u = k nu = k^2 y (n/lambda - 1)`` for either yield y. In a deficit, and while
    all u < 1, there is one solution. In an excess y and lambda are above nominal, so
    ``u <= k^2 (n - y - other) y / (y + other)``, largest at y = sqrt(n other) - other.
    """
    if n <= s + b or s == 0.0 or b == 0.0:
        return True, inf, inf

    def most(y: float, other: float) -> float:
        y = max(y, sqrt(n * other) - other)
        return max((n - y - other) * y / (y + other), 0.0)

    if k2_s * most(2.718281828 * s, b) < 1.0 and k2_b * most(2.718281828 * b, s) < 1.0:
        return True, inf, inf
    return (
        False,
        min(log(max((n - s) / b, 1.0)), k2_b * most(b, s)),
        min(log(max((n - b) / s, 1.0)), k2_s * most(s, b)),
    )


def log_integrals(modes: list[Mode]) -> list[float]:
    """Return the log-integral of each, `log_constant` left out; NaN where it may be wrong."""
    n_modes = len(modes)
    rows = np.array([mode.rows for mode in modes]).reshape(n_modes, 5, 2) @ _BASIS
    n, n_ref, kappa, offset = np.array([mode.scalars for mode in modes]).T[:, :, np.newaxis]
    delta, z = rows[:, 3], rows[:, 4]
    with np.errstate(all="ignore"):
        sums = _sums(rows, n, n_ref, kappa, offset, delta, z)
    values = []
    for mode, ((total, by_z, edge_z), (by_tau, _, _), (edge_tau, _, _)) in zip(
        modes, sums, strict=True
    ):
        is_good = (
            abs(total - by_z) + abs(total - by_tau) < TOO_DIFFERENT * total < inf
            and edge_z + edge_tau < TOO_MUCH_LEFT * total
        )
        values.append(
            log(total) + mode.log_peak + mode.log_cell - 2.0 * HALF_LOG_2PI if is_good else np.nan
        )
    return values


def _sums(
    rows: FloatArray, n: FloatArray, n_ref: FloatArray, kappa: FloatArray, offset: FloatArray,
    delta: FloatArray, z: FloatArray,
) -> list[list[list[float]]]:  # fmt: skip
    yields = np.exp(rows[:, :2])
    lam = n_ref * (yields[:, 0] + yields[:, 1])
    # one Newton step in z from the straight ridge to the curved one
    shift = (kappa * (n - lam) - delta) / (1.0 + (kappa * kappa) * lam)
    delta = delta + shift
    lam *= np.exp(kappa * shift)
    tau = rows[:, 2]
    row = n * np.log(lam / n_ref) - 0.5 * (tau * tau + delta * delta) + offset
    kz = kappa * z
    column = n * kz - 0.5 * (z * z)
    log_f = row[:, :, np.newaxis] + column[:, np.newaxis]
    log_f -= lam[:, :, np.newaxis] * np.exp(kz)[:, np.newaxis]
    log_f -= delta[:, :, np.newaxis] * z[:, np.newaxis]
    sums: list[list[list[float]]] = (_SUMS @ np.exp(log_f) @ _SUMS_T).tolist()
    return sums


def is_usable(value: float) -> bool:
    """Whether `log_integrals` vouches for a value."""
    return isfinite(value)
