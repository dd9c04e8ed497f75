"""What every sampler, pool and constraint plugin must do, guests included."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import SeedSequence
from numpy.testing import assert_array_equal

from fitplugin import plugins
from fitplugin.errors import InputError, MissingExtraError
from fitplugin.pools.serial import SerialPool
from tests.samplers.problems import Gaussian


@pytest.mark.parametrize("name", plugins.names("fitplugin.samplers"))
def test_sampler_finds_the_evidence_of_a_gaussian(name, tmp_path):
    sampler = plugins.load("fitplugin.samplers", name)()
    size = "n_live" if "n_live" in sampler.Options.model_fields else "n_samples"
    options = sampler.Options(**{size: 20_000 if size == "n_samples" else 200})
    try:
        sampler.require(options, 2)
    except MissingExtraError as error:
        pytest.skip(str(error))
    chain = sampler.run(
        Gaussian(), options, SerialPool(), SeedSequence(4), tmp_path, lambda record: None
    )
    # a box of 20 x 20 around a normalised Gaussian
    evidence = chain.evidence
    assert abs(evidence.log_z_box + np.log(400.0)) < 5 * evidence.log_z_box_error
    assert chain.names == Gaussian().names
    assert set(chain.blobs) == set(Gaussian().blob_names)
    assert abs(chain.weights.sum() - 1) < 1e-9
    assert chain.n_like >= len(chain.samples) - chain.n_live


@pytest.mark.parametrize("name", plugins.names("fitplugin.samplers"))
def test_sampler_refuses_too_few_live_points_before_it_starts(name):
    sampler = plugins.load("fitplugin.samplers", name)()
    if "n_live" not in sampler.Options.model_fields:
        pytest.skip("it has no live points")
    with pytest.raises(InputError, match="at least 6 live points"):
        sampler.require(sampler.Options(n_live=5), 3)


@pytest.mark.parametrize("name", plugins.names("fitplugin.pools"))
def test_pool_maps_in_order(name):
    plugin = plugins.load("fitplugin.pools", name)
    with plugin.from_options(plugin.Options(), 2) as pool:
        assert pool.map(abs, range(-50, 0)) == list(range(50, 0, -1))
        assert list(pool.imap(abs, [-1, -2])) == [1, 2]
        assert pool.size == (1 if name == "serial" else 2)
        assert pool.points_per_task == 512


REQUIRED = {
    "interval": {"observable": "m_higgs", "low": 100.0},
    "gaussian": {"observable": "m_higgs", "value": 125.0, "experimental_error": 2.0},
}


@pytest.mark.parametrize("name", plugins.names("fitplugin.constraints"))
def test_constraint_reads_what_it_says_and_cuts_only_if_hard(name):
    plugin = plugins.load("fitplugin.constraints", name)
    constraint = plugin(plugin.Options(**REQUIRED.get(name, {})))
    assert constraint.name
    observables = {key: np.linspace(0.0, 300.0, 50) for key in constraint.needs}
    values = constraint.log_likelihood(observables)
    assert values.shape == (50,)
    assert not np.isnan(values).any()
    if constraint.is_hard:
        assert np.isin(values, (0.0, -np.inf)).all()
        assert 0 < np.isfinite(values).sum() < 50
    else:
        assert np.isfinite(values).all()
    assert_array_equal(constraint.log_likelihood(observables), values)
