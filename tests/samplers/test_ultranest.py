"""UltraNest on valid roots: the evidence of the whole box, exact births, and not a word printed."""

import logging
import sys

import numpy as np
import pytest
from numpy.random import SeedSequence
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError

from fitplugin.errors import FitpluginError, MissingExtraError
from fitplugin.pools.serial import SerialPool
from fitplugin.samplers.ultranest import UltraNest, UltraNestOptions
from fitplugin.stats.nested import nested_weights

from . import laws
from .problems import Flat, Gaussian, Slab

pytest.importorskip("ultranest")


def run(problem, pool=None, seed=1, progress=lambda record: None, **options):
    options = {"n_live": 100, **options}
    checked = UltraNestOptions(**options)
    return UltraNest().run(
        problem, checked, pool or SerialPool(), SeedSequence(seed), None, progress
    )


@pytest.fixture(scope="module")
def gaussian_chain():
    return run(Gaussian(), n_live=400)


@pytest.fixture(scope="module")
def slab_chain():
    return run(Slab(), n_live=400)


def test_form_and_births(gaussian_chain, slab_chain):
    for chain, problem in ((gaussian_chain, Gaussian()), (slab_chain, Slab())):
        laws.check_form(chain, problem)
        laws.check_births_of_a_tree(chain, 400)


def test_gaussian_evidence_and_moments(gaussian_chain):
    laws.check_log_z(gaussian_chain, Gaussian())
    laws.check_gaussian_moments(gaussian_chain)
    assert gaussian_chain.evidence.fraction == (1.0, 0.0)
    assert gaussian_chain.details["converged"] == 1.0


def test_evidence_of_a_cut_prior_is_that_of_the_whole_box(slab_chain):
    laws.check_log_z(slab_chain, Slab())
    laws.check_cut(slab_chain, Slab())


def test_the_librarys_evidence_is_that_of_deaths_and_births(slab_chain):
    weights = nested_weights(slab_chain.log_likelihood, slab_chain.log_birth)
    # UltraNest shrinks volumes by exp(-1/n), we by n/(n + 1): a difference of H/(2n)
    assert_allclose(slab_chain.evidence.log_z, weights.log_z, atol=5.0 / 400)
    assert slab_chain.evidence.log_z_error == weights.log_z_error
    assert_array_equal(slab_chain.log_weight, weights.log_weight)


def test_evidence_from_the_births_agrees(slab_chain):
    anesthetic = pytest.importorskip("anesthetic")
    laws.check_births_give_the_evidence(slab_chain, anesthetic)


def test_more_samples_are_found_where_they_are_wanted():
    """Widening gives some nodes several children and asks for more roots."""
    chain = run(Slab(), n_eff=1500)
    assert chain.details["n_eff"] > 1500
    assert chain.n_live > 100
    laws.check_form(chain, Slab())
    laws.check_births_of_a_tree(chain, 100)
    laws.check_log_z(chain, Slab())
    laws.check_cut(chain, Slab())


def test_a_flat_likelihood_gives_back_the_valid_prior():
    chain = run(Flat(), n_live=1000)
    laws.check_log_z(chain, Flat())
    laws.check_cut(chain, Flat())
    laws.check_flat_gives_the_valid_prior(chain)


def test_one_seed_gives_one_chain():
    laws.check_seed(run, n_eff=600)


def test_the_chain_does_not_depend_on_the_pool(two_workers):
    laws.check_pool(run, two_workers, n_batch=300)


def test_the_chain_does_not_depend_on_the_clock(monkeypatch):
    """UltraNest looks at its batches after a tenth of a second."""
    import ultranest.integrator as library

    chain = run(Slab())
    clock = iter(np.arange(0.0, 1e6, 7.0))
    monkeypatch.setattr(library.time, "time", lambda: next(clock))
    assert laws.equal(chain, run(Slab()))


@pytest.mark.parametrize("in_workers", [False, True])
@pytest.mark.parametrize(("how", "complaint"), laws.BROKEN)
def test_a_broken_likelihood_stops_the_run_quietly(how, complaint, in_workers, two_workers, capfd):
    def start(problem):
        return run(problem, pool=two_workers if in_workers else None)

    laws.check_broken_stops_quietly(start, how, complaint, capfd)


def test_nothing_is_printed_or_logged_and_mpi_is_left_alone(capfd, caplog, monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    # another host may have let UltraNest add its own before
    before = list(logging.getLogger("ultranest").handlers)
    laws.check_quiet(run, capfd, caplog)
    assert logging.getLogger("ultranest").handlers == before
    assert not logging.getLogger("ultranest").disabled


def test_a_prior_without_valid_points_is_refused():
    laws.check_nothing_valid_is_refused(run)


def test_too_few_live_points_are_refused():
    laws.check_too_few_live_points_are_refused(run)
    laws.check_form(run(Gaussian(), n_live=8, log_z_error=20.0, n_eff=0), Gaussian())


def test_the_librarys_accidents_are_named(monkeypatch):
    def give_up(self, **options):
        raise ValueError("Region cannot sample a higher point.")

    monkeypatch.setattr("ultranest.ReactiveNestedSampler.run", give_up)
    complaint = "UltraNest gave up: ValueError: Region cannot"
    with laws.numpy_state_untouched(), pytest.raises(FitpluginError, match=complaint):
        run(Gaussian())


def test_an_interrupt_passes_through():
    def interrupt(record):
        if record.iteration:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Gaussian(), progress=interrupt)


def test_progress_ends_with_the_result():
    records = []
    chain = run(Gaussian(), progress=records.append, tolerance=0.01)
    laws.check_progress(chain, records)
    assert 0.0 < records[-1].remaining < 0.02


def test_max_calls_stops_early_and_says_so():
    chain = run(Gaussian(), max_calls=600)
    assert chain.n_like < 1000
    assert chain.details["converged"] == 0.0


@pytest.mark.parametrize(
    "options", [{"n_live": 0}, {"tolerance": 0.0}, {"log_z_error": 0.0}, {"nlive": 5}]
)
def test_bad_options_are_refused(options):
    with pytest.raises(ValidationError):
        UltraNestOptions(**options)


def test_a_missing_library_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fitplugin\[ultranest\]'"):
        UltraNest().require(UltraNestOptions(), 2)
