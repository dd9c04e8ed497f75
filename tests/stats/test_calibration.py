"""Calibration against closed forms, classification against scikit-learn."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import norm
from sklearn import metrics

from fitplugin.errors import InputError
from fitplugin.stats.calibration import (
    best_threshold,
    calibrate,
    classify,
    in_slices,
    pulls,
    threshold_curve,
)

N = 20_000


def noisy(seed, n=N):
    """Predictions and noisy truths with right errors of both."""
    rng = np.random.default_rng(seed)
    std, error = rng.uniform(0.5, 2.0, (2, n))
    exact = rng.standard_normal(n)
    mean = exact + std * rng.standard_normal(n)
    return mean, std, exact + error * rng.standard_normal(n), error


def classes(seed, n=500):
    """Classes drawn with the probabilities: right ones."""
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.01, 0.99, n)
    return probability, (rng.random(n) < probability).astype(float)


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
    json.dumps(classify(*classes(3))._asdict())


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


@pytest.mark.parametrize("threshold", [0.02, 0.3, 0.5, 0.9])
def test_classification_agrees_with_scikit_learn(threshold):
    probability, truth = classes(7)
    found = classify(probability, truth, threshold)
    said = probability > threshold
    (_, false_valid), (false_invalid, _) = metrics.confusion_matrix(truth, said)
    assert (found.n_false_valid, found.n_false_invalid) == (false_valid, false_invalid)
    assert_allclose(found.recall, metrics.recall_score(truth, said))
    assert_allclose(found.precision, metrics.precision_score(truth, said))
    assert_allclose(found.f1, metrics.f1_score(truth, said))
    assert_allclose(found.brier, metrics.brier_score_loss(truth, probability))
    assert_allclose(found.log_loss, metrics.log_loss(truth, probability))


def test_right_probabilities_have_the_best_proper_scores():
    probability, truth = classes(8, N)
    right = classify(probability, truth)
    for distorted in (probability**2, np.sqrt(probability), np.clip(probability, 0.3, 0.7)):
        worse = classify(distorted, truth)
        assert worse.brier > right.brier
        assert worse.log_loss > right.log_loss


def test_log_loss_is_clipped_where_the_impossible_came():
    assert_allclose(classify([0.0], [1.0]).log_loss, -np.log(1e-12))
    assert_allclose(classify([1.0], [0.0]).log_loss, -np.log(1e-12))
    assert classify([1.0, 0.0], [1.0, 0.0]).log_loss == 0
    # a regression may leave [0, 1]: no reward for it
    assert classify([1.2, -0.2], [1.0, 0.0]).log_loss == 0


@pytest.mark.parametrize("n", [1, 7, 99])
def test_the_curve_is_classification_at_every_threshold(n):
    probability, truth = classes(9)
    curve = threshold_curve(probability.round(2), truth, n)
    assert_allclose(curve.threshold, np.linspace(0, 1, n + 2)[1:-1])
    for threshold, recall, precision, f1 in zip(*curve, strict=True):
        found = classify(probability.round(2), truth, threshold)
        assert (found.recall, found.precision) == (recall, precision)
        assert found.f1 == pytest.approx(f1)


def test_the_curve_agrees_with_scikit_learn():
    probability, truth = classes(10)
    precision, recall, thresholds = metrics.precision_recall_curve(truth, probability)
    curve = threshold_curve(probability, truth)
    inside = curve.threshold < probability.max()
    # scikit-learn counts p >= t, at the probabilities themselves
    at = np.searchsorted(thresholds, curve.threshold[inside], side="right")
    assert_allclose(curve.precision[inside], precision[at])
    assert_allclose(curve.recall[inside], recall[at])


def cost(probability, truth, threshold, false_valid, false_invalid):
    found = classify(probability, truth, threshold)
    return false_valid * found.n_false_valid + false_invalid * found.n_false_invalid


@given(
    st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=12),
    st.integers(1, 8),
    st.integers(1, 8),
)
def test_no_threshold_costs_less_than_the_best(points, false_valid, false_invalid):
    probability = np.array([p for p, _ in points]) / 10
    truth = np.array([float(c) for _, c in points])
    costs = float(false_valid), float(false_invalid)
    best = best_threshold(probability, truth, *costs)
    assert 0 <= best <= 1
    least = min(cost(probability, truth, t, *costs) for t in np.linspace(0, 1, 41))
    assert cost(probability, truth, best, *costs) == least


def test_the_best_threshold_by_hand():
    p, c = [0.1, 0.4, 0.6, 0.9], [0.0, 1.0, 0.0, 1.0]
    # one wrong in any case; a dear false valid moves it up, a dear false invalid down
    assert best_threshold(p, c, 5.0, 1.0) == 0.75
    assert best_threshold(p, c, 1.0, 5.0) == 0.25
    # where every threshold in a gap is as good: nearest to the ideal by its middle
    assert best_threshold([0.2, 0.8], [0.0, 1.0]) == 0.5
    # nobody is worth it: beyond everything
    assert best_threshold([1.0, 1.0], [0.0, 0.0]) == 1.0
    assert best_threshold([0.5], [1.0]) == 0.25


def test_right_probabilities_are_cut_where_theory_says():
    probability, truth = classes(11, N)
    for false_valid in (0.25, 1.0, 4.0):
        ideal = false_valid / (false_valid + 1)
        best = best_threshold(probability, truth, false_valid, 1.0)
        # the expected cost is a parabola about the ideal; its sum over a strip of width d
        # scatters by sqrt(N d / 4) (c + 1) and has to beat N (c + 1) d^2 / 2: d = N^(-1/3)
        assert abs(best - ideal) < 4 * N ** (-1 / 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.5], [0.5]), "truth: must be 0 or 1 at every point"),
        (([], []), "probability: has shape (0,)"),
        (([0.5, 0.5], [1.0]), "probability: has shape (2,) for truths of shape (1,)"),
        (([np.nan], [1.0]), "probability: must be finite"),
        (([0.5], [1.0], 0.0), "cost_of_false_valid: must be a finite number above 0, not 0"),
    ],
)
def test_impossible_thresholds_are_refused(arguments, message):
    with pytest.raises(InputError) as refusal:
        best_threshold(*arguments)
    assert message in str(refusal.value)
    if len(arguments) == 2:
        with pytest.raises(InputError):
            threshold_curve(*arguments)


def test_a_curve_needs_a_threshold():
    with pytest.raises(InputError, match="n: must be at least 1"):
        threshold_curve([0.5], [1.0], n=0)
