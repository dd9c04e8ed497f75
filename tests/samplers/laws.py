"""What holds for the chain of every sampler."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from fitplugin.errors import InputError, LikelihoodError
from fitplugin.samplers.evidence import Evidence
from fitplugin.stats.nested import nested_weights

from .problems import COVARIANCE, MEAN, Broken, Gaussian, NothingValid, Slab

# how a likelihood breaks its contract, and what is said then
BROKEN = [
    ("raise", "ZeroDivisionError: no vacuum at x="),
    ("exit", "SystemExit: 0 at x="),
    ("nan", "is nan at x="),
    ("inf", "is inf at x="),
    ("shape", "log_likelihood has shape"),
    ("blobs", "missing"),
]


def check_form(chain, problem):
    n_samples = len(chain.samples)
    assert chain.names == tuple(problem.names)
    assert chain.samples.shape == (n_samples, len(problem.names))
    births = () if chain.log_birth is None else (chain.log_birth,)
    for column in (chain.log_likelihood, chain.log_weight, *births):
        assert column.shape == (n_samples,)
    assert_allclose(chain.weights.sum(), 1.0, rtol=1e-12)
    assert list(chain.blobs) == list(problem.blob_names)
    expected = problem.evaluate(chain.samples)
    assert_allclose(chain.log_likelihood, expected.log_likelihood, rtol=1e-9, atol=1e-9)
    for name, values in expected.blobs.items():
        assert_allclose(chain.blobs[name], values, rtol=1e-9, atol=1e-9)
    for value in (chain.evidence.log_z, chain.evidence.log_z_box, chain.evidence.log_z_error):
        assert isinstance(value, float)
    assert all(type(value) is float for value in chain.details.values())


def check_births(chain):
    """With a constant number of live points, n_live are alive at the death of every dead point."""
    assert (np.diff(chain.log_likelihood) >= 0.0).all()
    assert (chain.log_birth < chain.log_likelihood).all()
    n_dead = len(chain.log_likelihood) - chain.n_live
    births = np.sort(chain.log_birth)
    alive = np.searchsorted(births, chain.log_likelihood[:n_dead]) - np.arange(n_dead)
    assert_array_equal(alive, chain.n_live)


def check_births_of_a_tree(chain, n_live):
    """Where the number of live points varies: never below n_live while points are replaced."""
    assert (np.diff(chain.log_likelihood) >= 0.0).all()
    assert (chain.log_birth < chain.log_likelihood).all()
    contours = chain.log_birth[chain.log_birth > -np.inf]
    assert np.isin(contours, chain.log_likelihood).all()
    assert (chain.log_birth == -np.inf).sum() == chain.n_live
    alive = nested_weights(chain.log_likelihood, chain.log_birth).n_live
    assert (alive[chain.log_likelihood <= contours.max()] >= n_live).all()


def check_log_z(chain, problem):
    evidence = chain.evidence
    assert abs(evidence.log_z_box - problem.log_z) < 5.0 * evidence.log_z_box_error


def check_cut(chain, problem):
    """The valid fraction is that of the problem, and relates the two evidences."""
    evidence = chain.evidence
    fraction, error = evidence.fraction
    assert abs(fraction - problem.valid_fraction) < 5.0 * error
    assert_allclose(evidence.log_z_box, evidence.log_z + np.log(fraction), rtol=1e-12)


def check_births_give_the_evidence(chain, anesthetic):
    """anesthetic's estimate, from births and deaths alone, within the error."""
    samples = anesthetic.NestedSamples(
        data=chain.samples, logL=chain.log_likelihood, logL_birth=chain.log_birth
    )
    assert abs(samples.logZ() - chain.evidence.log_z) < chain.evidence.log_z_error


def check_gaussian_moments(chain):
    n_eff = 1.0 / np.square(chain.weights).sum()
    mean = chain.weights @ chain.samples
    assert_allclose(mean, MEAN, atol=5.0 * np.sqrt(COVARIANCE.diagonal().max() / n_eff))
    covariance = np.cov(chain.samples.T, aweights=chain.weights)
    assert_allclose(covariance, COVARIANCE, atol=5.0 * 2.0 * np.sqrt(2.0 / n_eff))


def equal(chain, other):
    """Whether two chains are the same, bit for bit."""
    pairs = (
        (getattr(chain, name), getattr(other, name))
        for name in ("samples", "log_likelihood", "log_weight", "log_birth", "evidence", "n_like")
    )
    return all(a == b if isinstance(a, Evidence) else np.array_equal(a, b) for a, b in pairs)


def check_flat_gives_the_valid_prior(chain):
    """A flat likelihood where x > 1: samples are uniform there."""
    draws = chain.samples[chain.equal_weight(np.random.default_rng(1))]
    assert stats.kstest(draws[:, 0], stats.uniform(1.0, 9.0).cdf).pvalue > 1e-3
    assert stats.kstest(draws[:, 1], stats.uniform(-10.0, 20.0).cdf).pvalue > 1e-3


def check_seed(run, **options):
    """One seed gives one chain, whatever numpy's global generator did, and leaves that alone."""
    np.random.seed(1)  # noqa: NPY002
    with numpy_state_untouched():
        chain = run(Slab(), seed=5, **options)
    np.random.seed(2)  # noqa: NPY002
    assert equal(chain, run(Slab(), seed=5, **options))
    assert not equal(chain, run(Slab(), seed=6, **options))


@contextmanager
def numpy_state_untouched():
    """Whatever happens within, numpy's global generator goes on as before."""
    state = np.random.get_state()  # noqa: NPY002
    yield
    now = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(state, now, strict=True))


def check_pool(run, pool, **options):
    """The chain does not depend on who evaluates the likelihood."""
    assert equal(run(Slab(), **options), run(Slab(), pool=pool, **options))


def check_broken_stops_quietly(run, how, complaint, capfd):
    with pytest.raises(LikelihoodError, match=complaint):
        run(Broken(how=how))
    assert capfd.readouterr() == ("", "")


def check_quiet(run, capfd, caplog):
    """Nothing on the terminal, nothing in anybody's log."""
    caplog.set_level(0)
    run(Slab())
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def check_nothing_valid_is_refused(run):
    with pytest.raises(InputError, match=r"prior: none of 1\d\d\d\d points"):
        run(NothingValid())


def check_too_few_live_points_are_refused(run):
    with pytest.raises(InputError, match=r"sampler.n_live: is 3; 2 parameters need at least 4"):
        run(Gaussian(), n_live=3)


def check_progress(chain, records):
    """Calls only grow, and the last record is the result."""
    calls = [record.n_like for record in records]
    assert len(records) > 2
    assert calls == sorted(calls)
    assert (records[-1].log_z, calls[-1]) == (chain.evidence.log_z_box, chain.n_like)
