"""Averages of a likelihood over the error of chi2, and errors by range."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.errors import InputError
from fitplugin.stats.gaussian import log_mean_exp_half
from fitplugin.stats.ranges import errors_by_range, mean_error


@pytest.mark.parametrize("mean", [-50, -3, 0, 4, 10, 90])
@pytest.mark.parametrize("std", [1e-3, 0.1, 0.5, 3, 20, 1000])
def test_average_is_the_integral(mean, std):
    with mpmath.workdps(40):
        m, s = mpmath.mpf(mean), mpmath.mpf(std)
        # places where an integrand may have its weight: around both maxima, and near the bound
        places = {m + k * s for k in (-40, -8, -2, 0, 2, 8, 40)}
        places |= {m - s * s / 2 + k * s for k in (-8, -2, 0, 2, 8)}
        places |= {mpmath.mpf(10) ** k for k in range(-6, 4)}
        ends = [mpmath.mpf(0), *sorted(x for x in places if x > 0)]

        def integral(slope):
            return mpmath.quad(
                lambda x: mpmath.exp(-((x - m) ** 2 - min(m, 0) ** 2) / (2 * s * s) - slope * x),
                ends,
            )

        expected = float(mpmath.log(integral(0.5) / integral(0)))
    assert_allclose(log_mean_exp_half(mean, std), expected, rtol=1e-8, atol=1e-10)


def test_without_error_it_is_the_likelihood_itself():
    assert_allclose(log_mean_exp_half([8.0, 0.0, -2.0], 0.0), [-4.0, 0.0, 0.0])


def test_small_errors_go_over_into_none():
    assert_allclose(log_mean_exp_half(7.0, 1e-9), -3.5, rtol=1e-9)


def test_errors_by_range_average_to_the_overall_one():
    rng = np.random.default_rng(2)
    truth = rng.uniform(0, 100, 1000)
    predicted = truth + rng.standard_normal(1000)
    parts = errors_by_range(predicted, truth, [0, 38, 42, 70, 95, 100])
    total = sum(part.n_points * part.error for part in parts) / 1000
    assert_allclose(total, mean_error(predicted, truth))
    assert sum(part.n_points for part in parts) == 1000


def test_the_last_range_is_closed_and_an_empty_one_has_no_error():
    first, last = errors_by_range([5.0], [10.0], [0, 1, 10])
    assert np.isnan(first.error)
    assert (last.n_points, last.error) == (1, 5.0)


@pytest.mark.parametrize(
    ("edges", "message"),
    [([0, 5], "leave 1 of 2 points out, 7 say"), ([5, 0], "5, 0: must be ascending"),
     ([0], "ascending")],
)  # fmt: skip
def test_ranges_that_cannot_be_are_refused(edges, message):
    with pytest.raises(InputError, match=message):
        errors_by_range([1.0, 2.0], [1.0, 7.0], edges)
