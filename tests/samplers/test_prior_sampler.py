"""The prior as a chain: uniform where it is valid, with the mean likelihood as its evidence."""

import math

import numpy as np
import pytest
from numpy.random import SeedSequence
from numpy.testing import assert_allclose
from pydantic import ValidationError

from fitplugin.pools.serial import SerialPool
from fitplugin.samplers.prior_sampler import PriorOptions, PriorSampler

from . import laws
from .problems import Flat, Gaussian, Slab


def run(problem, pool=None, seed=1, progress=lambda record: None, **options):
    return PriorSampler().run(
        problem, PriorOptions(**options), pool or SerialPool(), SeedSequence(seed), None, progress
    )


@pytest.fixture(scope="module")
def slab_chain():
    return run(Slab())


def test_form(slab_chain):
    laws.check_form(slab_chain, Slab())
    assert slab_chain.log_birth is None
    assert slab_chain.n_live == len(slab_chain.samples) == 10_000
    assert np.ptp(slab_chain.log_weight) == 0.0


def test_the_chain_is_the_valid_prior(slab_chain):
    laws.check_flat_gives_the_valid_prior(slab_chain)
    laws.check_cut(slab_chain, Slab())


@pytest.mark.parametrize("problem", [Gaussian(), Slab(), Flat()])
def test_evidence_is_the_mean_likelihood(problem):
    chain = run(problem)
    laws.check_log_z(chain, problem)
    mean = np.exp(chain.log_likelihood).mean()
    error = np.exp(chain.log_likelihood).std(ddof=1) / math.sqrt(10_000)
    assert_allclose(chain.evidence.log_z, math.log(mean), rtol=1e-12, atol=1e-12)
    assert_allclose(chain.evidence.log_z_error, error / mean, rtol=1e-12, atol=1e-9)


def test_the_likelihood_makes_a_posterior_of_it():
    chain = run(Gaussian(), n_samples=30_000)
    weights = np.exp(chain.log_likelihood - chain.evidence.log_z) / chain.n_live
    assert_allclose(weights.sum(), 1.0, rtol=1e-12)
    n_eff = 1.0 / np.square(weights).sum()
    assert_allclose(n_eff, chain.details["n_eff_posterior"], rtol=1e-9)
    assert_allclose(weights @ chain.samples, [1.0, -0.5], atol=5.0 * math.sqrt(2.0 / n_eff))


def test_one_seed_gives_one_chain():
    laws.check_seed(run)


def test_the_chain_does_not_depend_on_the_pool(two_workers):
    laws.check_pool(run, two_workers)


@pytest.mark.parametrize(("how", "complaint"), laws.BROKEN)
def test_a_broken_likelihood_stops_the_run_quietly(how, complaint, capfd):
    laws.check_broken_stops_quietly(run, how, complaint, capfd)


def test_nothing_is_printed_or_logged(capfd, caplog):
    laws.check_quiet(run, capfd, caplog)


def test_a_prior_without_valid_points_is_refused():
    laws.check_nothing_valid_is_refused(run)


def test_progress_ends_with_the_result():
    records = []
    laws.check_progress(run(Slab(), progress=records.append), records)


@pytest.mark.parametrize("options", [{"n_samples": 1}, {"n_live": 5}])
def test_bad_options_are_refused(options):
    with pytest.raises(ValidationError):
        PriorOptions(**options)
