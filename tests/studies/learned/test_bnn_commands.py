"""Commands on Bayesian networks: train, test with the measures of the source, reweight."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from fitplugin.cli import main
from fitplugin.data.tables import read_table, write_table
from fitplugin.studies.learned.measures import FurtherMeasures, measures, measures_text
from fitplugin.surrogates.store import inspect

pytest.importorskip("numpyro")
SMALL = [
    "--option", "hidden=[12]", "--option", "n_networks=20", "--option",
    'pretraining={"min_steps":2000}', "--option",
    'sampling={"n_warmup":100,"n_draws":60,"block":30,"max_tree_depth":5}',
]  # fmt: skip


def invoke(*arguments, status=0):
    done = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == status, done.output
    return done.output


def write(path, n, seed):
    x = np.random.default_rng(seed).uniform(-1, 1, (n, 2))
    columns = {
        "a": x[:, 0],
        "b": x[:, 1],
        "m_higgs": 120.0 + 5.0 * np.tanh(2 * x[:, 0]) + x[:, 1],
        "valid": (x[:, 0] + x[:, 1] > 0.2).astype(float),
    }
    write_table(path, columns, {"inputs": {n: {"range": [-1.0, 1.0]} for n in "ab"}})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bnn")
    write(folder / "train.npz", 400, 0)
    write(folder / "test.npz", 300, 1)
    for target in ("m_higgs", "valid"):
        invoke("model", "train", folder / f"{target}.npz", folder / "train.npz", "--target", target,
               "--kind", "bnn", *SMALL)  # fmt: skip
    return folder


def test_a_mass_is_judged_as_in_the_source(folder):
    command = ["model", "test", folder / "m_higgs.npz", folder / "test.npz",
               "--window", "123:127", "--veto", "1.1"]  # fmt: skip
    text = invoke(*command)
    assert "mean error in m_higgs" in text
    assert "mean percent error:" in text
    assert "(a Gaussian: 68.3 %, 95.4 %, 99.7 %)" in text
    assert "123 to 127, 3 sd" in text
    found = json.loads(invoke(*command, "--json"))["measures"]
    model, table = inspect(folder / "m_higgs.npz").model, read_table(str(folder / "test.npz"))
    truth = table.numbers(["m_higgs"])[:, 0]
    mean, std = (a[:, 0] for a in model.predict(table.numbers(["a", "b"])))
    assert found["percent_error"] == pytest.approx(100 * np.mean(np.abs(mean / truth - 1)))
    assert found["coverage"]["3 sd"] == pytest.approx(np.mean(np.abs(mean - truth) <= 3 * std))
    may_be = (mean + 3 * std >= 123) & (mean - 3 * std <= 127)
    inside = (truth >= 123) & (truth <= 127)
    assert found["window"]["recall"] == pytest.approx((may_be & inside).sum() / inside.sum())
    assert found["veto"]["n_vetoed"] == ((mean + 3 * std) >= 1.1 * (mean - 3 * std)).sum()


def test_a_class_is_judged_at_every_spread(folder):
    text = invoke("model", "test", folder / "valid.npz", folder / "test.npz")
    assert "mean + 3 sd" in text
    found = json.loads(invoke("model", "test", folder / "valid.npz", folder / "test.npz", "--json"))
    scores = found["measures"]["decisions"]
    assert scores["mean"]["f1"] > 0.9
    assert scores["mean + 3 sd"]["recall"] >= scores["mean"]["recall"]


def test_show_tells_how_the_sampling_went(folder):
    text = invoke("model", "show", folder / "m_higgs.npz")
    for fact in ("r_hat_90", "effective_median", "n_divergent", "converged", "factor"):
        assert fact in text


def test_another_prior(folder, tmp_path):
    out = tmp_path / "wider.npz"
    text = invoke("model", "reweight", folder / "m_higgs.npz", out, "--prior", "bias_scale=4")
    assert "effective networks:" in text
    before, after = inspect(folder / "m_higgs.npz"), inspect(out)
    assert after.card.calibration["reweighted"]["bias_scale"] == 4
    assert after.card.training == before.card.training
    assert after.card.calibration["effective_networks"] <= before.card.calibration["n_networks"]
    again = invoke("model", "reweight", folder / "m_higgs.npz", out, "--prior", "x=1", status=2)
    assert "exists; give --force" in again
    wrong = invoke("model", "reweight", folder / "m_higgs.npz", tmp_path / "b.npz",
                   "--prior", "family=laplace", status=2)  # fmt: skip
    assert "--prior family" in wrong


def test_measures_of_truths_with_a_zero_have_no_percent_error():
    found = measures(np.ones(3), np.ones(3), np.array([0.0, 1.0, 2.0]), FurtherMeasures(veto=100.0))
    assert "percent_error" not in found
    assert found["veto"] == {"factor": 100.0, "n_vetoed": 3}
    assert "all but 3 points" in "\n".join(measures_text(found))
