"""Rejection sampling gives the valid prior, and its size within the binomial error."""

import math

import numpy as np
import pytest
from numpy.random import SeedSequence
from numpy.testing import assert_array_equal
from scipy import stats

from fitplugin.errors import InputError
from fitplugin.pools.processes import ProcessPool
from fitplugin.pools.serial import SerialPool
from fitplugin.samplers.evidence import ValidFraction
from fitplugin.samplers.prior import Validity, draw_live_points, sample_prior

from .problems import Gaussian, NothingValid, Slab


class Corner(Gaussian):
    """A hundredth of the box is valid."""

    def is_valid(self, theta):
        return (theta > 8.0).all(axis=1)


def test_the_valid_prior_is_recovered():
    drawn = sample_prior(Slab(), 3000, SerialPool(), SeedSequence(1))
    assert drawn.n_valid == len(drawn.samples) == 3000
    assert stats.kstest(drawn.samples[:, 0], stats.uniform(1.0, 9.0).cdf).pvalue > 1e-3
    assert stats.kstest(drawn.samples[:, 1], stats.uniform(-10.0, 20.0).cdf).pvalue > 1e-3


@pytest.mark.parametrize("seed", range(8))
def test_the_valid_fraction_is_within_its_error(seed):
    drawn = sample_prior(Corner(), 200, SerialPool(), SeedSequence(seed))
    assert abs(drawn.valid_fraction.value - 0.01) < 5.0 * drawn.valid_fraction.error
    assert drawn.valid_fraction.error == pytest.approx(0.01 / math.sqrt(200), rel=0.3)


def test_the_valid_fraction_has_no_bias():
    # the naive n_valid/n_draws is too large by 1/n_valid, ten standard errors here
    fractions = [
        sample_prior(Slab(), 10, SerialPool(), SeedSequence(seed)).valid_fraction.value
        for seed in range(3000)
    ]
    error = np.std(fractions) / math.sqrt(len(fractions))
    assert abs(np.mean(fractions) - 0.45) < 5.0 * error


def test_a_seed_gives_the_same_sample_for_every_pool():
    serial = sample_prior(Slab(), 500, SerialPool(), SeedSequence(2))
    with ProcessPool(processes=2, points_per_task=32) as pool:
        parallel = sample_prior(Slab(), 500, pool, SeedSequence(2))
        cheap = sample_prior(Validity(Slab()), 500, pool, SeedSequence(2))
    assert_array_equal(serial.samples, parallel.samples)
    assert_array_equal(serial.samples, cheap.samples)
    assert serial.n_draws == parallel.n_draws == cheap.n_draws


def test_a_prior_without_valid_points_is_refused():
    with pytest.raises(InputError, match="none of 5000 points"):
        sample_prior(NothingValid(), 10, SerialPool(), SeedSequence(3), max_draws=5000)


def test_fewer_points_are_returned_when_draws_run_out():
    drawn = sample_prior(Corner(), 1000, SerialPool(), SeedSequence(4), max_draws=10_000)
    assert drawn.n_draws == 10_000
    assert drawn.n_valid == len(drawn.samples) < 1000
    assert drawn.valid_fraction.value == drawn.n_valid / 10_000


def test_a_full_prior_is_exactly_full():
    assert ValidFraction.measured(100, 100) == (1.0, 0.0)


def test_live_points_are_valid_and_consistent():
    live = draw_live_points(Slab(), 300, SerialPool(), np.random.default_rng(5))
    assert_array_equal(Slab().prior_transform(live.unit_cube), live.theta)
    assert np.isfinite(live.log_likelihood).all()
    assert_array_equal(live.blob_values[:, 0], live.theta.sum(axis=1))
    assert abs(live.valid_fraction.value - 0.45) < 5.0 * live.valid_fraction.error


def test_live_points_of_a_prior_without_valid_points_are_refused():
    with pytest.raises(InputError, match=r"none of 10\d\d\d points"):
        draw_live_points(NothingValid(), 300, SerialPool(), np.random.default_rng(6))
