"""How far a run may be trusted: the surrogates' errors, suggestions, and a better likelihood."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_allclose

from fitplugin.cli import main
from fitplugin.errors import InputError
from fitplugin.runs.directory import read_run
from fitplugin.studies.finished import draw, reopen
from fitplugin.studies.trust.claimed_errors import FACTORS, assess, reevaluate
from fitplugin.studies.trust.suggestion import suggest
from tests.conftest import SCANS

N_DRAWS = 200


@pytest.fixture(scope="module")
def run(smoke_run):
    return read_run(smoke_run)


@pytest.fixture(scope="module")
def reevaluated(run, model_cache):
    return reevaluate(run, model_cache, N_DRAWS)


@pytest.fixture(scope="module")
def trust(reevaluated):
    return assess(reevaluated)


def test_the_run_itself_is_the_posterior_with_one_times_the_errors(trust, reevaluated, run):
    (same,) = (s.posterior for s in trust.scales if s.factor == 1)
    assert same.n_eff == pytest.approx(N_DRAWS, rel=1e-3)
    assert abs(same.log_z_change) < 1e-3
    for name, entry in run.summary["parameters"].items():
        spread = entry["std"] / np.sqrt(N_DRAWS)
        assert abs(same.parameters[name].mean - entry["mean"]) < 4 * spread


def test_other_factors_are_scans_of_their_own(trust, reevaluated, run, model_cache):
    """Importance weights are the ratio of likelihoods that a scan file with the factor gives."""
    joint = reopen(run, model_cache, 2.0).joint
    change = (
        joint.evaluate(reevaluated.draws.theta).log_likelihood - reevaluated.draws.log_likelihood
    )
    (twice,) = (s.posterior for s in trust.scales if s.factor == 2)
    assert_allclose(twice.weights, np.exp(change - change.max()), rtol=1e-6)
    assert [s.factor for s in trust.scales] == list(FACTORS)


def test_errors_are_split_in_quadrature(reevaluated):
    for region in reevaluated.joint.regions:
        with_all = reevaluated.batches[1.0].blobs[f"n_signal_error[{region.name}]"]
        without = reevaluated.batches[0.0].blobs[f"n_signal_error[{region.name}]"]
        own = reevaluated.surrogate_error(region.name)
        assert (without > 0).all()
        assert_allclose(np.hypot(own, without), with_all, rtol=1e-9)


def test_scatter_of_small_errors_is_their_slope(reevaluated):
    """To first order the relative scatter of L is |d ln L / d signal| times the error."""
    for region in reevaluated.joint.regions:
        signal_name, error_name = region.needs
        signal = reevaluated.batches[0.0].blobs[signal_name]
        others = reevaluated.batches[0.0].blobs[error_name]
        own = reevaluated.surrogate_error(region.name)
        step = 1e-4
        up, down = (
            region.log_likelihood({signal_name: signal * f, error_name: others * f})
            for f in (1 + step, 1 - step)
        )
        slope = np.abs(up - down) / (2 * step)
        small = (own / signal < 0.06) & (slope * own / signal > 0.1)
        assert small.sum() > 5
        expected = (slope * own / signal)[small]
        # the nodes of a normal cut at its last sixteenth keep 0.94 of its width
        assert_allclose(reevaluated.scatter[region.name][small], 0.94 * expected, rtol=0.15)


def test_what_is_quoted_is_what_the_run_holds(trust, run):
    assert trust.extrapolated_fraction == run.summary["out_of_domain"]["posterior_fraction"]
    error = np.average(run.posterior.columns["m_higgs_error"], weights=run.posterior.weights)
    assert trust.mass_errors["m_higgs"] == pytest.approx(error, rel=0.1)
    for region in trust.regions.values():
        assert 0 < region.surrogate_relative_error < region.relative_error
        assert region.surrogate_relative_error <= region.surrogate_relative_error95


def test_suggested_points_are_uncertain_draws_and_their_shares_are_all(reevaluated):
    found = suggest(reevaluated, 10)
    theta = np.stack([found.points[name] for name in reevaluated.joint.names], axis=1)
    distance = np.abs(theta[:, np.newaxis] - reevaluated.draws.theta).max(axis=2).min(axis=1)
    assert (distance == 0).all()
    assert len(np.unique(theta, axis=0)) == 10
    assert found.share.sum() == pytest.approx(1.0)
    assert (np.diff(found.share) <= 0).all()
    assert set(reevaluated.joint.theory.input_names) < set(found.columns)
    scatter = np.sqrt(sum(np.square(values) for values in reevaluated.scatter.values()))
    rows = [
        int(np.flatnonzero((reevaluated.draws.theta == point).all(axis=1))[0]) for point in theta
    ]
    assert scatter[rows].mean() > scatter.mean()


@pytest.mark.parametrize("n", [0, N_DRAWS + 1])
def test_more_suggestions_than_draws_are_refused(n, reevaluated):
    with pytest.raises(InputError, match=f"must be from 1 to {N_DRAWS}"):
        suggest(reevaluated, n)


def test_draws_are_equally_weighted(run):
    draws = draw(run, 150)
    weights = run.posterior.weights / run.posterior.weights.sum()
    # systematic resampling: each row as often as its weight says, rounded
    times = np.bincount(draws.rows, minlength=len(weights))
    assert (np.abs(times - 150 * weights) < 1).all()
    with pytest.raises(InputError, match="must be at least 1"):
        draw(run, 0)


def test_a_run_of_other_models_is_refused_by_name(run, tmp_path, model_cache):
    changed = run._replace(manifest={**run.manifest, "digests": {
        **run.manifest["digests"], "the model spectrum": "0" * 64}})  # fmt: skip
    with pytest.raises(InputError, match="the model spectrum changed since"):
        reevaluate(changed, model_cache, 20)


def test_a_run_of_another_version_is_refused_by_its_values(run, model_cache):
    posterior = run.posterior._replace(log_likelihood=run.posterior.log_likelihood + 0.01)
    with pytest.raises(InputError, match=r"differs by up to 0\.01 today"):
        reevaluate(run._replace(posterior=posterior), model_cache, 20)


def test_a_single_sample_is_no_posterior(run, model_cache):
    weights = np.zeros(len(run.posterior.weights))
    weights[7] = 1.0
    posterior = run.posterior._replace(weights=weights)
    with pytest.raises(InputError, match=r"count as 1\.0: no posterior"):
        reevaluate(run._replace(posterior=posterior), model_cache)


def test_the_command_writes_trust_and_points_and_overwrites_no_points(
    smoke_run, model_cache, tmp_path
):
    copy = tmp_path / "run"
    shutil.copytree(smoke_run, copy)

    def call(*arguments):
        return CliRunner().invoke(
            main, ["audit", str(copy), "--cache", str(model_cache), *arguments]
        )

    done = call("--points", "50")
    assert done.exit_code == 0, done.output
    assert "errors of the surrogates" in done.stdout
    content = json.loads((copy / "trust.json").read_text())
    assert content["n_points"] == 50
    done = call("--points", "50", "--suggest", "3")
    assert done.exit_code == 0, done.output
    lines = (copy / "suggested.csv").read_text().splitlines()
    assert lines[0].startswith("mu,tan_beta,M3,mQ3,mtR,At,m_higgs")
    assert len(lines) == 4
    again = call("--points", "50", "--suggest", "3")
    assert again.exit_code == 2
    assert "exists; give --force" in again.stderr
    both = call("--suggest", "3", "--draw", "2")
    assert both.exit_code == 2
    assert "one at a time" in both.stderr


@pytest.mark.slow
def test_the_reweighted_posterior_is_that_of_a_scan_without_errors(run, model_cache, tmp_path):
    from fitplugin.runs.runner import run as run_scan

    (without,) = (s.posterior for s in assess(reevaluate(run, model_cache)).scales if s.factor == 0)
    scan = run_scan(
        SCANS / "smoke.yaml", tmp_path / "run", cache=model_cache,
        changes={"surrogate_error": 0, "sampler": {"n_live": 1000}},
    )  # fmt: skip
    change = scan.summary["log_z"] - run.summary["log_z"]
    error = np.hypot(scan.summary["log_z_error"], run.summary["log_z_error"])
    assert abs(change - without.log_z_change) < 3 * np.hypot(error, without.log_z_change_error)
    for name, entry in scan.summary["parameters"].items():
        spread = entry["std"] / np.sqrt(without.n_eff)
        assert abs(entry["mean"] - without.parameters[name].mean) < 4 * spread, name
