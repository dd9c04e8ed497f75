"""Evidence and predictions of exact experts, against scikit-learn and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from fitplugin.surrogates.gp import (
    Experts,
    TrainingBlocks,
    maximise_evidence,
    negative_log_evidence,
)
from fitplugin.surrogates.kernels import Hyperparameters

HYPER = Hyperparameters(np.array([0.7, 1.9]), 1.3, 0.2)
RNG = np.random.default_rng(3)
POINTS = RNG.standard_normal((40, 2))
TARGET = np.sin(POINTS[:, 0]) + 0.1 * RNG.standard_normal(40)
WHOLE = TrainingBlocks.deal(POINTS, TARGET, np.arange(40)[np.newaxis])


def peer() -> GaussianProcessRegressor:
    kernel = ConstantKernel(HYPER.signal_std**2) * RBF(HYPER.length_scale)
    kernel += WhiteKernel(HYPER.noise_std**2)
    return GaussianProcessRegressor(kernel, optimizer=None, alpha=0.0).fit(POINTS, TARGET)


def test_evidence_of_one_expert_equals_scikit_learn():
    value, _ = negative_log_evidence(HYPER.to_log(), WHOLE)
    assert_allclose(-value * 40, peer().log_marginal_likelihood_value_, rtol=1e-12)


def test_evidence_of_experts_adds():
    parts = [np.arange(20), np.arange(20, 40)]
    alone = [TrainingBlocks.deal(POINTS, TARGET, rows[np.newaxis]) for rows in parts]
    together = TrainingBlocks.deal(POINTS, TARGET, np.stack(parts))
    values = [negative_log_evidence(HYPER.to_log(), blocks)[0] for blocks in alone]
    assert_allclose(negative_log_evidence(HYPER.to_log(), together)[0], np.mean(values))


@pytest.mark.parametrize("padded", [False, True])
def test_gradient_equals_finite_differences(padded):
    rows = np.stack([np.arange(20), np.arange(20, 40)])
    if padded:
        rows[0, -3:] = -1
    blocks = TrainingBlocks.deal(POINTS, TARGET, rows)
    _, gradient = negative_log_evidence(HYPER.to_log(), blocks)
    numeric = approx_fprime(HYPER.to_log(), lambda h: negative_log_evidence(h, blocks)[0], 1e-6)
    assert_allclose(gradient, numeric, atol=2e-5)


def test_padding_changes_nothing():
    rows = np.arange(40)[np.newaxis]
    padded = TrainingBlocks.deal(POINTS, TARGET, np.pad(rows, ((0, 0), (0, 3)), constant_values=-1))
    for plain, longer in zip(
        negative_log_evidence(HYPER.to_log(), WHOLE),
        negative_log_evidence(HYPER.to_log(), padded),
        strict=True,
    ):
        assert_allclose(longer, plain, rtol=1e-12)
    new = RNG.standard_normal((5, 2)) / HYPER.length_scale
    for plain, longer in zip(
        Experts.factorise(WHOLE, HYPER).latent_of_all(new),
        Experts.factorise(padded, HYPER).latent_of_all(new),
        strict=True,
    ):
        assert_allclose(longer, plain, rtol=1e-10)


def test_latent_prediction_equals_scikit_learn():
    new = RNG.standard_normal((7, 2))
    experts = Experts.factorise(WHOLE, HYPER)
    mean, variance = experts.latent_of_all(new / HYPER.length_scale)
    expected_mean, expected_std = peer().predict(new, return_std=True)
    assert_allclose(mean[:, 0], expected_mean, rtol=1e-10)
    assert_allclose(variance[:, 0] + HYPER.noise_std**2, expected_std**2, rtol=1e-10)


def test_chosen_experts_answer_as_all_do():
    blocks = TrainingBlocks.deal(POINTS, TARGET, np.arange(40).reshape(4, 10))
    experts = Experts.factorise(blocks, HYPER)
    new = RNG.standard_normal((6, 2)) / HYPER.length_scale
    chosen = np.tile([2, 0], (6, 1))
    for some, every in zip(experts.latent_of(new, chosen), experts.latent_of_all(new), strict=True):
        assert_allclose(some, every[:, [2, 0]], rtol=1e-10)


def test_evidence_maximum_recovers_the_noise():
    rng = np.random.default_rng(11)
    points = rng.uniform(-2, 2, (600, 1))
    target = np.sin(2 * points[:, 0]) + 0.1 * rng.standard_normal(600)
    found = maximise_evidence(
        TrainingBlocks.deal(points, target, rng.permutation(600).reshape(10, 60))
    )
    # the standard error of a standard deviation is sigma / sqrt(2 n); four of them
    assert abs(found.noise_std - 0.1) < 4 * 0.1 / np.sqrt(1200)
