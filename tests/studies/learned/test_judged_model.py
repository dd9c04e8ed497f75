"""Judging a learned chi2: search, transfer, and points where it is rare."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_allclose

from fitplugin.cli import main
from fitplugin.data.tables import read_table
from fitplugin.errors import InputError
from fitplugin.studies.learned.judged_model import nearest_neighbour
from fitplugin.studies.learned.rare import propose, rare_ranges
from fitplugin.surrogates import Dataset
from tests.likelihoods.test_learned import BOX, QUICK, chi2, write_chi2, write_scan

DEEP = {"kind": "deep_network", "hidden": [16], "epochs": 3, "n_networks": 2, "batch_size": 64}


def invoke(*arguments, status=0):
    done = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == status, done.output
    return done.stderr if status else done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judged")
    write_chi2(folder / "chi2.npz")
    return folder


def peaked():
    """A target that is rare between 2 and 8: most points lie at 0 and 10."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, (2000, 2))
    y = 5.0 * (1.0 + np.tanh(20.0 * x[:, 0]))
    box = np.array([[-1.0, 1.0], [-1.0, 1.0]])
    return Dataset(x, y[:, np.newaxis], ("a", "b"), ("chi2",), box)


@pytest.mark.parametrize("strategy", ["density", "seeded"])
def test_proposed_points_have_rare_targets_more_often(strategy):
    data = peaked()
    (low, high), = rare_ranges(data.targets[:, 0])  # fmt: skip
    found = propose(data, 1000, strategy, np.random.default_rng(2))
    assert found.inputs.shape == (1000, 2)
    assert (np.abs(found.inputs) <= 1).all()
    target = 5.0 * (1.0 + np.tanh(20.0 * found.inputs[:, 0]))
    share = ((target > low) & (target < high)).mean()
    before = ((data.targets > low) & (data.targets < high)).mean()
    assert share > 3 * before


def test_seeded_points_stay_near_every_seed():
    data = peaked()
    found = propose(data, 300, "seeded", np.random.default_rng(2), [(4.0, 6.0)], width=0.001)
    seeds = data.inputs[((data.targets > 4) & (data.targets < 6))[:, 0]]
    distance = np.linalg.norm(found.inputs[:, np.newaxis] - seeds, axis=2)
    # 0.001 of a box of width 2, per axis
    assert distance.min(axis=1).max() < 5 * 0.002 * np.sqrt(2)
    # at most every seed has its turn
    assert len(np.unique(distance.argmin(axis=1))) == min(300, len(seeds))


def test_density_draws_follow_the_rare_points():
    data = peaked()
    found = propose(data, 4000, "density", np.random.default_rng(2), [(4.0, 6.0)])
    seeds = data.inputs[((data.targets > 4) & (data.targets < 6))[:, 0]]
    error = seeds.std(axis=0) * np.sqrt(1 / len(seeds) + 1 / 4000) + 0.01
    assert (np.abs(found.inputs.mean(axis=0) - seeds.mean(axis=0)) < 4 * error).all()


def test_nothing_rare_is_said():
    data = peaked()
    with pytest.raises(InputError, match="--between: 0 points lie there"):
        propose(data, 10, "density", np.random.default_rng(2), [(50.0, 60.0)])
    flat = Dataset(data.inputs, data.inputs[:, :1] + 1.0, ("a", "b"), ("chi2",), data.ranges)
    with pytest.raises(InputError, match="--between: no range is rare"):
        propose(flat, 10, "density", np.random.default_rng(2))


def test_rare_points_from_the_shell_are_those_columns(folder):
    out = folder / "rare.csv"
    text = invoke("dataset", "rare", out, folder / "chi2.npz", "--points", 40, "-f",
                  "--between", "60:90", "--strategy", "seeded")  # fmt: skip
    table = read_table(str(out))
    assert list(table.columns) == list(BOX)
    assert "with chi2 in 60 to 90" in text
    values = chi2(*(table.columns[name] for name in BOX))
    assert np.median(values) > 55
    assert "must be LOW:HIGH" in invoke(
        "dataset",
        "rare",
        out,
        folder / "chi2.npz",
        "--points",
        4,
        "-f",
        "--between",
        "60",
        status=2,
    )


def test_nearest_neighbour_is_that_in_standard_deviations():
    box = np.array([[0.0, 10.0], [0.0, 1000.0]])
    data = Dataset(np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 1000.0]]),
                   np.array([[1.0], [2.0], [3.0]]), ("a", "b"), ("y",), box)  # fmt: skip
    assert_allclose(nearest_neighbour(data, np.array([[6.0, 100.0], [4.0, 900.0]])), [2.0, 3.0])


@pytest.fixture(scope="module")
def model(folder):
    out = folder / "model.npz"
    invoke("model", "train", out, folder / "chi2.npz", "--kind", "network", "--option",
           "hidden=[32]", "--option", "epochs=20", "--within", "mu=-500:0")  # fmt: skip
    return out


def test_transfer_is_judged_by_range_beside_the_neighbour(folder, model):
    write_chi2(folder / "other.npz", change=lambda c: c.update(chi2_error=0.0 * c["mu"] + 0.5))
    text = invoke("model", "test", model, folder / "other.npz", "--training", folder / "chi2.npz",
                  "--ranges", "0,10,30,200")  # fmt: skip
    assert "0-10" in text
    assert "30-200" in text
    assert "mean error of the true values themselves: 0.50" in text
    found = json.loads(invoke("model", "test", model, folder / "other.npz", "--json",
                              "--within", "mu=0:500"))  # fmt: skip
    assert found["n_outside"] == found["n_points"]
    total = sum(p["n_points"] * p["error"] for p in found["errors"][0]["by_range"] if p["n_points"])
    assert_allclose(total / found["n_points"], found["errors"][0]["mean"])
    inside = json.loads(invoke("model", "test", model, folder / "other.npz", "--json",
                               "--within", "mu=-500:0"))  # fmt: skip
    assert inside["n_outside"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--option", "hiden=[3]"], "--option surrogate.hiden: 'hiden' is not an option here"),
        (["--kind", "netwrk"], "'netwrk' is not a surrogate"),
        (["--inputs", "mu,mq3"], "'mq3' is not a column"),
        (["--within", "mu=1"], "--within: 'mu=1' must be NAME=LOW:HIGH"),
    ],
)
def test_bad_training_is_refused(folder, arguments, message):
    problem = invoke("model", "train", folder / "new.npz", folder / "chi2.npz", *arguments,
                     status=2)  # fmt: skip
    assert message in problem
    assert not (folder / "new.npz").exists()


def test_a_model_is_not_overwritten(folder, model):
    problem = invoke("model", "train", model, folder / "chi2.npz", status=2)
    assert "exists; give --force" in problem


def test_there_is_no_coverage_of_a_chi2_without_counts(folder, tmp_path):
    scan = write_scan(folder, {"dataset": "chi2.npz", "surrogate": QUICK})
    problem = invoke("coverage", scan, "--mocks", 1, "-o", tmp_path / "c", status=2)
    assert "regions: coverage draws mock counts of regions, and there are none" in problem


class TestSearch:
    @pytest.fixture(autouse=True)
    def _torch(self):
        pytest.importorskip("torch")

    def test_trials_have_own_splits_and_are_kept(self, folder, tmp_path):
        scan = write_scan(folder, {"dataset": "chi2.npz", "surrogate": DEEP})
        text = invoke("train", scan, "--search", 2, "-o", tmp_path)
        lines = (tmp_path / "likelihood-learned.jsonl").read_text().splitlines()
        trials = [json.loads(line) for line in lines]
        assert sorted(trial["number"] for trial in trials) == [0, 1]
        # other validation points: the neighbour has other errors
        assert trials[0]["nearest"]["mean"] != trials[1]["nearest"]["mean"]
        assert "nearest neighbour" in text
        # what is there is not done again; a cut line is
        (tmp_path / "likelihood-learned.jsonl").write_text(lines[0] + "\n" + lines[1][:40])
        again = invoke("train", scan, "--search", 2, "-o", tmp_path)
        assert again == text

    def test_search_of_other_data_is_refused(self, folder, tmp_path):
        scan = write_scan(folder, {"dataset": "chi2.npz", "surrogate": DEEP})
        invoke("train", scan, "--search", 1, "-o", tmp_path)
        problem = invoke("train", scan, "--search", 1, "-o", tmp_path, "--ranges", "0,50,200",
                         status=2)  # fmt: skip
        assert "is of a search with other data, options, seed or ranges" in problem

    def test_only_deep_networks_are_searched(self, folder, tmp_path):
        scan = write_scan(folder, {"dataset": "chi2.npz", "surrogate": QUICK})
        problem = invoke("train", scan, "--search", 1, "-o", tmp_path, status=2)
        assert "there is no learned chi2 with a surrogate of kind deep_network" in problem

    @pytest.mark.parametrize("extra", [["--report", "r"], ["--ranges", "0,a"]])
    def test_options_that_do_not_belong_together(self, folder, tmp_path, extra):
        scan = write_scan(folder, {"dataset": "chi2.npz", "surrogate": DEEP})
        invoke("train", scan, "--search", 1, "-o", tmp_path, *extra, status=2)
        invoke("train", scan, "--ranges", "0,1", status=2)
