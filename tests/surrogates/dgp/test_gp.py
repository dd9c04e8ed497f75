"""Evidence and predictions of exact experts, against scikit-learn and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from fitplugin.errors import InputError
from fitplugin.surrogates.dgp.blocks import Training
from fitplugin.surrogates.dgp.evidence import maximise_evidence, negative_log_evidence
from fitplugin.surrogates.dgp.experts import Experts, left_out
from fitplugin.surrogates.kernels import Hyperparameters

HYPER = Hyperparameters(np.array([0.7, 1.9]), 1.3, 0.2)
RNG = np.random.default_rng(3)
POINTS = RNG.standard_normal((40, 2))
TARGETS = np.stack([np.sin(POINTS[:, 0]), POINTS[:, 1] ** 2], axis=1)
TARGETS += 0.1 * RNG.standard_normal(TARGETS.shape)
KNOWN = RNG.uniform(0.01, 0.3, (40, 2))
ALL = np.arange(40)[np.newaxis]
NOISES = {"none": np.zeros((40, 1)), "shared": KNOWN[:, :1], "per target": KNOWN}


@pytest.fixture(params=NOISES)
def training(request):
    return Training(POINTS, TARGETS, NOISES[request.param])


def peer(training: Training, target: int, rows=slice(None)) -> GaussianProcessRegressor:
    kernel = ConstantKernel(HYPER.signal_std**2) * RBF(HYPER.length_scale)
    kernel += WhiteKernel(HYPER.noise_std**2)
    noise = training.noise_variance[rows, min(target, training.noise_variance.shape[1] - 1)]
    model = GaussianProcessRegressor(kernel, optimizer=None, alpha=noise + 1e-300)
    return model.fit(training.points[rows], training.targets[rows, target])


def test_evidence_equals_that_of_scikit_learn_added_over_targets(training):
    value, _ = negative_log_evidence(HYPER.to_log(), training, ALL)
    expected = sum(peer(training, target).log_marginal_likelihood_value_ for target in (0, 1))
    assert_allclose(-value * 80, expected, rtol=1e-12)


def test_evidence_of_experts_adds(training):
    parts = [np.arange(20), np.arange(20, 40)]
    alone = [negative_log_evidence(HYPER.to_log(), training, rows[np.newaxis])[0] for rows in parts]
    together, _ = negative_log_evidence(HYPER.to_log(), training, np.stack(parts))
    assert_allclose(together, np.mean(alone))


@pytest.mark.parametrize("padded", [False, True])
def test_gradient_equals_finite_differences(padded, training):
    rows = np.stack([np.arange(20), np.arange(20, 40)])
    if padded:
        rows[0, -3:] = -1
    _, gradient = negative_log_evidence(HYPER.to_log(), training, rows)
    numeric = approx_fprime(
        HYPER.to_log(), lambda h: negative_log_evidence(h, training, rows)[0], 1e-6
    )
    assert_allclose(gradient, numeric, atol=2e-5)


def ask(training, rows, new):
    experts = Experts.factorise(training, rows, HYPER)
    return experts.latent_of_all((new / HYPER.length_scale)[np.newaxis, np.newaxis])


def test_padding_changes_nothing(training):
    padded = np.pad(ALL, ((0, 0), (0, 3)), constant_values=-1)
    for plain, longer in zip(
        negative_log_evidence(HYPER.to_log(), training, ALL),
        negative_log_evidence(HYPER.to_log(), training, padded),
        strict=True,
    ):
        assert_allclose(longer, plain, rtol=1e-12)
    new = RNG.standard_normal((5, 2))
    for plain, longer in zip(ask(training, ALL, new), ask(training, padded, new), strict=True):
        assert_allclose(longer, plain, rtol=1e-10)


def test_latent_prediction_equals_scikit_learn(training):
    new = RNG.standard_normal((7, 2))
    mean, variance = ask(training, ALL, new)
    for target in (0, 1):
        expected_mean, expected_std = peer(training, target).predict(new, return_std=True)
        factor = min(target, len(variance) - 1)
        assert_allclose(mean[target, 0, 0], expected_mean, rtol=1e-9)
        assert_allclose(variance[factor, 0, 0] + HYPER.noise_std**2, expected_std**2, rtol=1e-9)


def test_chosen_experts_answer_as_all_do(training):
    experts = Experts.factorise(training, np.arange(40).reshape(4, 10), HYPER)
    new = RNG.standard_normal((1, 6, 2)) / HYPER.length_scale
    every = experts.latent_of_all(new[:, np.newaxis])
    some = experts.latent(np.array([2, 0]), np.concatenate([new, new]))
    for found, expected in zip(some, every, strict=True):
        assert_allclose(found, expected[:, 0, [2, 0]], rtol=1e-10)


def test_left_out_predictions_equal_those_without_the_point(training):
    residual, variance = left_out(training, ALL, HYPER)
    for row in (0, 7, 39):
        others = np.delete(np.arange(40), row)
        for target in (0, 1):
            mean, std = peer(training, target, others).predict(
                POINTS[row : row + 1], return_std=True
            )
            column = min(target, training.noise_variance.shape[1] - 1)
            expected = std[0] ** 2 + training.noise_variance[row, column]
            assert_allclose(residual[target, 0, row], TARGETS[row, target] - mean[0], rtol=1e-8)
            assert_allclose(variance[target, 0, row], expected, rtol=1e-8)


def test_evidence_maximum_recovers_the_noise():
    rng = np.random.default_rng(11)
    points = rng.uniform(-2, 2, (600, 1))
    target = np.sin(2 * points) + 0.1 * rng.standard_normal((600, 1))
    rows = rng.permutation(600).reshape(10, 60)
    found = maximise_evidence(Training(points, target, np.zeros((600, 1))), rows)
    # the standard error of a standard deviation is sigma / sqrt(2 n); four of them
    assert abs(found.noise_std - 0.1) < 4 * 0.1 / np.sqrt(1200)
    # told that noise, only the chance of its sample variance is left: 4 sqrt(2 / 600) of it
    told = maximise_evidence(Training(points, target, np.full((600, 1), 0.01)), rows)
    assert told.noise_std**2 < 4 * np.sqrt(2 / 600) * 0.01


def test_coinciding_points_without_noise_are_refused():
    training = Training(np.ones((4, 1)), np.arange(4.0)[:, np.newaxis], np.full((4, 1), -1e-6))
    with pytest.raises(InputError, match="coincide"):
        maximise_evidence(training, np.arange(4)[np.newaxis], fit_noise=False)
