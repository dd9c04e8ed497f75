"""Laws of committees: what combining experts must and must not change."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose

from fitplugin.surrogates.committee import blended, robust_bcm

RNG = np.random.default_rng(5)
MEAN = RNG.standard_normal((8, 6))
VARIANCE = RNG.uniform(0.05, 0.9, (8, 6))


def test_ignorant_committee_falls_back_to_the_prior():
    mean, variance = robust_bcm(MEAN, np.full_like(MEAN, 1.7), 1.7)
    assert_allclose(mean, 0.0)
    assert_allclose(variance, 1.7)


def test_an_ignorant_member_changes_nothing():
    with_ignorant = np.hstack([VARIANCE, np.ones((8, 1))])
    means = np.hstack([MEAN, np.full((8, 1), 99.0)])
    for a, b in zip(
        robust_bcm(MEAN, VARIANCE, 1.0), robust_bcm(means, with_ignorant, 1.0), strict=True
    ):
        assert_allclose(a, b)


def test_robust_bcm_does_not_depend_on_the_order_of_experts():
    order = RNG.permutation(6)
    for a, b in zip(
        robust_bcm(MEAN, VARIANCE, 1.0),
        robust_bcm(MEAN[:, order], VARIANCE[:, order], 1.0),
        strict=True,
    ):
        assert_allclose(a, b)


def test_robust_bcm_by_hand():
    # two experts with the variances e^-2 and e^-4 of the prior 1: beta = 1 and 2
    mean, variance = robust_bcm(np.array([[1.0, 2.0]]), np.exp(np.array([[-2.0, -4.0]])), 1.0)
    precision = np.exp(2) + 2 * np.exp(4) + (1 - 3)
    assert_allclose(variance, 1 / precision)
    assert_allclose(mean, (np.exp(2) + 2 * 2 * np.exp(4)) / precision)


def test_blend_is_continuous_where_the_nearest_experts_change():
    """Just either side of a face the third and fourth nearest expert swap roles."""
    eps = 1e-9
    before = blended(
        np.array([[1.0, 2.0, 5.0]]), np.array([[0.1, 0.2, 0.3]]),
        np.array([[0.5, 0.8, 1.0, 1.0 + eps]]),
    )  # fmt: skip
    after = blended(
        np.array([[1.0, 2.0, -7.0]]), np.array([[0.1, 0.2, 0.01]]),
        np.array([[0.5, 0.8, 1.0, 1.0 + eps]]),
    )  # fmt: skip
    assert_allclose(before, after, rtol=1e-6)


def test_blend_of_agreeing_experts_is_their_opinion():
    mean, variance = blended(
        np.full((3, 4), 2.5), np.full((3, 4), 0.04), np.sort(RNG.random((3, 5)), axis=1)
    )
    assert_allclose(mean, 2.5)
    assert_allclose(variance, 0.04)
