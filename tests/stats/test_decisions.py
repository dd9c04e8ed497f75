"""Decisions from a prediction and its error, against counts by hand and scikit-learn."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from fitplugin.errors import InputError
from fitplugin.stats.decisions import (
    DECISIONS,
    Decision,
    coverage,
    is_certain,
    mistakes,
    overlaps,
    percent_error,
)


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda d: d.text)
def test_text_and_back(decision):
    assert Decision.parse(decision.text) == decision


@pytest.mark.parametrize("text", ["mean+3sd", " mean  +  3 sd ", "mean + 3.0 sd"])
def test_spaces_do_not_matter(text):
    assert Decision.parse(text) == Decision(3.0)


@pytest.mark.parametrize("text", ["", "median", "mean * 3 sd", "mean + sd", "0.5"])
def test_other_texts_are_refused(text):
    with pytest.raises(InputError, match=r"write mean, mean \+ 3 sd or mean - 1 sd"):
        Decision.parse(text)


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda d: d.text)
def test_scores_are_those_of_scikit_learn(decision):
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 400)
    mean = np.clip(0.5 * truth + rng.uniform(0, 0.5, 400) + rng.normal(0, 0.1, 400), 0, 1)
    std = rng.uniform(0, 0.1, 400)
    found = decision.judge(mean, std, truth)
    said = decision.says(mean, std)
    precision, recall, f1, _ = precision_recall_fscore_support(truth, said, average="binary")
    assert (found.precision, found.recall, found.f1) == pytest.approx((precision, recall, f1))
    assert found.lost == pytest.approx(1 - recall)
    assert found.passed == pytest.approx(said[truth == 0].mean())


def test_more_standard_deviations_lose_less_and_let_more_pass():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 300)
    mean, std = rng.uniform(0, 1, 300), rng.uniform(0, 0.2, 300)
    found = [d.judge(mean, std, truth) for d in DECISIONS]
    assert all(a.lost >= b.lost for a, b in pairwise(found))
    assert all(a.passed <= b.passed for a, b in pairwise(found))


def test_nothing_said_valid_is_no_division_by_zero():
    found = mistakes([False, False], [0, 0])
    assert (found.precision, found.recall, found.f1) == (0.0, 1.0, 0.0)


def test_an_interval_that_touches_the_window_overlaps():
    # 122 + 3 x 0.5 = 123.5; 128.4 - 3 x 0.5 = 126.9; a wide one contains the window
    said = overlaps([122.0, 121.0, 128.4, 129.0, 100.0], [0.5, 0.5, 0.5, 0.5, 9.0], (123.0, 127.0))
    assert said.tolist() == [True, False, True, False, True]
    with pytest.raises(InputError, match="window: must ascend"):
        overlaps([1.0], [1.0], (2.0, 1.0))


def test_an_interval_down_to_zero_is_never_certain():
    assert not is_certain([1.0], [0.34], factor=1e9)
    with pytest.raises(InputError, match="factor: must be above 1"):
        is_certain([1.0], [0.1], factor=1.0)


def test_coverage_of_a_gaussian_is_nominal():
    rng = np.random.default_rng(3)
    n = 100_000
    found = coverage(np.zeros(n), np.full(n, 2.0), rng.normal(0, 2.0, n))
    for share, nominal in found.values():
        assert abs(share - nominal) < 4 * np.sqrt(nominal * (1 - nominal) / n)


def test_percent_error():
    assert percent_error([101.0, 98.0], [100.0, 100.0]) == pytest.approx(1.5)
    with pytest.raises(InputError, match="no relative error there"):
        percent_error([1.0], [0.0])
