"""Gaussian terms against high-precision arithmetic, far in both tails and at their limits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.errors import InputError
from fitplugin.stats.gaussian import hard_interval, log_gaussian, log_interval


def exact(mean, std, low, high):
    with mpmath.workdps(60):
        left, right = ((mpmath.mpf(x) - mean) / mpmath.mpf(std) for x in (low, high))
        if left + right > 0:
            left, right = -right, -left
        both = mpmath.erfc(-right / mpmath.sqrt(2)) - mpmath.erfc(-left / mpmath.sqrt(2))
        return float(mpmath.log(both / 2))


def test_probability_of_an_interval_keeps_its_digits():
    rng = np.random.default_rng(0)
    for _ in range(600):
        mean, std = rng.normal() * 10 ** rng.uniform(-1, 2.5), 10 ** rng.uniform(-2, 1)
        low = rng.normal() * 10 ** rng.uniform(-1, 1.5)
        high = low + 10 ** rng.uniform(-8, 2)
        kind = rng.random()
        low = -np.inf if kind < 0.1 else low
        high = np.inf if 0.1 < kind < 0.2 else high
        expected = exact(mean, std, low, high)
        assert log_interval(mean, std, low, high) == pytest.approx(expected, rel=2e-9, abs=1e-12)


@pytest.mark.parametrize("distance", [1.0, 10.0, 40.0, 1e3, 1e6])
def test_both_tails_are_mirror_images(distance):
    above = log_interval(distance, 1.0, -1.0, 0.0)
    assert above == log_interval(-distance, 1.0, 0.0, 1.0)
    assert above == pytest.approx(exact(distance, 1.0, -1.0, 0.0), rel=1e-12)


def test_vanishing_error_gives_back_the_hard_interval():
    mean = np.array([125.0, 100.0, 130.0, 121.0 + 1e-6])
    expected = hard_interval(mean, 121.0, 129.0)
    assert_allclose(log_interval(mean, 0.0, 121.0, 129.0), expected)
    near = log_interval(mean, 1e-9, 121.0, 129.0)
    assert_allclose(near[expected == 0], 0.0, atol=1e-12)
    assert (near[expected < 0] < -1e17).all()
    assert log_interval(121.0, [0.0, 1e-9], 121.0, 129.0) == pytest.approx(np.log(0.5))


def test_infinite_ends_are_one_sided_and_both_are_certain():
    assert log_interval(103.5, 2.0, low=103.5) == pytest.approx(np.log(0.5))
    assert log_interval(103.5, 2.0, high=103.5) == pytest.approx(np.log(0.5))
    assert log_interval(3.0, [0.0, 2.0]).tolist() == [0.0, 0.0]
    assert log_interval(3.0, 1.0, 5.0, 5.0) == -np.inf


def test_narrow_intervals_become_the_density():
    width = 1e-7
    value = log_interval(1.3, 0.7, 2.0 - width / 2, 2.0 + width / 2) - np.log(width)
    assert value == pytest.approx(log_gaussian(2.0, 1.3, 0.7), abs=1e-8)


def test_bad_numbers_are_refused_by_name():
    with pytest.raises(InputError, match="std: is -1"):
        log_interval(1.0, -1.0, 0.0, 2.0)
    with pytest.raises(InputError, match="mean: is nan"):
        log_interval(np.nan, 1.0, 0.0, 2.0)
    with pytest.raises(InputError, match="low: is 3"):
        log_interval(1.0, 1.0, 3.0, 2.0)
    with pytest.raises(InputError, match="std: is 0"):
        log_gaussian(1.0, 1.0, 0.0)
