"""What every sampler, pool and constraint plugin must do, guests included."""

from __future__ import annotations

import numpy as np
import pytest

from fitplugin import plugins
from fitplugin.conformance import check_constraint, check_sampler
from fitplugin.errors import InputError, MissingExtraError


@pytest.mark.parametrize("name", plugins.names("fitplugin.samplers"))
def test_sampler_keeps_its_contract(name):
    sampler = plugins.load("fitplugin.samplers", name)
    size = "n_live" if "n_live" in sampler.Options.model_fields else "n_samples"
    options = sampler.Options(**{size: 20_000 if size == "n_samples" else 200})
    try:
        sampler().require(options, 2)
    except MissingExtraError as error:
        pytest.skip(str(error))
    check_sampler(sampler, options, is_posterior=name != "prior")


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
def test_constraint_keeps_its_contract(name):
    plugin = plugins.load("fitplugin.constraints", name)
    options = plugin.Options(**REQUIRED.get(name, {}))
    masses = np.linspace(0.0, 300.0, 50)
    check_constraint(plugin, options, dict.fromkeys(plugin(options).needs, masses))
