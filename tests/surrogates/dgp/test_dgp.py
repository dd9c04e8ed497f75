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


@pytest.mark.parametrize("mode", MODES)
def test_far_from_all_points_the_error_is_that_of_the_prior(mode, tiny_dataset):
    options = DgpOptions(mode=mode, scatter="constant", calibration="none")
    model = DistributedGP(options).fit(tiny_dataset, np.random.default_rng(2))
    std = model.predict([[500.0, -800.0]]).std[0]
    scale = model._fitted.frame.targets.scale
    for column, width in enumerate(scale):
        hyper = model.hyperparameters[min(column, len(model.hyperparameters) - 1)]
        assert_allclose(std[column], np.hypot(hyper.signal_std, hyper.noise_std) * width, rtol=1e-6)


def test_remoteness_grows_with_the_distance_and_is_small_inside(tiny_dataset):
    model = DistributedGP().fit(tiny_dataset, np.random.default_rng(2))
    assert (model.examine(tiny_dataset.inputs).remoteness <= 1).all()
    out = model.examine([[3.0, 2.0], [6.0, 2.0], [60.0, 2.0]]).remoteness
    assert (out > 1).all()
    assert (np.diff(out) > 0).all()


COMBINATIONS = [
    {"partition": partition, "combination": combination}
    for partition in ("random", "kdtree")
    for combination in ("poe", "gpoe", "bcm", "rbcm", "grbcm")
] + [{"partition": p, "combination": "local"} for p in ("kdtree", "kmeans", "neighbourhoods")]


@pytest.mark.parametrize("choice", COMBINATIONS, ids=lambda c: "-".join(c.values()))
def test_every_combination_learns_the_wave(choice, tiny_dataset):
    training, held_out = tiny_dataset.split(100, np.random.default_rng(1))
    model = DistributedGP(DgpOptions(**choice)).fit(training, np.random.default_rng(2))
    mean, std = model.predict(held_out.inputs)
    assert np.sqrt(np.square(mean - held_out.targets)[:, 0].mean()) < 0.1
    assert (std > 0).all()


@pytest.mark.parametrize(
    "extra",
    [
        {"kernel": "own"},
        {"robust": True},
        {"scatter": "network"},
        {"trend": {"hidden": (8,), "epochs": 5}},
        {"calibration": "conformal"},
        {"transform": {"kind": "log", "offset": 5.0}},
        {"mode": "paper", "combination": "grbcm", "kernel": "shared"},
    ],
    ids=str,
)
def test_every_option_survives_the_arrays(extra, tiny_dataset):
    options = DgpOptions(**extra)
    model = DistributedGP(options).fit(tiny_dataset, np.random.default_rng(3))
    again = DistributedGP.from_arrays(options, model.to_arrays())
    for before, after in zip(
        model.examine(tiny_dataset.inputs), again.examine(tiny_dataset.inputs), strict=True
    ):
        assert_array_equal(before, after)


def noisy(n_points, rng):
    """Counts of a smooth expectation, a hundred times noisier on one side than on the other."""
    inputs = rng.uniform([-2.0, 0.0], [2.0, 5.0], (n_points, 2))
    truth = 0.3 + 0.2 * np.sin(2 * inputs[:, 0]) * np.cos(2 * inputs[:, 1])
    error = np.where(inputs[:, 1] > 2.5, 0.1, 0.001)
    targets = truth + error * rng.standard_normal(n_points)
    data = Dataset(
        inputs, targets[:, np.newaxis], ("x", "y"), ("wave",),
        np.array([[-2.0, 2.0], [0.0, 5.0]]), error[:, np.newaxis],
    )  # fmt: skip
    return data, truth


def test_known_noise_is_left_out_of_the_error_and_weighs_the_points():
    data, truth = noisy(600, np.random.default_rng(4))
    known = DistributedGP(DgpOptions(noise="monte_carlo")).fit(data, np.random.default_rng(0))
    fitted = DistributedGP(DgpOptions(scatter="constant")).fit(data, np.random.default_rng(0))
    mean, std = (values[:, 0] for values in known.predict(data.inputs))
    quiet = data.inputs[:, 1] < 2.0
    loud = data.inputs[:, 1] > 3.0
    assert std[quiet].mean() < 0.3 * std[loud].mean()
    assert std[loud].mean() < 0.1
    rms = np.sqrt(np.square(mean - truth)[quiet].mean())
    assert rms < 0.2 * np.sqrt(
        np.square(fitted.predict(data.inputs).mean[:, 0] - truth)[quiet].mean()
    )
    # the error is that of the learned function: its pulls have unit width, to 20 %
    assert 0.8 < np.sqrt(np.square((mean - truth) / std).mean()) < 1.2


@pytest.mark.parametrize("scatter", ["local", "network"])
def test_errors_follow_the_scatter_of_the_training_points(scatter):
    data, _ = noisy(1200, np.random.default_rng(4))
    data = Dataset(data.inputs, data.targets, data.input_names, data.target_names, data.ranges)
    model = DistributedGP(DgpOptions(scatter=scatter)).fit(data, np.random.default_rng(0))
    std = model.predict(data.inputs).std[:, 0]
    assert std[data.inputs[:, 1] < 1.5].mean() < 0.25 * std[data.inputs[:, 1] > 3.5].mean()


def test_robust_option_is_not_led_astray_by_outliers(tiny_dataset):
    rng = np.random.default_rng(6)
    training, held_out = tiny_dataset.split(100, rng)
    spoiled = training.targets.copy()
    spoiled[rng.random(300) < 0.03] += 5.0
    dirty = Dataset(training.inputs, spoiled, ("x", "y"), ("wave", "kink"), training.ranges)
    errors = {
        robust: np.sqrt(
            np.square(
                DistributedGP(DgpOptions(robust=robust, calibration="none"))
                .fit(dirty, np.random.default_rng(0))
                .predict(held_out.inputs)
                .mean
                - held_out.targets
            ).mean()
        )
        for robust in (True, False)
    }
    assert errors[True] < 0.6 * errors[False]


def test_recalibration_makes_chi2_one_on_fresh_points():
    """A kernel that is too smooth is overconfident; the part kept aside sees it."""
    rng = np.random.default_rng(9)
    inputs = rng.uniform(-2, 2, (4000, 1))
    targets = np.sign(np.sin(9 * inputs)) + 0.05 * rng.standard_normal(inputs.shape)
    data = Dataset(inputs, targets, ("x",), ("steps",), np.array([[-2.0, 2.0]]))
    training, held_out = data.split(2000, rng)
    model = DistributedGP(DgpOptions(calibration_share=0.3)).fit(training, rng)
    mean, std = model.predict(held_out.inputs)
    chi2 = np.square((mean - held_out.targets) / std).mean()
    assert 0.8 < chi2 < 1.25


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


def test_where_points_are_few_an_expert_holds_them_all(tiny_dataset):
    few = tiny_dataset.take(np.arange(40))
    models = [
        DistributedGP(DgpOptions(calibration="none", expert_size=size)).fit(
            few, np.random.default_rng(0)
        )
        for size in (40, 1000)
    ]
    theta = np.random.default_rng(1).uniform([-1.5, 1.0], [1.5, 4.0], (20, 2))
    exact, found = (model.predict(theta) for model in models)
    assert_array_equal(found.mean, exact.mean)
    assert_array_equal(found.std, exact.std)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"noise": "monte_carlo"}, "needs known errors of wave, kink"),
        ({"transform": "log"}, "wave: .* in row .* log"),
        ({"features": ("x", "z")}, "'z' is not an input. Known: x, y"),
        ({"features": ("x", "log(y)")}, "'log(y)' is not a feature"),
    ],
)
def test_unfit_options_are_refused(options, words, tiny_dataset):
    with pytest.raises(InputError, match=words.replace("(", r"\(").replace(")", r"\)")):
        DistributedGP(DgpOptions(**options)).fit(tiny_dataset, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "papr"}, "paper"),
        ({"partition": "random"}, "need.* a place of their own"),
        ({"partition": "neighbourhoods", "combination": "rbcm"}, "count points twice"),
        ({"combination": "bcm", "scatter": "local"}, "needs combination 'local'"),
    ],
)
def test_contradictory_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        DgpOptions(**options)


def test_repeated_rows_are_refused_by_number(tiny_dataset):
    rows = np.append(np.arange(400), 17)
    with pytest.raises(InputError, match="rows 17 and 400 are the same point"):
        DistributedGP().fit(tiny_dataset.take(rows), np.random.default_rng(0))


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
    rows = model.to_arrays()["group0_rows"]
    assert_array_equal(np.sort(rows[rows >= 0]), np.arange(400))
    assert len(rows) == 6
