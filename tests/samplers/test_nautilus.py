"""nautilus in shells: the evidence of the whole box, and how much of that box is valid."""

import math

import numpy as np
import pytest
from numpy.random import SeedSequence
from pydantic import ValidationError

from fitplugin.errors import InputError, MissingExtraError
from fitplugin.pools.serial import SerialPool
from fitplugin.samplers.nautilus import Nautilus, NautilusOptions

from . import laws
from .problems import Flat, Gaussian, NothingValid, Slab

pytest.importorskip("nautilus")


def run(problem, pool=None, seed=1, progress=lambda record: None, **options):
    options = {"n_live": 100, "n_eff": 200, **options}
    checked = NautilusOptions(**options)
    return Nautilus().run(
        problem, checked, pool or SerialPool(), SeedSequence(seed), None, progress
    )


@pytest.fixture(scope="module")
def gaussian_chain():
    return run(Gaussian(), n_live=400, n_eff=2000)


@pytest.fixture(scope="module")
def slab_chain():
    return run(Slab(), n_live=400, n_eff=2000)


def test_form(gaussian_chain, slab_chain):
    for chain, problem in ((gaussian_chain, Gaussian()), (slab_chain, Slab())):
        laws.check_form(chain, problem)
        assert chain.log_birth is None
        assert (np.diff(chain.log_likelihood) >= 0.0).all()


def test_gaussian_evidence_and_moments(gaussian_chain):
    laws.check_log_z(gaussian_chain, Gaussian())
    laws.check_gaussian_moments(gaussian_chain)
    assert gaussian_chain.evidence.fraction == (1.0, 0.0)
    assert gaussian_chain.details["converged"] == 1.0


def test_evidence_of_a_cut_prior_is_that_of_the_whole_box(slab_chain):
    laws.check_log_z(slab_chain, Slab())
    laws.check_cut(slab_chain, Slab())


def test_the_error_is_the_inverse_root_of_the_effective_size(slab_chain):
    n_eff = slab_chain.details["n_eff"]
    assert n_eff > 2000
    assert slab_chain.evidence.log_z_box_error == 1.0 / math.sqrt(n_eff)
    # with all points kept, it is Kish's size of the chain
    assert n_eff == pytest.approx(1.0 / np.square(slab_chain.weights).sum(), rel=1e-9)


def test_discarding_the_exploration_keeps_the_valid_fraction():
    chain = run(Slab(), discard_exploration=True)
    laws.check_form(chain, Slab())
    laws.check_log_z(chain, Slab())
    laws.check_cut(chain, Slab())
    assert len(chain.samples) < chain.n_like / 2


def test_networks_may_tighten_the_bounds():
    chain = run(Slab(), n_networks=1)
    laws.check_form(chain, Slab())
    laws.check_log_z(chain, Slab())


def test_a_flat_likelihood_gives_back_the_valid_prior():
    # the live points of a flat likelihood hold a share of Z that falls only as points are added
    chain = run(Flat(), f_live=0.1)
    laws.check_log_z(chain, Flat())
    laws.check_cut(chain, Flat())
    laws.check_flat_gives_the_valid_prior(chain)


def test_one_seed_gives_one_chain():
    laws.check_seed(run)


def test_the_chain_does_not_depend_on_the_pool(two_workers):
    laws.check_pool(run, two_workers, n_batch=300)


@pytest.mark.parametrize("in_workers", [False, True])
@pytest.mark.parametrize(("how", "complaint"), laws.BROKEN)
def test_a_broken_likelihood_stops_the_run_quietly(how, complaint, in_workers, two_workers, capfd):
    def start(problem):
        return run(problem, pool=two_workers if in_workers else None)

    laws.check_broken_stops_quietly(start, how, complaint, capfd)


def test_nothing_is_printed_or_logged(capfd, caplog):
    laws.check_quiet(run, capfd, caplog)


def test_a_prior_without_valid_points_is_refused():
    laws.check_nothing_valid_is_refused(run)
    with pytest.raises(InputError, match=r"sampler.max_calls: none of the first \d* points is"):
        run(NothingValid(), max_calls=300)


def test_too_few_live_points_or_parameters_are_refused():
    laws.check_too_few_live_points_are_refused(run)
    with pytest.raises(InputError, match="nautilus needs two parameters"):
        Nautilus().require(NautilusOptions(), 1)


def test_progress_ends_with_the_result(monkeypatch):
    monkeypatch.setattr("fitplugin.samplers.nautilus._SECONDS_BETWEEN_RECORDS", 0.0)
    records = []
    chain = run(Gaussian(), progress=records.append)
    laws.check_progress(chain, records)
    assert records[-1].remaining == 0.0
    assert records[3].remaining > 0.0


def test_max_calls_stops_early_and_says_so():
    chain = run(Gaussian(), max_calls=600)
    assert chain.n_like < 1000
    assert chain.details["converged"] == 0.0


@pytest.mark.parametrize(
    "options", [{"n_live": 0}, {"f_live": 0.0}, {"f_live": 1.0}, {"tolerance": 0.5}]
)
def test_bad_options_are_refused(options):
    with pytest.raises(ValidationError):
        NautilusOptions(**options)


def test_a_missing_library_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fitplugin\[nautilus\]'"):
        Nautilus().require(NautilusOptions(), 2)
