"""What holds for the chain of every sampler."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from .problems import COVARIANCE, MEAN


def check_form(chain, problem):
    n_samples = len(chain.samples)
    assert chain.names == tuple(problem.names)
    assert chain.samples.shape == (n_samples, len(problem.names))
    for column in (chain.log_likelihood, chain.log_weight, chain.log_birth):
        assert column.shape == (n_samples,)
    assert_allclose(chain.weights.sum(), 1.0, rtol=1e-12)
    assert list(chain.blobs) == list(problem.blob_names)
    expected = problem.evaluate(chain.samples)
    assert_allclose(chain.log_likelihood, expected.log_likelihood, rtol=1e-9, atol=1e-9)
    for name, values in expected.blobs.items():
        assert_allclose(chain.blobs[name], values, rtol=1e-9, atol=1e-9)
    assert isinstance(chain.log_z, float)
    assert isinstance(chain.log_z_error, float)
    assert all(type(value) is float for value in chain.details.values())


def check_births(chain):
    """With a constant number of live points, n_live are alive at the death of every dead point."""
    assert (np.diff(chain.log_likelihood) >= 0.0).all()
    assert (chain.log_birth < chain.log_likelihood).all()
    n_dead = len(chain.log_likelihood) - chain.n_live
    births = np.sort(chain.log_birth)
    alive = np.searchsorted(births, chain.log_likelihood[:n_dead]) - np.arange(n_dead)
    assert_array_equal(alive, chain.n_live)


def check_log_z(chain, problem):
    assert abs(chain.log_z - problem.log_z) < 5.0 * chain.log_z_error


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
        for name in ("samples", "log_likelihood", "log_weight", "log_birth", "log_z", "n_like")
    )
    return all(np.array_equal(a, b) for a, b in pairs)
