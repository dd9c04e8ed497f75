"""The calibration report says what `calibrate` says, of points that no training has seen."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_allclose

from fitplugin import plugins
from fitplugin.cli import main
from fitplugin.components import Component
from fitplugin.errors import InputError
from fitplugin.plots.calibration.page import page, write_report
from fitplugin.runs import learning, report, training
from fitplugin.runs.comparison import candidates
from fitplugin.runs.learning import Task, learn, learn_all
from fitplugin.runs.models import Job
from fitplugin.stats.calibration import calibrate
from fitplugin.stats.classification import Classification, classify
from fitplugin.surrogates import Dataset
from tests.conftest import SCANS

SEED, SHARE = 3, 0.25


def job(name, dataset, kind, **options):
    plugin = plugins.load("fitplugin.surrogates", kind)
    return Job(name, dataset, Component(kind, plugin, plugin.Options(**options)))


def counts_dataset():
    """Efficiencies that are counts of 2000 events each, so that their error is known."""
    rng = np.random.default_rng(5)
    inputs = rng.uniform(0.0, 1.0, (300, 2))
    expected = 0.2 + 0.1 * np.sin(3.0 * inputs[:, :1])
    counts = rng.poisson(2000 * expected) / 2000
    return Dataset(
        inputs, counts, ("x", "y"), ("efficiency[R]",), np.array([[0.0, 1.0]] * 2),
        np.sqrt(counts / 2000), np.full((300, 1), 1 / 2000),
    )  # fmt: skip


@pytest.fixture(scope="module")
def judged(tiny_dataset):
    inside = (tiny_dataset.inputs[:, :1] > 0).astype(float)
    classes = Dataset(
        tiny_dataset.inputs, inside, tiny_dataset.input_names, ("valid",), tiny_dataset.ranges
    )
    short = {"hidden": (8,), "epochs": 3}
    jobs = [
        job("curves", tiny_dataset, "dgp", expert_size=40, n_evidence_experts=4),
        job("efficiency-R", counts_dataset(), "dgp", noise="monte_carlo", transform="sqrt",
            expert_size=40),
        job("validity", classes, "network", **short),
    ]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        # the networks of the comparison would take most of the time
        quick = plugins.load("fitplugin.surrogates", "network").Options(**short).model_dump()
        patch.setattr(learning, "_REPEATS", 1)
        patch.setattr(
            training, "candidates",
            lambda job: [c._replace(options=quick) if c.label == "network" else c
                         for c in candidates(job)],
        )  # fmt: skip
        return training.judge_jobs(jobs, SHARE, SEED, threshold=0.4)


@pytest.fixture(scope="module")
def whole(judged):
    return training.Report("toy.yaml", "A <toy>", SEED, SHARE, judged)


def test_numbers_are_those_of_calibrate_on_rows_that_were_not_trained_on(judged, tiny_dataset):
    curves = judged[0]
    training_part, held_out = tiny_dataset.split(100, np.random.default_rng(SEED))
    assert curves.held_out.digest() == held_out.digest()
    assert curves.trial.n_training == training_part.n_points == 300
    mean, std = curves.prediction
    for column, target in enumerate(held_out.target_names):
        expected = calibrate(mean[:, column], std[:, column], held_out.targets[:, column])
        assert curves.calibration[target] == expected


def test_noise_of_counts_is_that_of_the_prediction(judged):
    found = judged[1]
    (mean,), (std,), (truth,) = found.prediction.mean.T, found.prediction.std.T, (
        found.held_out.targets.T)  # fmt: skip
    expected = calibrate(mean, std, truth, np.sqrt(mean / 2000))
    assert_allclose(found.calibration["efficiency[R]"], expected, rtol=1e-12)


def test_classes_are_told_apart_at_the_threshold_of_the_scan(judged):
    found = judged[2]
    truth = found.held_out.targets[:, 0]
    assert found.calibration["valid"] == classify(found.prediction.mean[:, 0], truth, 0.4)


def test_slices_of_every_input_and_of_the_target_share_all_points(judged):
    slices = judged[0].slices("wave")
    assert list(slices) == ["x", "y", "wave"]
    for quantity, parts in slices.items():
        assert [part.calibration.n_points for part in parts] == [20] * 5, quantity
        total = np.mean([part.calibration.chi2_per_point for part in parts])
        assert_allclose(total, judged[0].calibration["wave"].chi2_per_point, rtol=1e-12)


def test_learning_curve_ends_with_the_surrogate_itself(judged):
    for each in judged:
        sizes = [trial.n_training for trial in each.curve]
        full = sizes[-1]
        assert sizes == [round(full / 8), round(full / 4), round(full / 2), full]
        assert each.curve[-1].calibration == each.calibration


def test_what_cannot_be_compared_says_why_and_the_rest_is_judged(judged):
    trials = {trial.label: trial for trial in judged[0].comparison}
    assert "needs known errors" in trials["dgp local, noise monte_carlo"].reason
    trained = {label for label, trial in trials.items() if trial.reason is None}
    rules = {f"dgp random, {rule}" for rule in ("poe", "gpoe", "bcm", "rbcm", "grbcm")}
    baselines = {
        "exact GP, at most 300 points",
        "gradient boosting",
        "nearest neighbours",
        "network",
    }
    assert rules | baselines | {"this scan's surrogate", "dgp mode paper"} <= trained
    for label in trained:
        assert set(trials[label].calibration) == {"wave", "kink"}, label
    assert trials["dgp random, rbcm"].calibration == trials["dgp mode paper"].calibration


def test_experts_read_under_another_rule_are_those_trained_under_it(tiny_dataset):
    options = {"mode": "paper", "expert_size": 40}
    other = {**options, "combination": "poe"}
    inputs = tiny_dataset.inputs[:10]

    def outcomes(first, *variants):
        rng = np.random.default_rng(0)
        return learn(Task("dgp", first, tiny_dataset, inputs, rng, variants=variants))

    (_, read), (trained,) = outcomes(options, other), outcomes(other)
    assert_allclose(read.prediction.mean, trained.prediction.mean, rtol=1e-9)
    assert_allclose(read.prediction.std, trained.prediction.std, rtol=1e-9)


@pytest.mark.slow
def test_processes_do_not_change_predictions(tiny_dataset):
    def tasks():
        for size in (40, 60, 80):
            rng = np.random.default_rng(0)
            yield Task("dgp", {"expert_size": size}, tiny_dataset, tiny_dataset.inputs[:9], rng)

    alone, together = learn_all(list(tasks()), 1), learn_all(list(tasks()), 2)
    for (one,), (other,) in zip(alone, together, strict=True):
        assert_allclose(one.prediction.mean, other.prediction.mean, rtol=1e-9)


def test_json_holds_everything_and_is_strict(whole, judged):
    def refuse(word):
        raise AssertionError(word)

    found = json.loads(json.dumps(report.content(whole)), parse_constant=refuse)
    assert found["training_seed"] == SEED
    assert list(found["surrogates"]) == ["curves", "efficiency-R", "validity"]
    for each in judged:
        surrogate = found["surrogates"][each.name]
        assert surrogate["n_training"] + surrogate["n_held_out"] in (300, 400)
        assert len(surrogate["learning_curve"]) == 4
        assert len(surrogate["comparison"]) == len(each.comparison) * len(each.calibration)
        for row in surrogate["comparison"]:
            assert row["reason"] or row["n_points"] == surrogate["n_held_out"]
        for target, summary in each.calibration.items():
            entry = surrogate["targets"][target]
            for name, value in summary._asdict().items():
                assert entry[name] == pytest.approx(value, nan_ok=True)
            if isinstance(summary, Classification):
                assert len(entry["curve"]["f1"]) == 99
                assert 0 <= entry["threshold_of_least_cost"] <= 1
            else:
                assert list(entry["slices"]) == [*surrogate["inputs"], target]
                # 0.6827 of 100 points: sqrt(0.6827 * 0.3173 / 100)
                n = surrogate["n_held_out"]
                assert entry["coverage68_error"] == pytest.approx(0.46543 / n**0.5, rel=1e-4)


def test_recalibration_never_sees_the_points_of_the_report(tiny_dataset):
    """Other truths of the held-out points change no prediction."""
    one = job("curves", tiny_dataset, "dgp", expert_size=40, n_evidence_experts=4)
    rows = np.random.default_rng(SEED).permutation(400)[:100]
    targets = tiny_dataset.targets.copy()
    targets[rows] += 100.0
    dataset = Dataset(
        tiny_dataset.inputs, targets, tiny_dataset.input_names, tiny_dataset.target_names,
        tiny_dataset.ranges,
    )  # fmt: skip
    (first,) = training.judge_jobs([one], SHARE, SEED, comparison=False)
    (second,) = training.judge_jobs([one._replace(dataset=dataset)], SHARE, SEED, comparison=False)
    assert_allclose(first.prediction.mean, second.prediction.mean, rtol=1e-12)
    assert_allclose(first.prediction.std, second.prediction.std, rtol=1e-12)
    assert second.calibration["wave"].rmse > 99


def test_a_surrogate_of_the_scan_that_cannot_be_trained_is_named(tiny_dataset):
    bare = dataclasses.replace(tiny_dataset, target_error=None)
    without_errors = job("curves", bare, "dgp", noise="monte_carlo")
    with pytest.raises(InputError, match="surrogate of curves: noise: 'monte_carlo' needs known"):
        training.judge_jobs([without_errors], SHARE, SEED, comparison=False)


class _Page(HTMLParser):
    """Checks that tags are closed in order, and collects what a browser would load."""

    def __init__(self):
        super().__init__()
        self.open, self.loaded, self.anchors, self.ids = [], [], [], []

    def handle_starttag(self, tag, attributes):
        facts = dict(attributes)
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.loaded += [facts[name] for name in ("src",) if name in facts]
        self.anchors += [facts["href"]] if "href" in facts else []
        self.ids += [facts["id"]] if "id" in facts else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_shows_every_surrogate_and_every_candidate(whole):
    text = page(whole)
    parser = _Page()
    parser.feed(text)
    assert not parser.open
    assert "A &lt;toy&gt;" in text
    assert not re.search("<script|https?://", text)
    for each in whole.surrogates:
        assert each.name in parser.ids
        assert {"#" + each.name, "calibration.json"} <= set(parser.anchors)
        for trial in each.comparison:
            assert trial.label.replace("'", "&#x27;") in text


def test_page_shows_every_figure_and_loads_nothing_else(whole, tmp_path):
    folder = tmp_path / "report"
    write_report(whole._replace(surrogates=whole.surrogates[1:2]), folder)
    parser = _Page()
    parser.feed((folder / "index.html").read_text())
    assert set(parser.loaded) == {path.name for path in folder.glob("*.png")}
    assert len(parser.loaded) == 3
    assert json.loads((folder / "calibration.json").read_text())["schema"] == 1


def test_page_without_comparison_has_none(whole):
    bare = [j._replace(curve=(), comparison=()) for j in whole.surrogates]
    text = page(whole._replace(surrogates=bare))
    assert "Learning curve" not in text
    assert "Comparison" not in text


def test_an_existing_folder_is_refused_before_any_training(tmp_path):
    command = ["train", str(SCANS / "smoke.yaml"), "--report", str(tmp_path)]
    (tmp_path / "thesis.tex").write_text("years of work")
    done = CliRunner().invoke(main, [*command, "--force"])
    assert done.exit_code == 2
    assert "is not a report" in done.stderr
    (tmp_path / "calibration.json").write_text("{}")
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2
    assert "exists; give --force" in done.stderr
    assert (tmp_path / "thesis.tex").exists()


def test_force_replaces_a_report_and_a_failure_leaves_it(tmp_path):
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "calibration.json").write_text("{}")
    with pytest.raises(RuntimeError), report.writing(folder, force=True):
        raise RuntimeError
    assert (folder / "calibration.json").read_text() == "{}"
    with report.writing(folder, force=True) as scratch:
        (scratch / "calibration.json").write_text("[]")
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    assert (folder / "calibration.json").read_text() == "[]"
