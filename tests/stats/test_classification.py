"""Classification against scikit-learn, thresholds against theory."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn import metrics

from fitplugin.errors import InputError
from fitplugin.stats.classification import best_threshold, classify, threshold_curve

N = 20_000


def classes(seed, n=500):
    """Classes drawn with the probabilities: right ones."""
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.01, 0.99, n)
    return probability, (rng.random(n) < probability).astype(float)


def test_summaries_are_plain_numbers():
    json.dumps(classify(*classes(3))._asdict())


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


def test_classification_counts():
    found = classify([0.9, 0.6, 0.4, 0.1, 0.7], [1, 0, 1, 0, 1])
    assert_allclose([found.recall, found.precision, found.f1], [2 / 3, 2 / 3, 2 / 3])
