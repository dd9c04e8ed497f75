"""Calibration against closed forms."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import norm

from fitplugin.errors import InputError
from fitplugin.stats.calibration import calibrate, in_slices, pulls

N = 20_000


def noisy(seed, n=N):
    """Predictions and noisy truths with right errors of both."""
    rng = np.random.default_rng(seed)
    std, error = rng.uniform(0.5, 2.0, (2, n))
    exact = rng.standard_normal(n)
    mean = exact + std * rng.standard_normal(n)
    return mean, std, exact + error * rng.standard_normal(n), error


def test_errors_of_the_truths_enter_in_quadrature():
    mean, std, truth, error = noisy(0)
    found = calibrate(mean, std, truth, error)
    assert found._replace(excess_rmse=0.0) == calibrate(mean, np.hypot(std, error), truth)._replace(
        excess_rmse=0.0
    )
    assert_allclose(found.log_score, norm.logpdf(truth, mean, np.hypot(std, error)).mean())
    assert_allclose(pulls(mean, std, truth, error), pulls(mean, np.hypot(std, error), truth))


def test_right_errors_of_both_sides_are_recognised():
    found = calibrate(*noisy(1))
    assert abs(found.chi2_per_point - 1) < 4 * np.sqrt(2 / N)
    assert abs(found.pull_mean) < 4 / np.sqrt(N)
    assert abs(found.pull_std - 1) < 4 / np.sqrt(2 * N)
    assert abs(found.coverage68 - 0.6827) < 4 * np.sqrt(0.6827 * 0.3173 / N)


def test_excess_rmse_is_the_error_beyond_the_noise():
    mean, std, truth, error = noisy(2)
    found = calibrate(mean, std, truth, error)
    own = np.square(std).mean()
    # Var of the mean of r^2, r Gaussian of variance s^2 + e^2
    scatter = np.sqrt(2 * np.square(std**2 + error**2).mean() / N)
    assert abs(found.excess_rmse**2 - own) < 4 * scatter + 4 * np.std(std**2) / np.sqrt(N)
    assert found.excess_rmse < found.rmse


def test_excess_rmse_by_hand():
    # r^2 = 9, 1; e^2 = 1, 1: sqrt((8 + 0) / 2); then noise beyond the residuals
    assert calibrate([3.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 1.0]).excess_rmse == 2.0
    assert calibrate([3.0, 1.0], [1.0, 1.0], [0.0, 0.0], [9.0, 9.0]).excess_rmse == 0.0


@given(st.integers(0, 1000))
def test_without_errors_of_the_truths_nothing_is_in_excess(seed):
    mean, std, truth, _ = noisy(seed, 30)
    found = calibrate(mean, std, truth)
    assert found.excess_rmse == found.rmse
    assert found == calibrate(mean, std, truth, np.zeros(30))


def test_pull_moments_by_hand():
    found = calibrate([2.0, 0.0, 4.0], [1.0, 2.0, 2.0], [0.0, 0.0, 0.0])
    assert found.pull_mean == pytest.approx(4 / 3)
    assert found.pull_std == pytest.approx(np.sqrt(8 / 9))
    assert found.chi2_per_point == pytest.approx(found.pull_mean**2 + found.pull_std**2)


def test_summaries_are_plain_numbers():
    json.dumps(calibrate(*noisy(3, 30))._asdict())


def test_slices_hold_every_point_once_and_are_calibrated_apart():
    mean, std, truth, error = noisy(4, 1003)
    values = np.random.default_rng(5).standard_normal(1003)
    found = in_slices(values, mean, std, truth, error, n_slices=7)
    assert len(found) == 7
    assert sum(part.calibration.n_points for part in found) == 1003
    assert [part.high for part in found[:-1]] == [part.low for part in found[1:]]
    assert (found[0].low, found[-1].high) == (values.min(), values.max())
    rows = (values >= found[2].low) & (values < found[2].high)
    expected = calibrate(mean[rows], std[rows], truth[rows], error[rows])
    assert found[2].calibration == expected


def test_one_slice_is_everything():
    columns = noisy(6, 60)
    (found,) = in_slices(columns[0], *columns, n_slices=1)
    assert found.calibration == calibrate(*columns)


@given(st.integers(1, 300), st.integers(1, 12), st.integers(1, 40))
def test_slices_have_twenty_points_whatever_the_ties(n, n_slices, n_values):
    mean, std, truth, _ = noisy(n, n)
    values = np.random.default_rng(n).integers(0, n_values, n)
    found = in_slices(values, mean, std, truth, n_slices=n_slices)
    sizes = [part.calibration.n_points for part in found]
    assert sum(sizes) == n
    assert len(sizes) <= n_slices
    assert min(sizes) >= min(20, n)


@pytest.mark.parametrize(
    ("values", "n_slices", "message"),
    [
        (np.ones(30), 0, "n_slices: must be at least 1, not 0"),
        (np.ones(29), 5, "values: must be (n_points,) like the predictions"),
        (np.full(30, np.nan), 5, "values: must be finite"),
    ],
)
def test_impossible_slices_are_refused(values, n_slices, message):
    with pytest.raises(InputError) as refusal:
        in_slices(values, np.ones(30), np.ones(30), np.ones(30), n_slices=n_slices)
    assert message in str(refusal.value)
