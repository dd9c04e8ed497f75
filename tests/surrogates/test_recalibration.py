"""Correction factors find known ones, and cover fresh points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import norm

from fitplugin.errors import InputError
from fitplugin.surrogates.recalibration import fit_factor

N = 4000
LEVEL = 0.6827


def held_out(seed, factors, noise=0.0, n=N):
    """Gaussian truths whose real errors are the predicted ones times the factors."""
    rng = np.random.default_rng(seed)
    std = rng.uniform(0.5, 2.0, (n, len(factors)))
    error = noise * rng.uniform(0.5, 1.5, std.shape)
    spread = np.hypot(np.asarray(factors) * std, error)
    mean = rng.standard_normal(std.shape)
    return mean, std, mean + spread * rng.standard_normal(std.shape), error


def factor_tolerance(factor, std, error):
    """Five standard deviations of the scale factor: of chi2/n, through its slope in f."""
    share = (factor * std) ** 2 / ((factor * std) ** 2 + error**2)
    return 5 * factor * np.sqrt(2 / len(std)) / (2 * share.mean())


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.5])
def test_scale_finds_the_factor_of_every_target(noise):
    factors = np.array([0.4, 1.0, 3.0])
    mean, std, truth, error = held_out(0, factors, noise)
    found = fit_factor(mean, std, truth, error if noise else None, "scale")
    assert found.shape == (3,)
    for column, factor in enumerate(factors):
        tolerance = factor_tolerance(factor, std[:, column], error[:, column])
        assert abs(found[column] - factor) < tolerance


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.5])
def test_scaled_errors_have_unit_mean_square_pull(noise):
    mean, std, truth, error = held_out(1, [0.4, 1.0, 3.0], noise, n=300)
    found = fit_factor(mean, std, truth, error, "scale")
    chi2 = (np.square(mean - truth) / (np.square(found * std) + np.square(error))).mean(axis=0)
    assert_allclose(chi2, 1.0, rtol=1e-9)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_coverage_finds_the_factor_of_gaussian_residuals(noise):
    factors = np.array([0.4, 1.0, 3.0])
    mean, std, truth, error = held_out(5, factors, noise)
    found = fit_factor(mean, std, truth, error if noise else None, "coverage")
    # the worst of three shares moves at most as the first: 0.48 per unit of ln f
    tolerance = 5 * np.sqrt(LEVEL * (1 - LEVEL) / N) / 0.48
    share = (factors * std) ** 2 / ((factors * std) ** 2 + error**2)
    assert (np.abs(np.log(found / factors)) < tolerance / share.mean(axis=0)).all()


@given(st.integers(0, 2**31), st.sampled_from([1.2, 2.0, 4.0]))
def test_coverage_balances_heavy_tails(seed, freedom):
    residual = np.random.default_rng(seed).standard_t(freedom, (500, 1))
    ones, zeros = np.ones((500, 1)), np.zeros((500, 1))
    nominal = np.array([0.6827, 0.9545, 0.9973])

    def worst(factor):
        inside = [(np.abs(residual) <= k * factor).mean() for k in (1, 2, 3)]
        return np.abs(inside - nominal).max()

    found = fit_factor(residual, ones, zeros, None, "coverage")[0]
    # no other factor does better, that of either other method included
    others = [fit_factor(residual, ones, zeros, None, m)[0] for m in ("scale", "conformal")]
    grid = np.geomspace(0.1, 10, 200)
    # a point that the factor just lets in is in, whatever the last digit
    assert worst(found * (1 + 1e-12)) <= min(worst(f) for f in (*others, *grid)) + 1e-12


def test_scale_without_errors_of_the_truths_is_the_birge_ratio():
    mean, std, truth, _ = held_out(2, [1.7, 0.6], n=50)
    birge = np.sqrt(np.square((mean - truth) / std).mean(axis=0))
    assert_allclose(fit_factor(mean, std, truth, None, "scale"), birge, rtol=1e-14)
    no_errors = np.zeros_like(truth)
    assert_allclose(fit_factor(mean, std, truth, no_errors, "scale"), birge, rtol=1e-14)
    tiny = np.full_like(truth, 1e-9)
    assert_allclose(fit_factor(mean, std, truth, tiny, "scale"), birge, rtol=1e-9)


def test_equal_errors_have_a_closed_form():
    # f^2 s^2 + e^2 = r^2 at every point: f = sqrt(25 - 9) / 2
    ones = np.ones((20, 1))
    for method in ("scale", "conformal"):
        found = fit_factor(5 * ones, 2 * ones, 0 * ones, 3 * ones, method)
        assert_allclose(found, [2.0], rtol=1e-11)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_conformal_finds_the_factor_of_a_gaussian(noise):
    factors = np.array([0.4, 1.0, 3.0])
    mean, std, truth, error = held_out(3, factors, noise)
    found = fit_factor(mean, std, truth, error, "conformal")
    # binomial scatter of the share inside, through its slope d share / d ln f
    for column, factor in enumerate(factors):
        own = (factor * std[:, column]) ** 2
        share = own / (own + error[:, column] ** 2)
        slope = 2 * norm.pdf(1) * share.mean()
        tolerance = 5 * factor * np.sqrt(LEVEL * (1 - LEVEL) / N) / slope
        assert abs(found[column] - factor) < tolerance


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_conformal_covers_fresh_heavy_tailed_points(noise):
    def draw(seed, n):
        rng = np.random.default_rng(seed)
        std = rng.uniform(0.5, 2.0, (n, 1))
        error = noise * rng.uniform(0.5, 1.5, std.shape)
        residual = 2.5 * std * rng.standard_t(1.5, std.shape)
        return std, residual + error * rng.standard_normal(std.shape), error

    n_fitted, n_fresh = 2000, 50_000
    std, residual, error = draw(4, n_fitted)
    columns = np.zeros_like(std), std, residual, error
    factor, wide = (fit_factor(*columns, method) for method in ("conformal", "scale"))
    std, residual, error = draw(5, n_fresh)
    share = (np.abs(residual) <= np.hypot(factor * std, error)).mean()
    tolerance = 5 * np.sqrt(LEVEL * (1 - LEVEL) * (1 / n_fitted + 1 / n_fresh))
    assert abs(share - LEVEL) < tolerance
    # what scale does here: the tails count, the core is over-covered
    assert (np.abs(residual) <= np.hypot(wide * std, error)).mean() > LEVEL + tolerance


@given(st.integers(20, 300), st.floats(0.0, 2.0))
def test_conformal_leaves_the_promised_number_of_points_inside(n, noise):
    mean, std, truth, error = held_out(n, [1.5], noise, n)
    factor = fit_factor(mean, std, truth, error, "conformal")
    inside = np.abs(mean - truth) <= np.hypot(factor * std, error) * (1 + 1e-12)
    promised = int(np.ceil(round(LEVEL * (n + 1), 9)))
    assert inside.sum() >= promised
    if factor > 0.05:
        assert inside.sum() == promised


def test_conformal_takes_the_order_statistic_by_hand():
    # ceil(0.6827 * 21) = 15: the fifteenth of 1 ... 20, in any order, sign and unit
    residual = np.arange(1.0, 21.0)
    shuffled = np.random.default_rng(6).permutation(residual)[:, np.newaxis]
    sign = np.where(shuffled % 2, 1.0, -1.0)
    zeros, ones = np.zeros((20, 1)), np.ones((20, 1))
    assert fit_factor(sign * shuffled, ones, zeros, None, "conformal") == [15.0]
    assert fit_factor(sign * shuffled, 2 * ones, zeros, None, "conformal") == [7.5]
    # errors of 9 hide nine points and leave sqrt(15^2 - 9^2) = 12 of the fifteenth
    assert fit_factor(sign * shuffled, ones, zeros, 9 * ones, "conformal") == [12.0]


def test_a_rank_that_is_a_whole_number_is_not_rounded_up():
    n = 9999  # 0.6827 * 10000 = 6827
    residual = np.arange(1.0, n + 1)[:, np.newaxis]
    found = fit_factor(residual, np.ones((n, 1)), np.zeros((n, 1)), None, "conformal")
    assert found == [6827.0]


@pytest.mark.parametrize("method", ["scale", "conformal"])
def test_noise_that_explains_everything_leaves_the_least_factor(method):
    mean, std, truth, _ = held_out(7, [1.0, 1.0], n=100)
    assert (fit_factor(mean, std, truth, np.full_like(truth, 50.0), method) == 0.05).all()
    assert (fit_factor(truth, std, truth, None, method) == 0.05).all()


@given(st.floats(1e-6, 1e6), st.sampled_from(["scale", "conformal"]))
def test_the_unit_of_a_target_does_not_matter(unit, method):
    columns = held_out(8, [1.3], 0.4, n=60)
    expected = fit_factor(*columns, method)
    found = fit_factor(*(unit * column for column in columns), method)
    assert_allclose(found, expected, rtol=1e-9)


def test_none_changes_nothing():
    assert fit_factor(np.ones((3, 2)), np.ones((3, 2)), np.ones((3, 2)), None, "none").tolist() == [
        1.0,
        1.0,
    ]


def _spoiled(row, value):
    column = np.ones((20, 1))
    column[row] = value
    return column


ONES = np.ones((20, 1))


@pytest.mark.parametrize(
    ("columns", "method", "message"),
    [
        ((ONES[:19],) * 3 + (None,), "scale", "held_out: 19 points are too few"),
        ((ONES, ONES, ONES[:, 0], None), "scale", "mean: has shape (20, 1)"),
        ((ONES, _spoiled(3, 0.0), ONES, None), "conformal", "std: is not above 0 in row 3"),
        ((ONES, ONES, _spoiled(4, np.nan), None), "scale", "truth: row 4 is nan"),
        ((ONES, ONES, ONES, _spoiled(5, -1.0)), "scale", "truth_error: is negative in row 5"),
        ((ONES, ONES, ONES, None), "scales", "Did you mean 'scale'?"),
    ],
)
def test_what_cannot_be_used_is_refused(columns, method, message):
    with pytest.raises(InputError) as refusal:
        fit_factor(*columns, method)
    assert message in str(refusal.value)
