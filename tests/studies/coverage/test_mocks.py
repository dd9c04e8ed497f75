"""A mock drawn from prior and likelihood is calibrated; a posterior that is too sure is not."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.random import SeedSequence
from numpy.testing import assert_allclose
from scipy.stats import kstest, truncnorm

import fitplugin
from fitplugin.components import Component
from fitplugin.errors import InputError
from fitplugin.likelihoods.constraints import Gaussian
from fitplugin.samplers.dynesty import Dynesty
from fitplugin.samplers.multinest import MultiNest
from fitplugin.studies.coverage import mocks
from fitplugin.studies.coverage.judgement import judge
from fitplugin.studies.coverage.mocks import mock_sampler, with_counts
from tests.conftest import SCANS
from tests.studies.coverage.toy import toy, toy_mocks


def test_the_exact_posterior_of_a_toy_passes():
    judged = judge(toy_mocks(toy(cross_section="independent"), 100, 5, n_draws=19, n_points=1500))
    assert judged.is_calibrated, judged.verdict
    for one in judged.found.values():
        assert abs(one.coverage68 - 0.6827) < 3 * one.coverage68_error
        assert abs(one.coverage95 - 0.95) < 3 * one.coverage95_error


def test_a_posterior_that_is_too_sure_fails():
    joint = toy(cross_section="independent")
    judged = judge(toy_mocks(joint, 60, 5, n_draws=9, n_points=3000, power=3.0))
    assert judged.is_calibrated is False
    assert judged.verdict.startswith("NOT calibrated: ")
    # it is the log-likelihood that shows most plainly that all of it is too sharp
    assert judged.p_corrected["log_likelihood"] == min(judged.p_corrected.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    "nuisances",
    [{"cross_section": "shared"}, {"background_covariance": ((4.0, 2.0), (2.0, 9.0))}],
)
def test_what_regions_have_in_common_is_in_their_mocks(nuisances):
    judged = judge(toy_mocks(toy(**nuisances), 100, 6, n_draws=9, n_points=600))
    assert judged.is_calibrated, judged.verdict


def test_mocks_without_a_likelihood_are_drawn_again():
    covariance = ((0.01, 0.0), (0.0, 0.01))
    joint = toy(background_covariance=covariance)
    for mock in toy_mocks(joint, 10, 7, n_draws=3, n_points=2000):
        assert min(mock.counts.values()) >= 3


def test_soft_terms_are_part_of_the_prior():
    """A Gaussian measurement of a, in its box: the drawn points follow the truncated normal."""
    options = Gaussian.Options(observable="a", value=10.0, experimental_error=6.0)
    joint = toy((Gaussian(options),))
    points = np.concatenate(
        [mocks._point_of_prior(joint, seed) for seed in SeedSequence(8).spawn(300)]
    )
    wanted = truncnorm(-10.0 / 6.0, 5.0, 10.0, 6.0)
    # the edge a + b < 60 leaves b alone but for a > 20, which is rare
    low = points[points[:, 0] < 20.0, 0]
    assert kstest(low, lambda x: wanted.cdf(x) / wanted.cdf(20.0)).pvalue > 1e-3


def test_terms_that_leave_no_prior_are_refused():
    options = Gaussian.Options(observable="a", value=10.0, experimental_error=0.01)
    with pytest.raises(InputError, match="prior: the terms besides the counts leave"):
        toy_mocks(toy((Gaussian(options),)), 1, 9)


def test_too_few_effective_draws_are_refused():
    with pytest.raises(InputError, match="n_draws: is 400, and the posterior has"):
        toy_mocks(toy(), 1, 9, n_draws=400, n_points=500)


def test_other_counts_are_those_of_a_scan_file_with_them(smoke_joint, model_cache, tmp_path):
    text = (SCANS / "smoke.yaml").read_text()
    path = tmp_path / "scan.yaml"
    path.write_text(
        text.replace("mock: {benchmark: natural_susy}", "observed: {0-lepton: 41, 1-lepton: 7}")
    )
    theta = smoke_joint.prior_transform(np.random.default_rng(1).random((20, 3)))
    expected = fitplugin.load(path, model_cache).log_likelihood(theta)
    joint = with_counts(smoke_joint, [41.0, 7.0])
    assert_allclose(joint.log_likelihood(theta), expected, rtol=1e-12)
    assert joint.digest() != smoke_joint.digest()
    data = pickle.dumps(joint)
    assert len(data) < 20_000
    assert_allclose(pickle.loads(data).log_likelihood(theta), expected, rtol=1e-12)


def test_the_sampler_of_a_mock_is_that_of_the_scan_in_one_run():
    scan = Component("dynesty", Dynesty, Dynesty.Options(n_live=4000, bootstrap=0))
    assert mock_sampler(scan, 300).options == Dynesty.Options(n_live=300, bootstrap=0)
    scan = Component("multinest", MultiNest, MultiNest.Options(n_live=4000, runs=4))
    assert mock_sampler(scan, 300).options == MultiNest.Options(n_live=300, runs=1)
