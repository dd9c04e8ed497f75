"""Deep networks: presets of the paper, exact resuming, refusals, honest errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fitplugin.errors import InputError, MissingExtraError
from fitplugin.surrogates import load, save
from fitplugin.surrogates.dataset import Dataset
from fitplugin.surrogates.networks import deep_network as module
from fitplugin.surrogates.networks import deep_training
from fitplugin.surrogates.networks.deep_network import DeepNetwork
from fitplugin.surrogates.networks.deep_options import DeepNetworkOptions
from fitplugin.surrogates.networks.dense import DenseNetwork

torch = pytest.importorskip("torch")

BOX = np.array([[-1.0, 1.0], [0.0, 2.0]])
SMALL = {"hidden": (16, 16), "epochs": 25, "n_networks": 2, "batch_size": 32}


def function(x):
    return 40.0 + 30.0 * np.sin(2.0 * x[:, 0]) * x[:, 1]


def dataset(n=400, seed=0, noise=0.0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(*BOX.T, (n, 2))
    y = function(x) + noise * rng.standard_normal(n)
    return Dataset(x, y[:, np.newaxis], ("a", "b"), ("chi2",), BOX)


def fitted(data=None, seed=1, path=None, **options):
    model = DeepNetwork(DeepNetworkOptions.model_validate({**SMALL, **options}))
    if path is not None:
        model = model.resumable(path)
    return model.fit(dataset() if data is None else data, np.random.default_rng(seed))


def test_presets_are_those_of_the_paper():
    direct = DeepNetworkOptions(mode="direct")
    assert (direct.hidden, direct.activation, direct.output) == ((300,) * 4, "tanh", "tanh")
    assert (direct.optimiser, direct.learning_rate, direct.l2) == ("adam", 1e-3, 1e-5)
    assert direct.batch_size == 500
    other = DeepNetworkOptions(mode="reparametrised")
    assert (other.hidden, other.activation) == ((500, *(200,) * 8), "relu")
    assert (other.optimiser, other.l2, other.decorrelate) == ("nadam", 1e-3, True)
    assert DeepNetworkOptions(mode="direct", batch_size=750).batch_size == 750


@pytest.mark.parametrize(
    "options",
    [
        {"activation": "relu"},
        {"output": "tanh"},
        {"dropout": 0.1},
        {"decorrelate": True, "optimiser": "nadam", "activation": "relu"},
        {"optimiser": "amsgrad"},
        {"hidden": (16,), "dropout": 0.2, "output": "tanh", "n_networks": 1},
    ],
    ids=str,
)
def test_numpy_predicts_what_torch_does(options, monkeypatch):
    nets = []
    build = deep_training.make_network

    def spy(*arguments):
        nets.append(build(*arguments))
        return nets[-1]

    monkeypatch.setattr(deep_training, "make_network", spy)
    data = dataset(200)
    model = fitted(data, epochs=1, **options)
    points = model._fitted.frame.points(data.inputs)
    if options.get("decorrelate"):
        # the rotation of the network's own training points is part of its first layer in NumPy
        return
    for net, network in zip(nets, model._fitted.networks, strict=True):
        net.eval()
        with torch.no_grad():
            expected = net(torch.tensor(points, dtype=torch.float32)).numpy()
        assert_allclose(network(points), expected, atol=2e-5)


def test_decorrelation_is_a_rotation_of_the_inputs():
    rng = np.random.default_rng(3)
    points = rng.standard_normal((500, 3)) @ rng.standard_normal((3, 3))
    rotation = deep_training._eigenvectors(points)
    assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    covariance = np.cov(points @ rotation, rowvar=False)
    assert_allclose(covariance - np.diag(np.diag(covariance)), 0.0, atol=1e-10)


def test_modified_z_score_maps_the_range_of_the_targets_to_the_units_ends():
    data = dataset()
    frame = DeepNetwork(DeepNetworkOptions(output="tanh"))._frame(data)
    low, high = data.targets.min(), data.targets.max()
    # B.15: m = (z0 + y_max) / 2, so that z0 is at -1 and y_max at +1
    assert_allclose(frame.targets(np.array([[low], [high]]))[:, 0], [-1.0, 1.0])


def test_tanh_output_never_leaves_the_range_of_the_training_targets():
    model = fitted(output="tanh", epochs=5)
    far = model._fitted.frame.points(np.array([[50.0, -80.0], [-1e6, 1e6]]))
    outputs = np.concatenate([network(far) for network in model._fitted.networks])
    assert (np.abs(outputs) <= 1).all()


def test_learns_and_its_errors_cover():
    model = fitted(dataset(3000, noise=0.5), epochs=60, hidden=(64, 64), seed=4)
    new = dataset(2000, seed=9)
    mean, std = model.predict(new.inputs)
    residual = np.abs(mean - new.targets)
    assert residual.mean() < 0.5
    # the noise is part of the error, the function alone must be inside more often than 68 %
    assert (residual < std).mean() > 0.68
    noisy = dataset(2000, seed=10, noise=0.5)
    share = (np.abs(model.predict(noisy.inputs).mean - noisy.targets) < std).mean()
    # conformal: 68.27 % give or take the 300 held-out points and the 2000 new ones
    assert abs(share - 0.6827) < 4 * np.sqrt(0.6827 * 0.3173 * (1 / 300 + 1 / 2000))


def test_single_network_has_an_error_too():
    assert (fitted(n_networks=1).predict(dataset(50).inputs).std > 0).all()


def test_transform_keeps_a_positive_target_positive():
    data = dataset()
    positive = Dataset(data.inputs, np.square(data.targets / 40.0), ("a", "b"), ("chi2",), BOX)
    model = fitted(positive, transform="sqrt")
    assert (model.predict(data.inputs).mean > 0).all()


class InterruptedTrainingError(Exception):
    pass


@pytest.mark.parametrize("stop", [3, 30])
@pytest.mark.parametrize("optimiser", ["adam", "nadam", "amsgrad"])
def test_interrupted_training_goes_on_to_the_same_model(tmp_path, monkeypatch, stop, optimiser):
    options = {"optimiser": optimiser, "dropout": 0.1, "plateau": 2}
    whole = fitted(**options)
    monkeypatch.setattr("fitplugin.surrogates.networks.checkpoint._SECONDS_BETWEEN", 0.0)
    path, calls, run = tmp_path / "state.npz", [], deep_training._pass

    def failing(*arguments):
        calls.append(1)
        if len(calls) == stop:
            raise InterruptedTrainingError
        return run(*arguments)

    monkeypatch.setattr(deep_training, "_pass", failing)
    with pytest.raises(InterruptedTrainingError):
        fitted(path=path, **options)
    assert path.exists()
    monkeypatch.setattr(deep_training, "_pass", run)
    resumed = fitted(path=path, **options)
    for name, array in whole.to_arrays().items():
        assert_array_equal(array, resumed.to_arrays()[name])
    assert not path.exists()


def test_state_of_another_training_or_a_damaged_one_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("fitplugin.surrogates.networks.checkpoint._SECONDS_BETWEEN", 0.0)
    path = tmp_path / "state.npz"

    def fail(*_):
        raise InterruptedTrainingError

    monkeypatch.setattr(module, "fit_factor", fail)
    with pytest.raises(InterruptedTrainingError):
        fitted(path=path, epochs=2)
    monkeypatch.undo()
    with pytest.raises(InputError, match=r"state\.npz: is the state of another training; remove"):
        fitted(path=path, epochs=3)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"state\.npz: is damaged .*; remove it"):
        fitted(path=path, epochs=2)


def test_diverging_training_stops_with_the_epoch_and_the_cause():
    with pytest.raises(InputError, match=r"learning_rate: the cost is (nan|inf) in epoch \d+, ste"):
        fitted(activation="relu", learning_rate=1e20, hidden=(64, 64, 64))


def test_saturated_outputs_are_no_model():
    data = dataset()
    low = Dataset(data.inputs, np.exp(0.3 * data.targets - 20.0), ("a", "b"), ("chi2",), BOX)
    with pytest.raises(InputError, match="learning_rate: the outputs went to the ends .* smaller"):
        fitted(low, mode="direct", hidden=(300,) * 4, learning_rate=0.1, epochs=3)


def test_training_leaves_the_random_numbers_of_others_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fitted(epochs=1)
    assert torch.equal(torch.rand(3), expected)


def test_file_of_another_architecture_is_refused(tmp_path):
    model = fitted(epochs=1)
    options = model.options.model_dump(mode="json")
    with pytest.raises(InputError, match="networks of 2-16-16-1 units, its options ask for 2-8-1"):
        DeepNetwork.from_arrays(DeepNetworkOptions(**{**options, "hidden": (8,)}),
                                model.to_arrays())  # fmt: skip
    save(model, "deep_network", {**options, "hidden": [16]}, tmp_path / "m.npz")
    with pytest.raises(InputError, match=r"m\.npz: hidden: the file holds .* another architecture"):
        load(tmp_path / "m.npz")
    save(model, "deep_network", {**options, "n_networks": 3}, tmp_path / "m.npz")
    with pytest.raises(InputError, match="layers: 0 of weights"):
        load(tmp_path / "m.npz")


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"layer 1: has weights \(4, 1\) and biases \(1,\) after"):
        DenseNetwork((np.ones((2, 3)), np.ones((4, 1))), (np.ones(3), np.ones(1)))
    with pytest.raises(InputError, match="'elu' is not an activation"):
        DenseNetwork((np.ones((2, 1)),), (np.ones(1),), "elu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.take(np.arange(100)), "held_out: 0.1 of 100 points are 10; errors need 20"),
        (lambda d: Dataset(d.inputs, (d.targets > 40.0).astype(float), d.input_names,
                           d.target_names, BOX), "targets: are 0 and 1: a class"),
    ],
)  # fmt: skip
def test_unfit_data_are_refused_before_any_training(change, message):
    with pytest.raises(InputError, match=message):
        DeepNetwork(DeepNetworkOptions()).check(change(dataset()))


def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"needs PyTorch.*pip install 'fitplugin\[nn\]'"):
        DeepNetwork.require_training()


def test_a_scan_predicts_without_torch(tmp_path):
    model = fitted(epochs=1)
    path = tmp_path / "m.npz"
    save(model, "deep_network", model.options.model_dump(mode="json"), path)
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from fitplugin.surrogates import load\n"
        f"print(load({str(path)!r}).predict([[0.5, 1.0]]).mean[0, 0])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(out.stdout) == model.predict([[0.5, 1.0]]).mean[0, 0]
    assert Path(path).stat().st_size < 50_000
