"""Estimators of scikit-learn as surrogates: their numbers, honest errors, a store without code."""

from __future__ import annotations

import os

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError
from sklearn.ensemble import RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor, kernels
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import FunctionTransformer
from skops import io

from fitplugin.errors import InputError
from fitplugin.surrogates import Dataset, load, save
from fitplugin.surrogates.sklearn_estimators import find_estimator, summed_kernel
from fitplugin.surrogates.sklearn_model import SklearnModel, SklearnOptions

BOX = np.array([[-1.0, 1.0], [0.0, 10.0]])
FOREST = {"estimator": "ensemble.RandomForestRegressor", "parameters": {"n_estimators": 5}}
PROCESS = {
    "estimator": "gaussian_process.GaussianProcessRegressor",
    "parameters": {"kernel": ["RBF", "WhiteKernel"]},
}
BOOSTED = {
    "estimator": "sklearn.ensemble.HistGradientBoostingRegressor",
    "parameters": {"max_iter": 3, "max_leaf_nodes": 7},
}
CLASSIFIER = {
    "estimator": "neural_network.MLPClassifier",
    "parameters": {"hidden_layer_sizes": [8], "solver": "lbfgs", "max_iter": 300, "alpha": 1.0},
}


def sample(n_points, seed, binary=False):
    rng = np.random.default_rng(seed)
    inputs = rng.uniform(*BOX.T, (n_points, 2))
    target = np.sin(3.0 * inputs[:, 0]) + 0.1 * inputs[:, 1] + 0.1 * rng.standard_normal(n_points)
    if binary:
        target = (target > 0.5).astype(float)
    return Dataset(inputs, target[:, np.newaxis], ("x", "y"), ("z",), BOX)


def fitted(n_points=200, seed=1, binary=False, **options):
    data = sample(n_points, 0, binary)
    return SklearnModel(SklearnOptions(**options)).fit(data, np.random.default_rng(seed))


def standardised(values, reference):
    return (values - reference.mean(axis=0)) / reference.std(axis=0)


def test_neighbours_are_those_of_scikit_learn():
    data, fresh = sample(200, 0), sample(50, 5)
    model = SklearnModel(SklearnOptions(held_out=0.2)).fit(data, np.random.default_rng(1))
    training, _ = data.split(40, np.random.default_rng(1))
    direct = KNeighborsRegressor().fit(
        standardised(training.inputs, training.inputs), training.targets
    )
    expected = direct.predict(standardised(fresh.inputs, training.inputs))
    assert_allclose(model.predict(fresh.inputs).mean, expected, rtol=1e-12)


def test_gaussian_process_error_is_that_of_scikit_learn():
    data, fresh = sample(80, 0), sample(50, 5)
    model = fitted(n_points=80, **PROCESS)
    kernel = kernels.ConstantKernel() * kernels.RBF([1.0, 1.0]) + kernels.WhiteKernel()
    direct = GaussianProcessRegressor(kernel).fit(
        standardised(data.inputs, data.inputs), standardised(data.targets, data.targets)[:, 0]
    )
    mean, std = direct.predict(standardised(fresh.inputs, data.inputs), return_std=True)
    scale, shift = data.targets.std(), data.targets.mean()
    found = model.predict(fresh.inputs)
    assert_allclose(found.mean[:, 0], mean * scale + shift, rtol=1e-7)
    assert_allclose(found.std[:, 0], std * scale, rtol=1e-7)


@pytest.mark.parametrize("options", [{}, FOREST])
def test_error_covers_68_percent_of_fresh_points(options):
    model = fitted(n_points=4000, held_out=0.25, **options)
    fresh = sample(4000, 9)
    mean, std = model.predict(fresh.inputs)
    assert_allclose(std, std[0, 0])
    covered = (np.abs(mean - fresh.targets) <= std).mean()
    # binomial, of the 1000 held-out points and of the 4000 fresh ones
    assert abs(covered - 0.6827) < 3 * np.sqrt(0.6827 * 0.3173 * (1 / 1000 + 1 / 4000))


def test_classifier_gives_probabilities():
    model = fitted(n_points=600, binary=True, **CLASSIFIER)
    fresh = sample(500, 9, binary=True)
    probability, std = model.predict(fresh.inputs)
    assert ((probability > 0.5) == (fresh.targets == 1)).mean() > 0.85
    assert_allclose(std, np.maximum(np.sqrt(probability * (1 - probability)), 1e-6))


@pytest.mark.parametrize("options", [FOREST, BOOSTED, PROCESS, CLASSIFIER])
def test_store_round_trip_is_exact(options, tmp_path):
    model = fitted(binary=options is CLASSIFIER, **options)
    save(model, "sklearn", model.options.model_dump(mode="json"), tmp_path / "m.npz")
    fresh = sample(50, 9).inputs
    for before, after in zip(
        model.examine(fresh), load(tmp_path / "m.npz").examine(fresh), strict=True
    ):
        assert_array_equal(before, after)


def test_seed_decides_unless_the_parameters_do():
    inputs = sample(20, 9).inputs
    one, same, other = (fitted(seed=seed, **FOREST).predict(inputs).mean for seed in (1, 1, 2))
    assert_array_equal(one, same)
    assert (one != other).any()
    chosen = {**FOREST, "parameters": {"n_estimators": 5, "random_state": 3}}
    model = fitted(**chosen)
    assert model._fitted.estimators[0].random_state == 3


def test_every_target_has_its_own_estimator(tiny_dataset):
    model = SklearnModel().fit(tiny_dataset, np.random.default_rng(0))
    mean, std = model.predict(tiny_dataset.inputs)
    assert std[0, 0] != std[0, 1]
    for column in range(2):
        assert np.corrcoef(mean[:, column], tiny_dataset.targets[:, column])[0, 1] > 0.9


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"estimator": "ensembel.X"}, "'ensembel' is not a module .*Did you mean 'ensemble'?"),
        ({"estimator": "os.system"}, "'os' is not a module of scikit-learn"),
        ({"estimator": "externals.joblib"}, "'externals' is not a module"),
        ({"estimator": "svm.SVD"}, "'SVD' is not an estimator of sklearn.svm.*mean 'SV[CR]'?"),
        ({"estimator": "preprocessing.StandardScaler"}, "'StandardScaler' is not an estimator"),
        ({"estimator": "ensemble.StackingRegressor"}, "'StackingRegressor' is not an estimator"),
        ({"estimator": "Ridge"}, "'Ridge' is not the path of an estimator"),
        (
            {"parameters": {"n_neighbor": 3}},
            "'n_neighbor' is not a parameter of KNeighborsRegressor.*mean 'n_neighbors'?",
        ),
        ({**PROCESS, "parameters": {"kernel": ["RFB"]}}, "'RFB' is not a kernel.*mean 'RBF'?"),
        ({**PROCESS, "parameters": {"kernel": []}}, "list of names"),
        ({**PROCESS, "parameters": {"kernel": "RBF() + WhiteKernel()"}}, "list of names"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(options, words):
    with pytest.raises(ValidationError, match=words.replace("?", r"\?")):
        SklearnOptions(**options)


def test_error_is_located_at_the_parameter():
    with pytest.raises(ValidationError) as caught:
        SklearnOptions(parameters={"n_neighbor": 3})
    assert caught.value.errors()[0]["loc"] == ("parameters", "n_neighbor")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"parameters": {"n_neighbors": -1}}, "parameters: The 'n_neighbors' parameter"),
        ({"parameters": {"n_neighbors": 500}}, "parameters: Expected n_neighbors <= n_samples"),
        ({"held_out": 0.05}, "held_out: 10 points are too few"),
        (CLASSIFIER, "needs a target of 0 and 1"),
        ({"features": ("u",)}, "'u' is not an input"),
    ],
)
def test_unfit_options_are_refused_in_one_line(options, words):
    with pytest.raises(InputError, match=words) as caught:
        fitted(**{"held_out": 0.2, **options})
    assert "\n" not in str(caught.value)


def test_classifier_without_probability_is_refused():
    with pytest.raises(InputError, match="predicts no probability"):
        fitted(binary=True, estimator="linear_model.RidgeClassifier")


def test_kernel_has_one_length_scale_per_feature_and_amplitudes():
    kernel = summed_kernel(["Matern", "DotProduct", "WhiteKernel"], 3)
    expected = (
        kernels.ConstantKernel() * kernels.Matern([1, 1, 1])
        + kernels.ConstantKernel() * kernels.DotProduct()
        + kernels.WhiteKernel()
    )
    assert kernel == expected


def test_estimators_are_found_with_and_without_the_prefix():
    for path in ("ensemble.RandomForestRegressor", "sklearn.ensemble.RandomForestRegressor"):
        assert find_estimator(path) is RandomForestRegressor


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (FunctionTransformer(os.system), f"contains {os.name}.system, which is not"),
        (KNeighborsRegressor(weights=print), "contains builtins.print, which is not"),
        (LinearRegression(), "is a LinearRegression"),
        (None, "is not readable"),
    ],
)
def test_foreign_content_is_refused(content, words):
    model = fitted(held_out=0.2)
    stored = b"\x80\x04N." if content is None else io.dumps(content)
    arrays = {**model.to_arrays(), "estimator_0": np.frombuffer(stored, dtype=np.uint8)}
    with pytest.raises(InputError, match=words):
        SklearnModel.from_arrays(model.options, arrays)


def test_a_way_out_of_scikit_learn_by_its_own_modules_is_refused():
    from fitplugin.surrogates.sklearn_estimators import _is_from_sklearn

    assert _is_from_sklearn("sklearn.tree._tree.Tree")
    # a module, a function of another package, a class of another package, nothing
    for name in ("sklearn.base.warnings", "sklearn.base.deepcopy", "sklearn.base.Path",
                 "sklearn.base.defaultdict", "sklearn.nothing.X", "sklearnish.X"):  # fmt: skip
        assert not _is_from_sklearn(name)


@pytest.mark.parametrize("change", ["0.1.2", "99.0"])
def test_other_minor_version_is_refused(change):
    model = fitted(held_out=0.2)
    arrays = {**model.to_arrays(), "sklearn_version": np.array(change)}
    words = f"was trained with scikit-learn {change}, {sklearn.__version__} is installed; train it"
    with pytest.raises(InputError, match=words):
        SklearnModel.from_arrays(model.options, arrays)


def test_another_patch_of_the_same_minor_version_is_accepted():
    model = fitted(held_out=0.2)
    minor = ".".join(sklearn.__version__.split(".")[:2])
    arrays = {**model.to_arrays(), "sklearn_version": np.array(f"{minor}.99")}
    SklearnModel.from_arrays(model.options, arrays)
