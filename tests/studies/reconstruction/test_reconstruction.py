"""A benchmark reconstructed from its own mock counts."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from numpy.testing import assert_allclose

from fitplugin.cli import main
from fitplugin.errors import InputError
from fitplugin.physics.natural_susy import BENCHMARK
from fitplugin.runs.directory import read_run
from fitplugin.runs.resolved import config_of
from fitplugin.stats.counts import significance
from fitplugin.studies.reconstruction.recovery import compare, require_mock
from fitplugin.studies.reconstruction.statements import statements_of
from fitplugin.studies.reconstruction.text import reconstruction_text
from tests.conftest import SCANS


@pytest.fixture(scope="module")
def run(smoke_run):
    return read_run(smoke_run)


@pytest.fixture(scope="module")
def found(run, model_cache):
    return compare(run, model_cache)


def test_asimov_counts_are_those_of_the_benchmark(found, run):
    assert dict(found.benchmark) == dict(BENCHMARK)
    for name, region in found.regions.items():
        assert region.n_observed == run.summary["n_observed"][name]
        assert_allclose(region.n_observed, region.background + region.n_signal, rtol=1e-9)
        expected = significance(region.n_observed, region.background, region.background_error)
        assert region.significance == pytest.approx(float(expected))


def test_the_posterior_signal_explains_the_counts(found):
    for region in found.regions.values():
        mean, std = region.posterior_n_signal
        assert abs(mean - region.n_signal) < std


def test_truth_is_compared_with_the_summary(found, run):
    entry = run.summary["parameters"]["mQ3"]
    recovered = found.parameters["mQ3"]
    assert (recovered.mean, recovered.std) == pytest.approx((entry["mean"], entry["std"]))
    assert recovered.pull == pytest.approx((entry["mean"] - 1280.5) / entry["std"])
    assert recovered.in68 == (entry["interval68"][0] <= 1280.5 <= entry["interval68"][1])
    weights = run.posterior.weights
    below = run.posterior.columns["mQ3"] < recovered.lower95
    assert weights[below].sum() / weights.sum() == pytest.approx(0.05, abs=0.01)


def test_a_sign_that_nothing_sees_is_left_out(found, run):
    mu = found.parameters["mu"]
    assert mu.is_absolute
    assert mu.mean == pytest.approx(
        np.average(np.abs(run.posterior.columns["mu"]), weights=run.posterior.weights)
    )
    assert not found.parameters["mtR"].is_absolute


def test_the_papers_statements_are_checked_on_its_benchmark(found):
    said = {statement.paper: statement for statement in found.statements}
    for paper in ("little information on mu", "a measurement of mQ3", "a lower limit on mtR",
                  "large |mu| slightly disfavoured"):  # fmt: skip
        assert paper in said
    assert said["a lower limit on mtR"].holds
    # our simulation leaves three times as many events as the paper's in the 0-lepton region
    assert not said["an excess of about 3 standard deviations in 0-lepton"].holds


def test_a_statement_can_fail(run):
    """With the prior in the place of the posterior nothing is measured."""
    from fitplugin.stats.information import information

    config = config_of(run)
    flat = {
        name: information(column, np.ones(len(column)), column)
        for name, column in run.prior.items()
    }
    said = {s.paper: s.holds for s in statements_of(config, run, flat)}
    assert not said["a measurement of mQ3"]
    assert not said["a lower limit on mtR"]
    assert said["little information on mu"]


def test_another_benchmark_is_not_the_papers(run, found):
    config = config_of(run, {"mock": {"benchmark": {**BENCHMARK, "mu": 200.0}}})
    informations = {name: p.information for name, p in found.parameters.items()}
    assert statements_of(config, run, informations) == ()


@pytest.mark.parametrize(("changes", "words"), [
    ({"mock": None, "observed": {"0-lepton": 33.2, "1-lepton": 68.9}}, "mock: is missing"),
    ({"prior_sample": 10}, "prior_sample: is 10"),
])  # fmt: skip
def test_a_scan_without_a_truth_is_refused(changes, words, run):
    with pytest.raises(InputError, match=words):
        require_mock(config_of(run, changes), "scan.yaml")


def test_the_text_says_what_the_numbers_say(found):
    text = reconstruction_text(found)
    for name in (*found.parameters, *found.regions):
        assert name in text
    assert text.count("  yes  ") == sum(s.holds for s in found.statements)
    assert json.loads(json.dumps(found.to_dict()))["parameters"]["mQ3"]["truth"] == 1280.5


def test_the_command_runs_poisson_mocks_and_leaves_both_files(model_cache, tmp_path):
    content = yaml.safe_load((SCANS / "smoke.yaml").read_text())
    content["sampler"]["n_live"] = 60
    content["prior_sample"] = 1000
    content["processes"] = 1
    scan, folder = tmp_path / "scan.yaml", tmp_path / "run"
    scan.write_text(yaml.safe_dump(content))
    command = ["reconstruct", str(scan), "-o", str(folder), "--cache", str(model_cache),
               "--poisson", "3", "--no-plots"]  # fmt: skip
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    written = json.loads((folder / "reconstruction.json").read_text())
    assert written["counts"] == "poisson"
    for region in written["regions"].values():
        assert region["n_observed"] == round(region["n_observed"])
    assert (folder / "reconstruction.txt").read_text().rstrip() in done.stdout
    read_run(folder)  # still sealed
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 2
    assert "exists; give --force" in again.stderr
    shutil.rmtree(folder)
