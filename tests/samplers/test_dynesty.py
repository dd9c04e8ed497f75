"""dynesty gives the evidence of the whole box and the right posterior, in any pool."""

import math

import numpy as np
import pytest
from numpy.random import SeedSequence
from pydantic import ValidationError
from scipy import stats

from fitplugin.errors import FitpluginError
from fitplugin.pools.processes import ProcessPool
from fitplugin.pools.serial import SerialPool
from fitplugin.samplers.dynesty import Dynesty, DynestyOptions

from . import laws
from .problems import Broken, Flat, Gaussian, Slab


def run(problem, pool=None, seed=1, progress=lambda record: None, tmp=None, **options):
    options = {"n_live": 200, **options}
    return Dynesty().run(
        problem, DynestyOptions(**options), pool or SerialPool(), SeedSequence(seed), tmp, progress
    )


@pytest.fixture(scope="module")
def gaussian_chain():
    return run(Gaussian(), n_live=400)


@pytest.fixture(scope="module")
def slab_chain():
    return run(Slab())


def test_form_and_births(gaussian_chain, slab_chain):
    for chain, problem in ((gaussian_chain, Gaussian()), (slab_chain, Slab())):
        laws.check_form(chain, problem)
        laws.check_births(chain)


def test_gaussian_evidence_and_moments(gaussian_chain):
    laws.check_log_z(gaussian_chain, Gaussian())
    laws.check_gaussian_moments(gaussian_chain)
    assert gaussian_chain.evidence.fraction.value == 1.0
    assert gaussian_chain.details["converged"] == 1.0


def test_evidence_of_a_cut_prior_is_that_of_the_whole_box(slab_chain):
    laws.check_log_z(slab_chain, Slab())
    laws.check_cut(slab_chain, Slab())


def test_evidence_from_the_births_agrees(slab_chain):
    anesthetic = pytest.importorskip("anesthetic")
    laws.check_births_give_the_evidence(slab_chain, anesthetic)


def test_a_flat_likelihood_gives_back_the_valid_prior():
    chain = run(Flat(), n_live=1000)
    laws.check_log_z(chain, Flat())
    laws.check_flat_gives_the_valid_prior(chain)


def test_equal_weight_draws_follow_the_posterior(gaussian_chain):
    rows = gaussian_chain.equal_weight(np.random.default_rng(2))
    # draws from a chain are correlated with it: compare at the size of the live set
    draws = np.random.default_rng(3).choice(gaussian_chain.samples[rows, 0], 400, replace=False)
    assert stats.kstest(draws, stats.norm(1.0, 1.0).cdf).pvalue > 1e-3


def test_the_chain_depends_on_the_queue_and_not_on_the_workers(two_workers):
    # a queue longer than one batch, so that workers really take part
    options = {"n_live": 150, "queue_size": 100}
    serial = run(Slab(), **options)
    assert laws.equal(serial, run(Slab(), pool=two_workers, **options))
    assert not laws.equal(serial, run(Slab(), n_live=150, queue_size=99))
    single = run(Slab(), n_live=150, queue_size=1)
    assert laws.equal(single, run(Slab(), n_live=150, queue_size=1, pool=two_workers))


def test_walks_go_through_the_pool_unchanged(two_workers):
    options = {"n_live": 50, "queue_size": 4, "sample": "rwalk"}
    assert laws.equal(run(Gaussian(), **options), run(Gaussian(), pool=two_workers, **options))


def test_one_seed_gives_one_chain():
    laws.check_seed(run, n_live=50)


def test_the_same_seed_sequence_gives_the_same_chain_twice():
    seed = SeedSequence(9)
    options = DynestyOptions(n_live=50)
    first, second = (
        Dynesty().run(Gaussian(), options, SerialPool(), seed, None, lambda record: None)
        for _ in range(2)
    )
    assert laws.equal(first, second)


@pytest.mark.parametrize("in_workers", [False, True])
@pytest.mark.parametrize(("how", "complaint"), laws.BROKEN)
def test_a_broken_likelihood_stops_the_run_quietly(how, complaint, in_workers, two_workers, capfd):
    def start(problem):
        return run(problem, n_live=50, pool=two_workers if in_workers else None)

    laws.check_broken_stops_quietly(start, how, complaint, capfd)


def test_a_killed_worker_stops_the_run():
    with (
        ProcessPool(processes=2, points_per_task=50) as pool,
        pytest.raises(FitpluginError, match="worker"),
    ):
        run(Broken(how="kill"), n_live=200, pool=pool)


def test_a_prior_without_valid_points_is_refused():
    laws.check_nothing_valid_is_refused(run)


def test_too_few_live_points_are_refused():
    laws.check_too_few_live_points_are_refused(run)
    assert run(Gaussian(), n_live=4).n_live == 4


@pytest.mark.parametrize(
    "options",
    [{"n_live": 0}, {"tolerance": 0.0}, {"tolerance": math.inf}, {"sample": "x"}, {"nlive": 5}],
)
def test_bad_options_are_refused(options):
    with pytest.raises(ValidationError):
        DynestyOptions(**options)


def test_progress_ends_at_the_tolerance():
    records = []
    chain = run(Gaussian(), progress=records.append, tolerance=0.3)
    assert records[-1].remaining < 0.3
    laws.check_progress(chain, records)


def test_max_calls_stops_early_and_says_so():
    chain = run(Gaussian(), max_calls=600)
    assert chain.n_like < 1000
    assert chain.details["converged"] == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("problem", [Gaussian(), Slab()])
def test_errors_are_honest_over_seeds(problem):
    z = [
        (chain.evidence.log_z_box - problem.log_z) / chain.evidence.log_z_box_error
        for chain in (run(problem, seed=seed) for seed in range(8))
    ]
    assert abs(np.mean(z)) < 3.0 / math.sqrt(8.0)
    assert np.std(z) < 2.5
