"""Weighted summaries and calibration agree with unweighted NumPy and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from mpmath import mp
from numpy.testing import assert_allclose

from fitplugin.stats.calibration import calibrate
from fitplugin.stats.gaussian import hard_interval, rectified
from fitplugin.stats.weighted import effective_size, quantile, summarise

VALUES = np.random.default_rng(0).standard_normal(4001)


def test_equal_weights_give_numpy_quantiles():
    probability = [0.025, 0.16, 0.5, 0.975]
    found = quantile(VALUES, np.ones(4001), probability)
    assert_allclose(found, np.quantile(VALUES, probability, method="hazen"), rtol=1e-10)


def test_integer_weights_are_repetitions():
    weights = np.random.default_rng(1).integers(1, 4, 4001)
    repeated = summarise(np.repeat(VALUES, weights), np.ones(weights.sum()))
    weighted = summarise(VALUES, weights)
    assert_allclose(weighted.mean, repeated.mean, atol=1e-12)
    assert_allclose(weighted.std, repeated.std)
    assert_allclose(weighted.interval95, repeated.interval95, atol=2e-2)


def test_effective_size_is_between_one_and_all():
    assert effective_size(np.ones(10)) == 10
    assert effective_size([1.0, 0.0]) == 1


@pytest.mark.parametrize("z", [-30.0, -8.0, -2.0, -0.3, 0.0, 0.7, 5.0, 50.0])
def test_rectified_moments_equal_high_precision(z):
    with mp.workdps(60):
        phi = mp.npdf(z)
        first = z * mp.ncdf(z) + phi
        second = (1 + mp.mpf(z) ** 2) * mp.ncdf(z) + z * phi
        expected = float(3 * first), float(3 * mp.sqrt(second - first**2))
    mean, std = rectified(3 * z, 3.0)
    assert_allclose(mean, expected[0], rtol=1e-9)
    assert_allclose(std, expected[1], rtol=1e-6)


def test_hard_interval_includes_its_ends():
    assert hard_interval([121.0, 129.0], 121.0, 129.0).tolist() == [0.0, 0.0]
    assert np.isneginf(hard_interval([120.999, 129.001], 121.0, 129.0)).all()


def test_right_errors_are_recognised():
    rng = np.random.default_rng(2)
    std = rng.uniform(0.5, 2.0, 20_000)
    truth = rng.standard_normal(20_000)
    found = calibrate(truth + std * rng.standard_normal(20_000), std, truth)
    assert abs(found.chi2_per_point - 1) < 4 * np.sqrt(2 / 20_000)
    for share, level in (
        (found.coverage68, 0.6827), (found.coverage95, 0.95), (found.coverage997, 0.9973)
    ):  # fmt: skip
        assert abs(share - level) < 4 * np.sqrt(level * (1 - level) / 20_000)
