"""Common uncertainties against nested quadrature, brute force and their limits."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import gammaln

from fitplugin.errors import InputError
from fitplugin.stats.correlated import log_marginal_correlated, log_profile_correlated
from fitplugin.stats.counts import MODES, log_marginal
from fitplugin.stats.shared import log_marginal_shared

N, B, DB = np.array([33.2, 68.9]), np.array([12.2, 21.1]), np.array([3.9, 5.9])
ERROR = {  # relative error of a given width k
    "mean": lambda k: np.sqrt(np.expm1(k * k)),
    "median": lambda k: np.sqrt(np.expm1(k * k)),
    "scynet": lambda k: k,
    "histfactory": np.expm1,
}


@pytest.mark.parametrize("mode", list(ERROR))
@pytest.mark.parametrize(("n", "b", "db"), [(33.2, 12.2, 3.9), (0, 3, 1), (300, 20, 5), (12, 0, 0)])
def test_one_region_adds_the_widths_in_quadrature(mode, n, b, db):
    rng = np.random.default_rng(3)
    s, own, shared = 10 ** rng.uniform(-1, 2, 12), rng.uniform(0.05, 0.3, 12), rng.uniform(0, 1, 12)
    both = ERROR[mode](np.hypot(own, shared))
    value = log_marginal_shared(
        [n], s[:, None], (s * ERROR[mode](own))[:, None], ERROR[mode](shared), [b], [db], mode
    )
    assert_allclose(value, log_marginal(n, s, s * both, b, db, mode), rtol=0, atol=2e-6)


@pytest.mark.parametrize("mode", MODES)
def test_no_shared_error_gives_back_the_product(mode):
    s = np.array([[21.0, 47.8], [0.0, 3.0], [0.0, 0.0]])
    product = log_marginal(N, s, 0.2 * s, B, DB, mode).sum(axis=1)
    for shared, atol in ((0.0, 0.0), (1e-6, 1e-8)):
        value = log_marginal_shared(N, s, 0.2 * s, np.full(3, shared), B, DB, mode)
        assert_allclose(value, product, rtol=0, atol=atol)


@pytest.mark.parametrize("mode", ["mean", "histfactory"])
def test_two_regions_equal_nested_quadrature(mode):
    nu = np.linspace(-9.0, 12.0, 4001)
    for s, shared in (([21.0, 47.8], 0.15), ([2.0, 100.0], 0.4), ([1.0, 2.0], 0.8)):
        k = np.log1p(shared) if mode == "histfactory" else np.sqrt(np.log1p(shared**2))
        factor = np.exp(k * nu - (k * k / 2 if mode == "mean" else 0.0))
        signal = factor[:, None] * s
        log_f = log_marginal(N, signal, 0.1 * signal, B, DB, mode).sum(axis=1) - 0.5 * nu**2
        expected = np.log(np.exp(log_f).sum() * (nu[1] - nu[0]) / np.sqrt(2 * np.pi))
        value = log_marginal_shared(N, [s], [[0.1 * x for x in s]], [shared], B, DB, mode)[0]
        assert value == pytest.approx(expected, abs=1e-8)


def test_shared_nuisance_refuses_bad_input_by_name():
    s = np.ones((2, 2))
    with pytest.raises(InputError, match=r"shared_error\[1\]: is -1"):
        log_marginal_shared(N, s, s, [0.1, -1.0], B, DB)
    with pytest.raises(InputError, match=r"n_signal: has n_regions = 3, but n_observed has 2"):
        log_marginal_shared(N, np.ones((2, 3)), s, [0.1, 0.1], B, DB)


def covariance(std, rho):
    return np.outer(std, std) * np.array([[1.0, rho], [rho, 1.0]])


def brute_force(n, mean, matrix, size=1201):
    """Sum over a grid of both expected counts."""
    std, inverse = np.sqrt(np.diag(matrix)), np.linalg.inv(matrix)
    high = np.maximum(mean + 9 * std, n + 9 * np.sqrt(n + 1))
    x, y = np.meshgrid(*[(np.arange(size) + 0.5) * h / size for h in high], indexing="ij")
    log_f = sum(k * np.log(v) - v - gammaln(k + 1) for k, v in zip(n, (x, y), strict=True))
    dx, dy = x - mean[0], y - mean[1]
    log_f -= 0.5 * (inverse[0, 0] * dx * dx + 2 * inverse[0, 1] * dx * dy + inverse[1, 1] * dy * dy)
    log_f -= 0.5 * np.linalg.slogdet(matrix)[1] + np.log(2 * np.pi)
    return log_f.max() + np.log(np.exp(log_f - log_f.max()).sum() * high.prod() / size**2)


@pytest.mark.parametrize(
    ("n", "b", "std", "rho", "atol"),
    [
        ((1000, 900), (950, 950), (40, 50), 0.9, 1e-7),
        ((33.2, 68.9), (12.2, 21.1), (3.9, 5.9), 0.5, 1e-5),
        ((10, 12), (12, 9), (3, 2), -0.6, 5e-4),
        ((3, 5), (4, 4), (1, 2), 0.3, 2e-3),
        ((0, 5), (2, 4), (1, 2), 0.3, 5e-3),
    ],
)
def test_correlated_marginal_equals_brute_force(n, b, std, rho, atol):
    n, b, s = np.array(n, dtype=float), np.array(b, dtype=float), np.array([1.0, 2.0])
    matrix = covariance(std, rho)
    expected = brute_force(n, s + b, matrix + np.diag(np.square(0.1 * s)))
    value = log_marginal_correlated(n, [s], [0.1 * s], b, matrix)[0]
    assert value == pytest.approx(expected, abs=atol)


@pytest.mark.parametrize("n", [(33.2, 68.9), (0.0, 5.0), (0.0, 0.0)])
def test_correlated_profile_equals_a_constrained_minimisation(n):
    s, matrix = np.array([3.0, 1.0]), covariance((2.0, 5.0), 0.8)
    inverse, n = np.linalg.inv(matrix), np.array(n)

    def cost(lam):
        pull = lam - s - B
        log_l = (n * np.log(lam) - lam - gammaln(n + 1)).sum() - 0.5 * pull @ inverse @ pull
        return -log_l

    fit = minimize(cost, np.maximum(n, 5.0), bounds=[(1e-12, None)] * 2, tol=1e-14)
    expected = -fit.fun - 0.5 * np.linalg.slogdet(matrix)[1] - np.log(2 * np.pi)
    value = log_profile_correlated(n, [s], np.zeros((1, 2)), B, matrix)[0]
    assert value == pytest.approx(expected, abs=1e-6)


def test_uncorrelated_regions_multiply_and_many_are_done_at_once():
    rng = np.random.default_rng(4)
    n, b, s = rng.poisson(50.0, 30).astype(float), np.full(30, 45.0), rng.uniform(0, 10, (5, 30))
    alone = sum(
        log_marginal_correlated(
            n[i : i + 1], s[:, i : i + 1], 0.1 * s[:, i : i + 1], [45.0], [[9.0]]
        )
        for i in range(30)
    )
    value = log_marginal_correlated(n, s, 0.1 * s, b, 9.0 * np.eye(30))
    # each region's expansion is limited by itself
    assert_allclose(value, alone, rtol=0, atol=1e-8)


def test_small_covariance_gives_back_poisson():
    s = np.array([[3.0, 1.0]])
    lam = s[0] + B
    expected = (N * np.log(lam) - lam - gammaln(N + 1)).sum()
    value = log_marginal_correlated(N, s, np.zeros((1, 2)), B, 1e-10 * np.eye(2))
    assert value[0] == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1.0, 0.2], [0.3, 1.0]], r"background_covariance\[0, 1\]: is 0.2 but \[1, 0\] is 0.3"),
        ([[1.0, 2.0], [2.0, 1.0]], "not positive definite"),
        ([[0.0, 0.0], [0.0, 1.0]], r"background_covariance\[0, 0\]: is 0.0"),
        ([[1.0, np.nan], [np.nan, 1.0]], r"background_covariance\[0, 1\]: is nan"),
        ([[1.0]], r"background_covariance: has shape \(1, 1\); expected \(2, 2\)"),
    ],
)
def test_bad_covariances_are_refused(matrix, message):
    with pytest.raises(InputError, match=message):
        log_marginal_correlated(N, np.ones((1, 2)), np.ones((1, 2)), B, matrix)
