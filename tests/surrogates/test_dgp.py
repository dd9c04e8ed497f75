"""The distributed Gaussian process: honest predictions, either mode."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fitplugin.errors import InputError
from fitplugin.stats.calibration import calibrate
from fitplugin.surrogates import Dataset
from fitplugin.surrogates.dgp import DgpOptions, DistributedGP

MODES = ["paper", "local"]


@pytest.fixture(scope="module", params=MODES)
def judged(request, tiny_dataset):
    training, held_out = tiny_dataset.split(100, np.random.default_rng(1))
    options = DgpOptions(mode=request.param, expert_size=50)
    return DistributedGP(options).fit(training, np.random.default_rng(2)), held_out


def test_smooth_target_is_predicted_to_its_noise(judged):
    model, held_out = judged
    mean, std = model.predict(held_out.inputs)
    found = calibrate(mean[:, 0], std[:, 0], held_out.targets[:, 0])
    assert found.rmse < 2 * 0.02
    # 95 % coverage of 100 points, four binomial standard errors
    assert found.coverage95 > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 100)


def test_error_is_never_below_the_noise(judged):
    model, held_out = judged
    std = model.predict(held_out.inputs).std
    scale = model._fitted.frame.targets.scale
    for column, hyper in enumerate(model.hyperparameters):
        assert (std[:, column] >= hyper.noise_std * scale[column]).all()


@pytest.mark.parametrize("mode", MODES)
def test_far_from_all_points_the_error_is_that_of_the_prior(mode, tiny_dataset):
    model = DistributedGP(DgpOptions(mode=mode)).fit(tiny_dataset, np.random.default_rng(2))
    std = model.predict([[500.0, -800.0]]).std[0]
    for column, hyper in enumerate(model.hyperparameters):
        prior = (
            np.hypot(hyper.signal_std, hyper.noise_std) * model._fitted.frame.targets.scale[column]
        )
        assert_allclose(std[column], prior, rtol=1e-6)


def test_a_named_kink_is_easier_to_learn(tiny_dataset):
    training, held_out = tiny_dataset.split(100, np.random.default_rng(1))
    errors = []
    for features in (("x", "y"), ("x", "abs(x)", "y")):
        options = DgpOptions(mode="local", features=features)
        mean, std = (
            DistributedGP(options).fit(training, np.random.default_rng(2)).predict(held_out.inputs)
        )
        errors.append(calibrate(mean[:, 1], std[:, 1], held_out.targets[:, 1]).rmse)
    assert errors[1] < errors[0]


def test_local_prediction_is_continuous_along_a_line(tiny_dataset):
    model = DistributedGP(DgpOptions(mode="local", expert_size=30)).fit(
        tiny_dataset, np.random.default_rng(2)
    )
    line = np.linspace([-1.5, 1.0], [1.5, 4.0], 20_001)
    steps = np.abs(np.diff(model.predict(line).mean, axis=0))
    # the wave has slope <= 2.3 per unit of the line's parameters; jumps would stand out
    assert steps.max() < 20 * np.median(steps)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"expert_size": 1000}, "more than the 400 training points"),
        ({"features": ("x", "z")}, "'z' is not an input. Known: x, y"),
        ({"features": ("x", "log(y)")}, "'log(y)' is not a feature"),
    ],
)
def test_unfit_options_are_refused(options, words, tiny_dataset):
    with pytest.raises(InputError, match=words.replace("(", r"\(").replace(")", r"\)")):
        DistributedGP(DgpOptions(**options)).fit(tiny_dataset, np.random.default_rng(0))


def test_constant_column_is_refused_by_name(tiny_dataset):
    flat = Dataset(
        np.column_stack([tiny_dataset.inputs[:, 0], np.ones(400)]),
        tiny_dataset.targets, ("x", "y"), ("wave", "kink"), tiny_dataset.ranges,
    )  # fmt: skip
    with pytest.raises(InputError, match="y: is constant"):
        DistributedGP().fit(flat, np.random.default_rng(0))


@pytest.mark.parametrize("bad", [[[1.0]], [[np.nan, 1.0]], [[1.0, np.inf]]])
def test_bad_inputs_are_refused(bad, judged):
    with pytest.raises(InputError, match="inputs"):
        judged[0].predict(bad)


def test_paper_partition_covers_every_point_once(tiny_dataset):
    model = DistributedGP(DgpOptions(mode="paper", expert_size=65)).fit(
        tiny_dataset, np.random.default_rng(0)
    )
    rows = model.to_arrays()["rows"][0]
    assert_array_equal(np.sort(rows[rows >= 0]), np.arange(400))
    assert len(rows) == 6
