"""Constraints: hard windows, probabilities of intervals with errors, measured values."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from fitplugin.likelihoods.constraints import (
    CharginoMass,
    CharginoMassOptions,
    Gaussian,
    GaussianOptions,
    HiggsMass,
    HiggsMassOptions,
    Interval,
    IntervalOptions,
)

MASS = np.array([118.0, 121.5, 125.0, 128.9, 133.0])


def test_higgs_window_is_hard_as_in_the_paper():
    constraint = HiggsMass(HiggsMassOptions())
    assert constraint.is_hard
    found = constraint.log_likelihood({"m_higgs": MASS})
    assert found.tolist() == [-np.inf, 0.0, 0.0, 0.0, -np.inf]


def test_interval_with_errors_is_a_probability():
    options = HiggsMassOptions(theory_error=2.0, experimental_error=0.24, surrogate_error=True)
    constraint = HiggsMass(options)
    assert not constraint.is_hard
    assert constraint.needs == ("m_higgs", "m_higgs_error")
    own = np.array([0.3, 0.3, 0.3, 1.0, 3.0])
    std = np.sqrt(2.0**2 + 0.24**2 + own**2)
    expected = np.log(norm.cdf((129 - MASS) / std) - norm.cdf((121 - MASS) / std))
    found = constraint.log_likelihood({"m_higgs": MASS, "m_higgs_error": own})
    assert_allclose(found, expected, rtol=1e-10)


def test_far_outside_a_soft_interval_is_finite():
    constraint = Interval(IntervalOptions(observable="x", low=0, high=1, experimental_error=0.01))
    found = constraint.log_likelihood({"x": np.array([-50.0, 60.0, 1e4])})
    assert np.isfinite(found).all()
    assert (np.diff(found) < 0).any()


def test_one_sided_limit_with_error():
    constraint = CharginoMass(CharginoMassOptions(theory_error=3.0))
    found = constraint.log_likelihood({"m_chargino1": np.array([97.5, 103.5, 200.0])})
    assert_allclose(found, norm.logcdf([-2.0, 0.0, 96.5 / 3]), rtol=1e-10)


def test_measured_value_adds_errors_in_quadrature():
    options = GaussianOptions(
        observable="m_higgs", value=125.09, experimental_error=0.24, theory_error=2.0
    )
    found = Gaussian(options).log_likelihood({"m_higgs": MASS})
    assert_allclose(found, norm.logpdf(125.09, MASS, np.hypot(0.24, 2.0)), rtol=1e-12)


def test_vanishing_error_gives_back_the_hard_window():
    hard = Interval(IntervalOptions(observable="m_higgs", low=121, high=129))
    soft = Interval(
        IntervalOptions(observable="m_higgs", low=121, high=129, experimental_error=1e-9)
    )
    inside = {"m_higgs": MASS[1:4]}
    assert_allclose(soft.log_likelihood(inside), hard.log_likelihood(inside), atol=1e-12)
    assert (soft.log_likelihood({"m_higgs": MASS[[0, 4]]}) < -1e6).all()


@pytest.mark.parametrize("options", [{}, {"low": 2.0, "high": 1.0}, {"low": 1, "hard": False}])
def test_inconsistent_intervals_are_refused(options):
    with pytest.raises(ValueError, match=r"needs|below|not hard"):
        IntervalOptions(observable="x", **options)
