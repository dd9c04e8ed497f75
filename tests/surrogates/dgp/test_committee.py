"""Laws of committees: what combining experts must and must not change."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.surrogates.dgp.committee import (
    COMBINATIONS,
    bcm,
    blend_weights,
    blended,
    gpoe,
    grbcm,
    poe,
    rbcm,
)

RNG = np.random.default_rng(5)
MEAN = RNG.standard_normal((8, 6))
VARIANCE = RNG.uniform(0.05, 0.9, (8, 6))


@pytest.mark.parametrize("combine", [gpoe, bcm, rbcm])
def test_ignorant_committee_falls_back_to_the_prior(combine):
    mean, variance = combine(np.zeros_like(MEAN), np.full_like(MEAN, 1.7), 1.7)
    assert_allclose(mean, 0.0)
    assert_allclose(variance, 1.7)


@pytest.mark.parametrize("combine", [bcm, rbcm])
def test_an_ignorant_member_changes_nothing(combine):
    """It predicts the prior: mean 0, variance 1."""
    means = np.hstack([MEAN, np.zeros((8, 1))])
    with_ignorant = np.hstack([VARIANCE, np.ones((8, 1))])
    for a, b in zip(combine(MEAN, VARIANCE, 1.0), combine(means, with_ignorant, 1.0), strict=True):
        assert_allclose(a, b)


@pytest.mark.parametrize("name", sorted(set(COMBINATIONS) - {"grbcm"}))
def test_the_order_of_experts_does_not_matter(name):
    order = RNG.permutation(6)
    combine = COMBINATIONS[name]
    for a, b in zip(
        combine(MEAN, VARIANCE, 1.0), combine(MEAN[:, order], VARIANCE[:, order], 1.0), strict=True
    ):
        assert_allclose(a, b)


@pytest.mark.parametrize("name", sorted(COMBINATIONS))
def test_every_target_is_combined_as_if_alone(name):
    combine = COMBINATIONS[name]
    mean, variance = np.stack([MEAN, 2 * MEAN], axis=2), np.stack([VARIANCE] * 2, axis=2)
    together = combine(mean, variance, 1.0)
    for target, scale in enumerate((1.0, 2.0)):
        alone = combine(scale * MEAN, VARIANCE, 1.0)
        assert_allclose(together[0][:, target], alone[0])
        assert_allclose(together[1][:, target], alone[1])


def test_product_of_experts_adds_precisions():
    mean, variance = poe(np.array([[1.0, 4.0]]), np.array([[0.5, 0.25]]), 9.0)
    assert_allclose([mean, variance], [[(2 + 16) / 6], [1 / 6]])


def test_robust_bcm_by_hand():
    # two experts with the variances e^-2 and e^-4 of the prior 1: beta = 1 and 2
    mean, variance = rbcm(np.array([[1.0, 2.0]]), np.exp(np.array([[-2.0, -4.0]])), 1.0)
    precision = np.exp(2) + 2 * np.exp(4) + (1 - 3)
    assert_allclose(variance, 1 / precision)
    assert_allclose(mean, (np.exp(2) + 2 * 2 * np.exp(4)) / precision)


def test_generalised_robust_bcm_of_one_expert_is_that_expert():
    mean, variance = grbcm(MEAN[:, :2], VARIANCE[:, :2], 1.0)
    assert_allclose(mean, MEAN[:, 1])
    assert_allclose(variance, VARIANCE[:, 1])


def test_generalised_robust_bcm_ignores_experts_that_know_no_more_than_the_common_one():
    common, informed = VARIANCE[:, :1], 0.5 * VARIANCE[:, :1]
    ignorant = common * np.ones((8, 3))
    mean, variance = grbcm(MEAN, np.hstack([common, informed, ignorant, ignorant[:, :1]]), 1.0)
    assert_allclose(mean, MEAN[:, 1])
    assert_allclose(variance, informed[:, 0])


def test_blend_is_continuous_where_the_nearest_experts_change():
    """Just either side of a face the third and fourth nearest expert swap roles."""
    weight = blend_weights(np.array([[0.5, 0.8, 1.0, 1.0 + 1e-9]]))
    before = blended(np.array([[1.0, 2.0, 5.0]]), np.array([[0.1, 0.2, 0.3]]), weight)
    after = blended(np.array([[1.0, 2.0, -7.0]]), np.array([[0.1, 0.2, 0.01]]), weight)
    assert_allclose(before, after, rtol=1e-6)


def test_blend_of_agreeing_experts_is_their_opinion():
    weight = blend_weights(np.sort(RNG.random((3, 5)), axis=1))
    assert_allclose(weight.sum(axis=1), 1.0)
    mean, variance = blended(np.full((3, 4), 2.5), np.full((3, 4), 0.04), weight)
    assert_allclose(mean, 2.5)
    assert_allclose(variance, 0.04)


def test_equally_far_experts_count_the_same():
    assert_allclose(blend_weights(np.full((2, 4), 0.7)), 1 / 3)
    assert_allclose(blend_weights(np.zeros((1, 4))), 1 / 3)
