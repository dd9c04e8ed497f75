"""Scores in closed form, and batches: spaced, greedy, never twice the same."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from fitplugin.surrogates import acquisition as acq


@pytest.mark.parametrize("z", [-8.0, -2.0, 0.0, 0.3, 5.0])
def test_entropy_is_that_of_a_biased_coin(z):
    with mpmath.workdps(40):
        p = mpmath.ncdf(mpmath.mpf(-z))
        expected = float(-p * mpmath.log(p) - (1 - p) * mpmath.log(1 - p))
    assert_allclose(acq.exclusion_entropy([2.0 + 1.5 * z], [1.5], 2.0), expected, rtol=1e-9)


@given(st.integers(0, 10**6), st.integers(1, 12))
def test_discs_are_apart_and_begin_with_the_best(seed, n):
    rng = np.random.default_rng(seed)
    points, scores = rng.random((200, 3)), rng.random(200)
    rows = acq.poisson_disc(scores, points, n)
    assert len(set(rows)) == n
    assert rows[0] == np.argmax(scores)
    assert (scores[rows] >= 0.1 * scores.max()).all()
    if n > 1:
        # as far apart, within a step of the radius, as any choice from the best downwards
        gaps = np.linalg.norm(points[rows][:, None] - points[rows], axis=2)[np.triu_indices(n, 1)]
        wider = acq._spaced(points[acq.best(scores, 200)], gaps.min() / 0.8 * 1.0001, n)
        kept = scores[acq.best(scores, 200)] >= 0.1 * scores.max()
        assert len(wider) < n or not kept[wider].all() or gaps.min() > 0


def test_fewer_candidates_than_wanted_are_all_taken():
    scores = np.array([0.2, 0.9, 0.5])
    assert sorted(acq.poisson_disc(scores, np.eye(3), 7)) == [0, 1, 2]
    assert len(acq.poisson_disc(np.empty(0), np.empty((0, 2)), 3)) == 0


def test_points_that_coincide_do_not_hang():
    assert len(acq.poisson_disc(np.ones(5), np.zeros((5, 2)), 3)) == 3


def test_greedy_variances_are_those_of_the_conditional_normal():
    rng = np.random.default_rng(1)
    a = rng.standard_normal((30, 40))
    cov = a @ a.T / 40
    chosen = acq.greedy_variance(np.ones(30), cov, 0.1, 6)
    for step in range(1, 6):
        seen = chosen[:step]
        gain = np.linalg.solve(cov[np.ix_(seen, seen)] + 0.1 * np.eye(step), cov[seen])
        left = np.diagonal(cov - cov[:, seen] @ gain).copy()
        left[seen] = -1
        assert chosen[step] == np.argmax(left)


def test_a_copy_of_a_chosen_point_is_not_chosen_next():
    x = np.array([0.0, 1e-6, 1.0])
    cov = np.exp(-0.5 * np.square(x[:, None] - x))
    assert list(acq.greedy_variance(np.array([1.0, 1.0, 0.5]), cov, 1e-6, 2)) == [0, 2]


def test_what_is_taken_from_elsewhere_is_the_most_there_is():
    rng = np.random.default_rng(2)
    x, y = rng.random(25), rng.random(8)
    weight, noise = rng.random((2, 8)), np.array([0.01, 0.05])

    def k(a, b):
        distance = np.square(a[:, None] - b)
        return np.stack([np.exp(-0.5 * distance / 0.04), 3.0 * np.exp(-0.5 * distance / 0.01)])

    chosen = list(acq.variance_elsewhere(weight, k(x, y), k(x, x), noise, 4))
    assert len(set(chosen)) == 4

    def left(rows):
        total = 0.0
        for index in range(2):
            crossed = k(x[rows], y)[index]
            seen = k(x[rows], x[rows])[index] + noise[index] * np.eye(len(rows))
            taken = np.einsum("ij,ij->j", crossed, np.linalg.solve(seen, crossed))
            total += weight[index] @ (k(y, y)[index].diagonal() - taken)
        return total

    for step in range(4):
        others = [i for i in range(25) if i not in chosen[:step]]
        best = min(others, key=lambda i: left([*chosen[:step], i]))
        assert_allclose(left(chosen[: step + 1]), left([*chosen[:step], best]), rtol=1e-9)


def test_contours_add_up():
    rng = np.random.default_rng(0)
    mean, std = rng.standard_normal((9, 3)), rng.random((9, 3)) + 0.1
    expected = sum(acq.exclusion_entropy(mean[:, i], std[:, i], 0.3) for i in range(3))
    assert_allclose(acq.total_entropy(mean, std, 0.3), expected, rtol=1e-12)
    assert_allclose(acq.posterior_change(2.0, -3.0, [0.5]), [3.0])
