"""The dense network: it learns, its error is honest, outliers and seeds do what they must."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from fitplugin.errors import InputError
from fitplugin.surrogates import Dataset, load, save
from fitplugin.surrogates.networks.dense import DenseNetwork
from fitplugin.surrogates.networks.dense_training import NetworkTraining, train_network
from fitplugin.surrogates.networks.network import Network, NetworkOptions

BOX = np.array([[-1.0, 1.0], [-1.0, 1.0]])
QUICK = {"hidden": (32,), "epochs": 20}


def on_box(n_points, truth, seed, noise=0.0):
    rng = np.random.default_rng(seed)
    inputs = rng.uniform(-1.0, 1.0, (n_points, 2))
    targets = truth(inputs)[:, np.newaxis] + noise * rng.standard_normal((n_points, 1))
    return Dataset(inputs, targets, ("x", "y"), ("z",), BOX)


def wave(inputs):
    return np.sin(4.0 * inputs[:, 0]) * inputs[:, 1]


def in_circle(inputs):
    return (np.hypot(*inputs.T) < 0.7).astype(float)


@pytest.fixture(scope="module")
def noisy_wave():
    options = NetworkOptions(hidden=(32, 16), epochs=15, held_out=0.2)
    return Network(options).fit(on_box(3000, wave, 1, noise=0.05), np.random.default_rng(2))


@pytest.fixture(scope="module")
def circle():
    return Network(NetworkOptions(**QUICK)).fit(
        on_box(1500, in_circle, 3), np.random.default_rng(4)
    )


def test_a_sine_is_learned_to_two_percent():
    x = np.linspace(-1.7, 1.7, 800)[:, np.newaxis]
    training = NetworkTraining(hidden=(32, 16), epochs=30)
    network = train_network(x, np.sin(3.0 * x), training, np.random.default_rng(0))
    unseen = x[:-1] + 0.5 * (x[1] - x[0])
    assert np.sqrt(np.square(network(unseen) - np.sin(3.0 * unseen)).mean()) < 0.02


def test_error_is_that_of_fresh_points(noisy_wave):
    fresh = on_box(4000, wave, 5, noise=0.05)
    mean, std = noisy_wave.predict(fresh.inputs)
    assert_allclose(std, std[0, 0])
    rms = np.sqrt(np.square(mean - fresh.targets).mean())
    # a Gaussian rms of n points scatters by 1 / sqrt(2 n): 600 were held out, 4000 are fresh
    assert abs(std[0, 0] / rms - 1.0) < 4 * np.hypot(1 / np.sqrt(1200), 1 / np.sqrt(8000))
    # and cannot be below the noise
    assert std[0, 0] > 0.05 * (1 - 4 / np.sqrt(1200))


def test_known_errors_of_the_targets_are_not_part_of_the_error():
    data = on_box(3000, wave, 1, noise=0.05)
    known = Dataset(
        data.inputs, data.targets, ("x", "y"), ("z",), BOX, np.full_like(data.targets, 0.05)
    )
    options = NetworkOptions(hidden=(32, 16), epochs=15)
    std = [
        Network(options).fit(each, np.random.default_rng(2)).predict([0.0, 0.0]).std[0, 0]
        for each in (data, known)
    ]
    assert std[1] < 0.7 * std[0]


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
@pytest.mark.parametrize("binary", [False, True])
def test_network_computes_what_scikit_learn_does(binary):
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    data = on_box(300, in_circle if binary else wave, 6)
    kind = MLPClassifier if binary else MLPRegressor
    trained = kind(
        hidden_layer_sizes=(8, 5),
        activation="tanh",
        max_iter=20,
        n_iter_no_change=99,
        random_state=0,
    )
    trained.fit(data.inputs, data.targets[:, 0])
    output = DenseNetwork.of(trained)(data.inputs)[:, 0]
    if binary:
        assert_allclose(expit(output), trained.predict_proba(data.inputs)[:, 1], rtol=1e-12)
    else:
        assert_allclose(output, trained.predict(data.inputs), rtol=1e-10, atol=1e-12)


def test_same_seed_gives_the_same_network_and_another_seed_another():
    data = on_box(200, wave, 0)
    options = NetworkOptions(hidden=(8,), epochs=3)
    first, again, other = (
        Network(options).fit(data, np.random.default_rng(seed)).predict(BOX.T) for seed in (1, 1, 2)
    )
    assert_array_equal(first, again)
    assert (first.mean != other.mean).all()


def test_circle_is_told_apart(circle):
    fresh = on_box(2000, in_circle, 8)
    probability, std = circle.predict(fresh.inputs)
    assert ((probability > 0.5) == (fresh.targets == 1)).mean() > 0.95
    assert_allclose(std, np.maximum(np.sqrt(probability * (1 - probability)), 1e-6))


def test_probabilities_are_calibrated_where_classes_mix():
    rng = np.random.default_rng(9)
    inputs = rng.uniform(-1.0, 1.0, (3000, 2))
    truth = expit(4.0 * inputs[:, :1])
    labels = (rng.random((3000, 1)) < truth).astype(float)
    data = Dataset(inputs, labels, ("x", "y"), ("z",), BOX)
    mean = Network(NetworkOptions(**QUICK)).fit(data, rng).predict(inputs).mean
    # the labels fix a probability to about sqrt(p (1 - p) n_weights_that_matter / n_points)
    assert np.sqrt(np.square(mean - truth).mean()) < 0.05


def rms_error(data, targets, fresh, robust):
    training = NetworkTraining(hidden=(32, 16), epochs=15, robust=robust)
    scale = data.targets.std()
    network = train_network(data.inputs, targets / scale, training, np.random.default_rng(0))
    return np.sqrt(np.square(network(fresh.inputs) - fresh.targets / scale).mean())


def test_outliers_pull_a_robust_network_less():
    data, fresh = on_box(2000, wave, 10, noise=0.02), on_box(1000, wave, 12)
    targets = data.targets.copy()
    targets[np.random.default_rng(11).choice(2000, 40, replace=False)] += 1.0
    assert rms_error(data, targets, fresh, True) < 0.9 * rms_error(data, targets, fresh, False)


def test_a_rare_real_structure_survives_the_robust_training():
    def bump(inputs):
        return np.exp(-0.5 * np.square((inputs - 0.3) / 0.15).sum(axis=1))

    data, fresh = on_box(3000, bump, 13), on_box(2000, bump, 14)
    robust, free = (rms_error(data, data.targets, fresh, robust) for robust in (True, False))
    assert robust < 0.2
    assert robust < 1.1 * free


@pytest.mark.parametrize("model", ["noisy_wave", "circle"])
def test_round_trip_is_exact(model, request, tmp_path):
    fitted = request.getfixturevalue(model)
    path = tmp_path / "m.npz"
    save(fitted, "network", fitted.options.model_dump(mode="json"), path)
    before, after = fitted.examine(BOX.T), load(path).examine(BOX.T)
    for one, other in zip(before, after, strict=True):
        assert_array_equal(one, other)


def test_remoteness_is_one_on_the_faces_of_the_box(noisy_wave):
    assert_allclose(noisy_wave.examine([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]]).remoteness, [0, 1, 3])


def test_named_features_are_learned_and_stored():
    options = NetworkOptions(hidden=(8,), epochs=3, features=("abs(x)", "y"))
    model = Network(options).fit(on_box(200, wave, 0), np.random.default_rng(0))
    again = Network.from_arrays(options, model.to_arrays())
    for each in (model, again):
        mean = each.predict([[0.4, 0.2], [-0.4, 0.2]]).mean
        assert mean[0] == mean[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hidden": ()}, "hidden"),
        ({"hidden": (0,)}, "hidden.0"),
        ({"learning_rates": (-1.0,)}, "learning_rates.0"),
        ({"epoch": 3}, "'epoch' is not an option here.*Did you mean 'epochs'?"),
    ],
)
def test_impossible_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        NetworkOptions(**options)


def test_unfit_datasets_are_refused():
    data, rng = on_box(200, wave, 0), np.random.default_rng(0)
    flat = Dataset(data.inputs, np.ones((200, 1)), ("x", "y"), ("z",), BOX)
    classes = Dataset(data.inputs, np.eye(2)[np.arange(200) % 2], ("x", "y"), ("a", "b"), BOX)
    cases = {
        "z: is constant": (flat, {}),
        "learn one class at a time": (classes, {}),
        "held_out: 2 points are too few": (data, {"held_out": 0.01}),
        "'u' is not an input": (data, {"features": ("u",)}),
    }
    for words, (dataset, options) in cases.items():
        with pytest.raises(InputError, match=words):
            Network(NetworkOptions(**QUICK, **options)).fit(dataset, rng)


def test_unfitted_network_says_so():
    with pytest.raises(InputError, match="not fitted yet"):
        Network().predict([0.0, 0.0])
