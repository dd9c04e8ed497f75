"""What every surrogate plugin must do, guests included."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fitplugin import plugins
from fitplugin.errors import InputError
from fitplugin.surrogates import load, save

NAMES = plugins.names("fitplugin.surrogates")
# defaults, but for what takes minutes with them
OPTIONS = {
    "bnn": {
        "hidden": (12,),
        "pretraining": {"min_steps": 1000},
        "sampling": {"n_warmup": 100, "n_draws": 20, "block": 20, "max_tree_depth": 4},
    }
}
THETA = np.random.default_rng(8).uniform([-2.0, 0.0], [2.0, 5.0], (50, 2))


@pytest.fixture(scope="module", params=NAMES)
def kind(request):
    return request.param


def options_of(kind):
    plugin = plugins.load("fitplugin.surrogates", kind)
    return plugin.Options.model_validate(OPTIONS.get(kind, {}))


@pytest.fixture(scope="module")
def fitted(kind, tiny_dataset):
    plugin = plugins.load("fitplugin.surrogates", kind)
    return plugin(options_of(kind)).fit(tiny_dataset, np.random.default_rng(0))


def test_prediction_does_not_depend_on_its_batch(fitted):
    whole = fitted.predict(THETA)
    for index in range(5):
        alone = fitted.predict(THETA[index])
        assert_allclose(whole.mean[index : index + 1], alone.mean, rtol=1e-12)
        assert_allclose(whole.std[index : index + 1], alone.std, rtol=1e-12)


def test_prediction_has_a_positive_error_for_every_target(fitted):
    mean, std = fitted.predict(THETA)
    assert mean.shape == std.shape == (50, 2)
    assert np.isfinite(mean).all()
    assert (std > 0).all()


def test_same_seed_gives_the_same_model(kind, fitted, tiny_dataset):
    plugin = plugins.load("fitplugin.surrogates", kind)
    again = plugin(options_of(kind)).fit(tiny_dataset, np.random.default_rng(0))
    assert_array_equal(again.predict(THETA).mean, fitted.predict(THETA).mean)


def test_names_and_box_are_those_of_the_dataset(fitted, tiny_dataset):
    assert fitted.input_names == tiny_dataset.input_names
    assert fitted.target_names == tiny_dataset.target_names
    assert_array_equal(fitted.ranges, tiny_dataset.ranges)


def test_store_round_trip(kind, fitted, tmp_path):
    options = options_of(kind)
    save(fitted, kind, options.model_dump(mode="json"), tmp_path / "m.npz")
    assert_array_equal(load(tmp_path / "m.npz").predict(THETA).std, fitted.predict(THETA).std)


def test_a_repeated_row_is_refused_by_number(kind, tiny_dataset):
    plugin = plugins.load("fitplugin.surrogates", kind)
    repeated = tiny_dataset.take(np.append(np.arange(400), 17))
    with pytest.raises(InputError, match="rows 17 and 400 are the same point"):
        plugin(options_of(kind)).fit(repeated, np.random.default_rng(0))
