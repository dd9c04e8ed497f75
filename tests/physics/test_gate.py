"""A gate before a spectrum: who is asked, what it costs, and that the rest stays as it is."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from numpy.testing import assert_array_equal
from pydantic import ValidationError

import fitplugin
from fitplugin.cli import main
from fitplugin.data.tables import write_table
from fitplugin.errors import InputError
from fitplugin.physics.gate import Gate, GatedSpectrum, GateOptions
from fitplugin.physics.spectrum import Spectrum
from fitplugin.stats.classification import classify
from fitplugin.surrogates import save
from fitplugin.surrogates.networks.network import Network, NetworkOptions
from tests.conftest import SCANS

BOX = np.array([[-1.0, 1.0], [-1.0, 1.0]])
QUICK = {"hidden": [16], "epochs": 30, "learning_rates": [1e-2]}


def valid(x):
    return (np.hypot(x[:, 0], x[:, 1]) < 0.7).astype(float)


def points(n, seed):
    return np.random.default_rng(seed).uniform(*BOX.T, (n, 2))


def write_spectra(path, n=1500, seed=0):
    x = points(n, seed)
    inputs = {name: {"range": [-1.0, 1.0]} for name in ("a", "b")}
    columns = {"a": x[:, 0], "b": x[:, 1], "valid": valid(x)}
    write_table(path, columns, {"inputs": inputs})


def fit(dataset):
    return Network(NetworkOptions.model_validate(QUICK)).fit(dataset, np.random.default_rng(1))


class Expensive:
    """A spectrum program that notes what it is asked; with a hole that it finds out itself."""

    masses = ("m_higgs",)
    branching = ("br_stop1_top",)

    def __init__(self):
        self.asked = 0
        self.trained = {"a": (-1.0, 1.0), "b": (-1.0, 1.0)}

    def spectrum(self, parameters):
        self.asked += len(parameters)
        n = len(parameters)
        mass = {"m_higgs": 120.0 + parameters[:, 0]}
        fractions = {"br_stop1_top": np.full(n, 0.5)}
        return Spectrum(mass, {"m_higgs": np.ones(n)}, fractions, valid(parameters) == 1,
                        np.ones(n), np.zeros(n))  # fmt: skip


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gate")
    write_spectra(folder / "spectra.npz")
    options = GateOptions.model_validate(
        {"dataset": "spectra.npz", "threshold": "mean", "surrogate": {"kind": "network", **QUICK}}
    )
    return Gate.build(options, ("a", "b"), lambda name, dataset, surrogate: fit(dataset), folder)


def test_only_what_passes_is_asked(gate):
    program = Expensive()
    gated, x = GatedSpectrum(program, gate), points(1000, 5)
    passed, probability = gate.passes(x)
    found = gated.spectrum(x)
    assert 0 < passed.sum() < 1000
    assert program.asked == passed.sum()
    assert_array_equal(found.valid, passed & (valid(x) == 1))
    assert_array_equal(found.mass["m_higgs"][passed], 120.0 + x[passed, 0])
    assert np.isnan(found.mass["m_higgs"][~passed]).all()
    assert_array_equal(found.answered, passed)
    assert_array_equal(found.probability[~passed], probability[~passed])
    assert_array_equal(gated.exists(x), passed)


def test_a_batch_without_any_is_not_asked_at_all(gate):
    program = Expensive()
    found = GatedSpectrum(program, gate).spectrum(np.array([[0.99, 0.99], [-0.99, 0.99]]))
    assert program.asked == 0
    assert not found.valid.any()
    assert np.isnan(found.branching["br_stop1_top"]).all()


def test_outside_its_box_it_stops_nothing(gate):
    inside, outside = np.array([[0.99, 0.99]]), np.array([[1.01, 0.99]])
    assert not gate.passes(inside)[0]
    assert gate.passes(outside)[0]
    assert gate.passes(outside)[1] < 0.5
    assert GatedSpectrum(Expensive(), gate).exists(np.vstack([inside, outside])).tolist() == [
        False, True,
    ]  # fmt: skip


def test_mistakes_are_those_on_rows_that_it_has_not_learned(gate):
    found = gate.mistakes()
    assert found.n_valid + found.n_invalid == 150
    held_out = gate._judges
    said, _ = gate.passes(held_out.inputs)
    truth = held_out.targets[:, 0] == 1
    assert (found.n_false_valid, found.n_false_invalid) == (
        (said & ~truth).sum(),
        (~said & truth).sum(),
    )
    # fresh points of the same law: within four binomial errors of either sample
    fresh = points(3000, 9)
    lost = (~gate.passes(fresh)[0] & (valid(fresh) == 1)).sum() / valid(fresh).sum()
    assert abs(lost - found.lost) < 4 * np.sqrt(max(found.lost, 0.02) / found.n_valid)


def test_a_stored_model_is_judged_by_a_table(tmp_path, gate):
    write_spectra(tmp_path / "train.npz", seed=3)
    write_spectra(tmp_path / "judge.npz", n=400, seed=4)
    model = gate._surrogate
    save(model, "network", QUICK, tmp_path / "model.npz")
    options = {"model": "model.npz", "threshold": "mean + 1 sd"}
    alone = Gate.build(GateOptions.model_validate(options), ("a", "b"), None, tmp_path)
    assert alone.mistakes() is None
    assert alone.digest
    judged = Gate.build(
        GateOptions.model_validate({**options, "dataset": "judge.npz"}), ("a", "b"), None, tmp_path
    )
    x = points(400, 4)
    mean, std = model.predict(x)
    expected = classify(mean[:, 0] + std[:, 0], valid(x))
    assert judged.mistakes().n_false_valid == expected.n_false_valid
    assert judged.mistakes().n_false_invalid == expected.n_false_invalid


class TestRefusals:
    def test_neither_model_nor_table(self):
        with pytest.raises(ValidationError, match="give a 'model', a stored classifier, or a 'dat"):
            GateOptions()

    def test_a_threshold_that_is_none(self):
        with pytest.raises(ValidationError, match="'mean plus 3 sd' is no decision; write mean,"):
            GateOptions(dataset="x.npz", threshold="mean plus 3 sd")

    def test_a_target_that_is_no_class(self):
        options = GateOptions(dataset="natural_susy/spectra", target="m_higgs")
        with pytest.raises(InputError, match="is not 0 or 1 everywhere: no class"):
            Gate.build(options, ("mu",), None, None)

    def test_a_model_of_other_parameters(self, gate):
        with pytest.raises(InputError, match="'a' is not a parameter or derived quantity"):
            Gate(gate._surrogate, ("mu", "mQ3"), gate.options)


@pytest.fixture(scope="module")
def scan_file(tmp_path_factory):
    """The smoke scan behind a gate learned from its own spectra, coarse on purpose."""
    scan = yaml.safe_load((SCANS / "smoke.yaml").read_text())
    scan["gate"] = {
        "dataset": "natural_susy/spectra",
        "inputs": ["leading_m_stop1", "leading_m_higgs", "mQ3", "mtR", "abs_mu"],
        "surrogate": {"kind": "network", "hidden": [16], "epochs": 3, "batch_size": 400},
        "threshold": "mean",
        "held_out": 0.05,
    }
    path = tmp_path_factory.mktemp("gated") / "gated.yaml"
    path.write_text(yaml.safe_dump(scan, sort_keys=False))
    return path


def test_in_a_scan_the_likelihood_is_the_same_where_it_passes(scan_file, smoke_joint, model_cache):
    gated = fitplugin.load(scan_file, model_cache)
    theta = gated.prior_transform(np.random.default_rng(0).random((300, gated.n_dim)))
    passed, _ = gated.theory.gate.passes(gated.space.complete(theta, gated.theory.input_names))
    found, plain = gated.evaluate(theta), smoke_joint.evaluate(theta)
    assert 0 < passed.sum() < 300
    assert_array_equal(found.log_likelihood[passed], plain.log_likelihood[passed])
    assert np.isneginf(found.log_likelihood[~passed]).all()
    assert set(found.blobs["reason"][~passed]) == {"no_spectrum"}
    asked = gated.evaluate_valid(theta)
    assert_array_equal(asked.log_likelihood, found.log_likelihood)
    assert_array_equal(gated.is_valid(theta), found.valid)
    assert gated.digest() != smoke_joint.digest()


def test_check_tells_what_the_gate_costs(scan_file, model_cache):
    command = ["check", str(scan_file), "--cache", str(model_cache)]
    done = CliRunner().invoke(main, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "gate: asks where mean > 0.5; loses" in done.output
    assert "held out)" in done.output
    told = json.loads(CliRunner().invoke(main, [*command, "--json"]).stdout)["gate"]
    assert told["n_judged"] == 1752
    assert 0 <= told["lost"] < 0.5


def test_a_scan_beyond_the_gate_is_refused(tmp_path, model_cache):
    scan = yaml.safe_load((SCANS / "smoke.yaml").read_text())
    x = np.random.default_rng(0).uniform(-100, 100, (300, 1))
    write_table(
        tmp_path / "narrow.npz",
        {"mu": x[:, 0], "valid": (x[:, 0] > 0).astype(float)},
        {"inputs": {"mu": {"range": [-100, 100]}}},
    )
    scan["gate"] = {"dataset": "narrow.npz", "surrogate": {"kind": "network"}}
    (tmp_path / "scan.yaml").write_text(yaml.safe_dump(scan, sort_keys=False))
    with pytest.raises(InputError, match=r"mu: \[-500, 500\] leaves the box .* the gate"):
        fitplugin.load(tmp_path / "scan.yaml", model_cache)
