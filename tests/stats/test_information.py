"""What data say of a parameter, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from fitplugin.errors import InputError
from fitplugin.stats.information import N_BINS, information, ratio_beyond

FLAT = (np.arange(100_000) + 0.5) / 100_000
ONES = np.ones(len(FLAT))


def test_the_prior_itself_carries_no_information():
    rng = np.random.default_rng(1)
    found = information(rng.random(5000), np.ones(5000), rng.random(5000))
    # chi2 / (2 n ln 2) of two samples, its mean taken off: scatter sqrt(2 k) / (2 n ln 2)
    assert found.bits < 4 * np.sqrt(2 * 19) * 2 / (2 * 5000 * np.log(2))
    assert found.kind == "little information"


@pytest.mark.parametrize("factor", [2, 4, 5])
def test_a_flat_posterior_on_a_part_of_a_flat_prior_has_log2_of_that_part(factor):
    found = information(FLAT / factor, ONES, FLAT)
    assert abs(found.bits - np.log2(factor)) < 1e-3
    assert found.kind == "upper limit"


@pytest.mark.parametrize(("centre", "kind"), [
    (0.5, "measured"), (1.0, "lower limit"), (0.0, "upper limit"),
])  # fmt: skip
def test_bits_of_a_gaussian_are_those_of_its_binned_divergence(centre, kind):
    weights = norm.pdf(FLAT, centre, 0.1)
    edges = np.linspace(0, 1, N_BINS + 1)
    p = np.diff(norm.cdf(edges, centre, 0.1))
    p /= p.sum()
    found = information(FLAT, weights, FLAT)
    there = p > 0
    assert abs(found.bits - (p[there] * np.log2(p[there] * N_BINS)).sum()) < 2e-3
    assert found.kind == kind


def test_it_does_not_depend_on_the_parametrisation():
    weights = norm.pdf(FLAT, 0.4, 0.2)
    straight, bent = (information(f(FLAT), weights, f(FLAT)) for f in (np.asarray, np.exp))
    assert abs(straight.bits - bent.bits) < 1e-9
    assert straight.kind == bent.kind


def test_a_peak_on_a_floor_is_a_preference_and_no_measurement():
    floor_and_peak = 0.2 + norm.pdf(FLAT, 0.5, 0.03) / norm.pdf(0, 0, 0.03)
    assert information(FLAT, floor_and_peak, FLAT).kind == "preference"


def test_a_slope_is_little_information_until_it_ends_low():
    assert information(FLAT, 1 + 3 * FLAT, FLAT).kind == "little information"
    assert information(FLAT, FLAT, FLAT).kind == "lower limit"


def test_a_prior_of_a_few_points_is_refused():
    with pytest.raises(InputError, match="has 20 samples; 200 at least"):
        information(FLAT, ONES, FLAT[:20])


def test_odds_beyond_a_border_are_those_of_the_weights():
    """A posterior proportional to x on a flat prior: P(x > 1/2) = 3/4, odds 3 against 1."""
    assert abs(ratio_beyond(FLAT, FLAT, FLAT, 0.5) - 3.0) < 1e-3
    assert abs(ratio_beyond(FLAT, ONES, FLAT, 0.8) - 1.0) < 1e-3
