"""Bayesian networks: honest errors, classes, resuming, storage, another prior, refusals."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import ValidationError

from fitplugin.errors import InputError
from fitplugin.stats.calibration import calibrate
from fitplugin.stats.classification import classify
from fitplugin.stats.decisions import DECISIONS
from fitplugin.surrogates import load, save
from fitplugin.surrogates.bnn import BayesianNetwork, hmc
from fitplugin.surrogates.bnn.options import BayesianNetworkOptions
from fitplugin.surrogates.bnn.prior import PriorOptions
from fitplugin.surrogates.dataset import Dataset

pytest.importorskip("numpyro")

BOX = np.array([[-2.0, 2.0], [0.0, 3.0]])
SMALL = {
    "hidden": (12,),
    "n_networks": 20,
    "pretraining": {"min_steps": 2000},
    "sampling": {"n_warmup": 100, "n_draws": 60, "block": 30, "max_tree_depth": 5},
}
CHEAP = {**SMALL, "posterior": "ensemble", "n_networks": 3}


def function(x):
    return 120.0 + 4.0 * np.sin(1.5 * x[:, 0]) + x[:, 1] ** 2


def dataset(n=300, seed=0, noise=0.3):
    rng = np.random.default_rng(seed)
    x = rng.uniform(*BOX.T, (n, 2))
    y = function(x) + noise * rng.standard_normal(n)
    return Dataset(x, y[:, np.newaxis], ("a", "b"), ("m",), BOX)


def classes(n=400, seed=0):
    x = np.random.default_rng(seed).uniform(*BOX.T, (n, 2))
    y = (x[:, 0] ** 2 + (x[:, 1] - 1.5) ** 2 < 1.5).astype(float)
    return Dataset(x, y[:, np.newaxis], ("a", "b"), ("valid",), BOX)


def blank(**options):
    return BayesianNetwork(BayesianNetworkOptions.model_validate({**SMALL, **options}))


def fitted(data=None, **options):
    return blank(**options).fit(dataset() if data is None else data, np.random.default_rng(3))


@pytest.fixture(scope="module")
def sampled():
    return fitted()


@pytest.mark.parametrize(
    "posterior", ["hmc", "last_layer", pytest.param("ensemble", marks=pytest.mark.slow)]
)
def test_errors_are_those_of_fresh_points(posterior, sampled):
    model = sampled if posterior == "hmc" else fitted(posterior=posterior, n_networks=10)
    fresh = dataset(2000, seed=9)
    mean, std = model.predict(fresh.inputs)
    found = calibrate(mean[:, 0], std[:, 0], fresh.targets[:, 0])
    # the noise of 0.3 is irreducible, and the signal has a spread of 3.6
    assert found.rmse < (0.4 if posterior == "hmc" else 0.8)
    # the coverage that 30 held-out points give scatters by sqrt(0.68 x 0.32 / 31) = 0.084
    assert abs(found.coverage68 - 0.68) < 3 * 0.084
    assert found.coverage997 > 0.95


@pytest.mark.slow
def test_the_noise_is_inferred(sampled):
    fitted = sampled._fitted
    scale = fitted.frame.targets.scale[0]
    model = blank(noise="constant").fit(dataset(1500), np.random.default_rng(0))
    inferred = np.exp(model._fitted.log_noise[:, 0]) * model._fitted.frame.targets.scale[0]
    # sigma / sqrt(2 n) for n = 1215 is 2 %
    assert_allclose(inferred.mean(), 0.3, rtol=0.1)
    assert scale > 0


@pytest.mark.slow
def test_a_class_is_told_apart_and_its_error_is_that_of_the_networks():
    model = fitted(classes())
    fresh = classes(2000, seed=5)
    mean, std = model.predict(fresh.inputs)
    assert classify(mean[:, 0], fresh.targets[:, 0]).f1 > 0.9
    assert (np.abs(mean - 0.5) <= 0.5).all()
    # sure inside and outside, unsure at the edge
    unsure = np.abs(mean - 0.5) < 0.3
    assert std[unsure].mean() > 3 * std[~unsure].mean()
    facts = model.calibration_facts()
    for decision in DECISIONS:
        assert facts[decision.text]["n_valid"] + facts[decision.text]["n_invalid"] == 40


def test_a_point_does_not_depend_on_its_batch(sampled):
    points = dataset(37, seed=4).inputs
    together = sampled.predict(points)
    for row in (0, 17, 36):
        alone = sampled.predict(points[row])
        assert_array_equal(alone.mean[0], together.mean[row])
        assert_array_equal(alone.std[0], together.std[row])


@pytest.mark.parametrize(
    "posterior",
    ["hmc", *(pytest.param(p, marks=pytest.mark.slow) for p in ("last_layer", "ensemble"))],
)
def test_stored_models_predict_the_same_and_carry_how_they_were_drawn(tmp_path, posterior, sampled):
    options = SMALL if posterior == "hmc" else {**SMALL, "posterior": posterior, "n_networks": 10}
    model = sampled if posterior == "hmc" else fitted(**options)
    path = tmp_path / "model.npz"
    save(model, "bnn", options, path, calibration=model.calibration_facts())
    again = load(path)
    points = dataset(20, seed=6).inputs
    assert_array_equal(again.predict(points).mean, model.predict(points).mean)
    assert_array_equal(again.predict(points).std, model.predict(points).std)
    assert again.calibration_facts() == model.calibration_facts()


def test_the_report_says_how_the_sampling_went(sampled):
    facts = sampled.calibration_facts()
    assert facts["n_chains"] == 2
    assert facts["n_divergent"] == [0, 0]
    assert facts["r_hat_median"] > 0.9
    assert facts["effective_median"] > 1
    assert isinstance(facts["converged"], bool)
    assert 10 <= facts["n_networks"] <= 20


class TestResuming:
    def interrupted(self, path, monkeypatch, after, **options):
        """Train until the state has been kept so many times, then stop as Ctrl-C does."""
        from fitplugin.surrogates.networks import checkpoint

        monkeypatch.setattr(checkpoint, "_SECONDS_BETWEEN", 0.0)
        n_kept = 0
        keep = checkpoint.Checkpoint.keep

        def spy(self, make, now=False):
            nonlocal n_kept
            keep(self, make, now)
            n_kept += 1
            if n_kept == after:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(checkpoint.Checkpoint, "keep", spy)
            with pytest.raises(KeyboardInterrupt):
                self.start(path, **options)
        assert path.exists()

    def start(self, path, **options):
        return blank(**options).resumable(path).fit(dataset(), np.random.default_rng(3))

    @pytest.mark.parametrize("after", [pytest.param(1, marks=pytest.mark.slow), 6])
    def test_goes_on_to_the_same_digits(self, tmp_path, monkeypatch, sampled, after):
        path = tmp_path / "state.npz"
        self.interrupted(path, monkeypatch, after)
        model = self.start(path)
        for name, array in sampled.to_arrays().items():
            assert_array_equal(model.to_arrays()[name], array, err_msg=name)
        assert not path.exists()

    def test_the_state_of_another_training_is_refused(self, tmp_path, monkeypatch):
        path = tmp_path / "state.npz"
        self.interrupted(path, monkeypatch, 1)
        with pytest.raises(InputError, match="is the state of another training"):
            self.start(path, hidden=(13,))


class TestAnotherPrior:
    def test_the_same_prior_changes_nothing(self, sampled):
        same = sampled.reweighted(sampled.options.prior)
        points = dataset(20, seed=2).inputs
        assert_allclose(same.predict(points).mean, sampled.predict(points).mean, rtol=1e-12)
        n = sampled._fitted.networks.n_networks
        assert same.effective_networks == pytest.approx(n)

    def test_the_weights_are_the_ratio_of_the_priors(self, sampled):
        from scipy.stats import halfcauchy

        other = sampled.reweighted(PriorOptions(bias_scale=2.0))
        scales = np.exp(sampled._fitted.log_scales[..., 1])
        ratio = halfcauchy.pdf(scales, scale=2.0) / halfcauchy.pdf(scales, scale=1.0)
        expected = ratio.prod(axis=1)
        assert_allclose(np.exp(other._fitted.log_weights), expected / expected.sum())
        assert other.effective_networks < sampled._fitted.networks.n_networks
        assert other.calibration_facts()["reweighted"]["bias_scale"] == 2.0

    def test_a_collapse_is_refused(self, sampled):
        with pytest.raises(InputError, match="the ensemble collapses; train with this prior"):
            sampled.reweighted(PriorOptions(family="normal", weight_scale=1e-6, bias_scale=1e-6))

    def test_an_ensemble_has_no_prior(self):
        with pytest.raises(InputError, match="no prior to replace"):
            fitted(**CHEAP).reweighted(PriorOptions())


class TestRefusals:
    @pytest.mark.parametrize("value", [0.0, 1.0, 125.0])
    def test_targets_that_do_not_vary(self, value):
        data = dataset()
        constant = Dataset(data.inputs, np.full_like(data.targets, value), ("a", "b"), ("m",), BOX)
        with pytest.raises(InputError, match=f"target m: is {value:g} at every point"):
            blank().check(constant)

    def test_too_few_points_for_an_error(self):
        with pytest.raises(InputError, match="0.1 of 50 points are 5; errors need 20"):
            blank().check(dataset(50))

    def test_one_network(self):
        with pytest.raises(ValidationError, match="one network has no spread"):
            BayesianNetworkOptions(n_networks=1)

    def test_a_training_that_diverges(self):
        with pytest.raises(InputError, match="the training diverged: the validation error is"):
            fitted(pretraining={"learning_rates": (1e30,), "epochs": 2})

    def test_chains_that_diverge_are_never_a_model(self, monkeypatch):
        monkeypatch.setattr(hmc._Chain, "advance", diverging(hmc._Chain.advance))
        with pytest.raises(InputError, match=r"chain 1 diverged in \d+ of 30 draws"):
            fitted()

    def test_a_file_of_another_architecture(self, sampled):
        others = BayesianNetworkOptions.model_validate({**SMALL, "hidden": (13,)})
        with pytest.raises(
            InputError, match="networks of 2-12-2 units, its options ask for 2-13-2"
        ):
            BayesianNetwork.from_arrays(others, sampled.to_arrays())

    def test_without_the_extra(self):
        code = (
            "import sys; sys.modules['numpyro'] = None\n"
            "from fitplugin.surrogates.bnn import BayesianNetwork as B\n"
            "from fitplugin.errors import MissingExtraError\n"
            "try:\n    B.require_training()\n"
            "except MissingExtraError as error:\n    print(error)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "pip install 'fitplugin[bnn]'" in done.stdout


def diverging(advance):
    def spoiled(self):
        new = advance(self)
        self.divergent = np.ones_like(self.divergent)
        return new

    return spoiled


def test_prediction_needs_numpy_alone(tmp_path):
    options = {**CHEAP}
    model = fitted(**options)
    path = tmp_path / "model.npz"
    save(model, "bnn", options, path)
    code = (
        "import sys\nfor n in ('jax', 'numpyro', 'optax', 'torch'): sys.modules[n] = None\n"
        "from fitplugin.surrogates import load\n"
        f"print(load({str(path)!r}).predict([[0.5, 1.0]]).mean[0, 0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) == model.predict([[0.5, 1.0]]).mean[0, 0]
