"""A run reevaluated by a better likelihood: by another scan, a plugin, and tables of points."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_allclose

from fitplugin.cli import main
from fitplugin.data.tables import read_table
from fitplugin.errors import InputError
from fitplugin.pools.serial import SerialPool
from fitplugin.runs.directory import read_run
from fitplugin.runs.seal import with_seal
from fitplugin.studies.finished import draw, reopen
from fitplugin.studies.trust.audit import audit, name_of
from fitplugin.studies.trust.claimed_errors import assess, reevaluate
from fitplugin.studies.trust.records import (
    audit_path,
    draws_table,
    read_audits,
    write_audit,
    write_points,
)
from fitplugin.studies.trust.truth_table import read_truth
from tests.conftest import SCANS

N = 150
CENTRE, WIDTH = 1200.0, 190.0
TILTED = """
import fitplugin
joint = fitplugin.load({scan!r}, {cache!r})

def tilted(theta):
    tilt = 0.5 * (theta[:, 1] - 1200.0) / 190.0
    return joint.log_likelihood(theta) + tilt

calls = 0
def stops(theta):
    global calls
    calls += 1
    if calls == 4:
        raise KeyboardInterrupt
    return tilted(theta)

def wide(theta):
    return joint.evaluate(theta).blobs["m_higgs"][:, None] * [1, 1]
"""


@pytest.fixture(scope="module")
def run(smoke_run):
    return read_run(smoke_run)


@pytest.fixture(scope="module")
def joint(run, model_cache):
    return reopen(run, model_cache).joint


@pytest.fixture(scope="module")
def plugin(model_cache, tmp_path_factory):
    path = tmp_path_factory.mktemp("plugin") / "mine.py"
    path.write_text(TILTED.format(scan=str(SCANS / "smoke.yaml"), cache=str(model_cache)))
    return path


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "audit.journal"


def table(run, path, **columns):
    """Write draws from the posterior with what was simulated there."""
    content = {**draws_table(run, N), **columns}
    write_points(path, content, force=True)
    return str(path)


def tilt_of(theta):
    return 0.5 * (theta[:, 1] - CENTRE) / WIDTH


def test_the_scan_itself_changes_nothing(run, journal, model_cache):
    found = audit(run, str(SCANS / "smoke.yaml"), SerialPool(), journal, N, model_cache)
    assert found.posterior.n_eff == pytest.approx(N, rel=1e-3)
    assert found.difference.max_abs < 1e-3
    assert found.verdict.startswith("the posterior holds")
    assert not journal.exists()


def test_a_known_tilt_gives_the_weights_of_that_tilt(run, plugin, journal, model_cache):
    found = audit(run, f"{plugin}:tilted", SerialPool(), journal, N, model_cache)
    tilt = tilt_of(draw(run, N).theta)
    weights = np.exp(tilt - tilt.max())
    assert_allclose(found.posterior.weights, weights, rtol=1e-3)
    mean = np.average(draw(run, N).theta[:, 1], weights=weights)
    assert found.posterior.parameters["mQ3"].mean == pytest.approx(mean, rel=1e-4)
    assert found.verdict.startswith("the posterior changes")


def test_an_interrupted_audit_pays_for_no_point_twice(run, plugin, journal, model_cache):
    pool = SerialPool(points_per_task=30)
    with pytest.raises(KeyboardInterrupt):
        audit(run, f"{plugin}:stops", pool, journal, N, model_cache)
    assert journal.exists()
    found = audit(run, f"{plugin}:stops", pool, journal, N, model_cache)
    straight = audit(run, f"{plugin}:tilted", pool, journal, N, model_cache)
    assert_allclose(found.posterior.weights, straight.posterior.weights)


def test_a_table_of_likelihoods_is_that_likelihood(run, plugin, joint, tmp_path, model_cache):
    theta = draw(run, N).theta
    values = joint.log_likelihood(theta) + tilt_of(theta)
    path = table(run, tmp_path / "points.csv", log_likelihood=values)
    by_table = audit(run, path, SerialPool(), tmp_path / "j", None, model_cache)
    by_plugin = audit(run, f"{plugin}:tilted", SerialPool(), tmp_path / "j", N, model_cache)
    assert by_table.kind == "table"
    for name, marginal in by_plugin.posterior.parameters.items():
        assert by_table.posterior.parameters[name].mean == pytest.approx(marginal.mean, rel=1e-4)
    assert "m_higgs" not in by_table.ignored


def test_a_simulation_that_agrees_removes_the_surrogates_error(run, joint, tmp_path, model_cache):
    """Efficiencies equal to the predicted ones, without error: the posterior with errors x 0."""
    theta = draw(run, N).theta
    blobs = joint.evaluate(theta).blobs
    simulated = {f"efficiency[{r.name}]": blobs[f"efficiency[{r.name}]"] for r in joint.regions}
    path = table(run, tmp_path / "points.csv", **simulated)
    found = audit(run, path, SerialPool(), tmp_path / "j", None, model_cache)
    (without,) = (s for s in assess(reevaluate(run, model_cache, N)).scales if s.factor == 0)
    for name, marginal in without.posterior.parameters.items():
        assert found.posterior.parameters[name].mean == pytest.approx(marginal.mean, rel=1e-6)


def test_a_simulated_mass_outside_a_constraint_refuses_the_point(run, tmp_path, model_cache):
    m_higgs = np.where(np.arange(N) % 3 == 0, 119.0, 124.0)
    path = table(run, tmp_path / "points.csv", m_higgs=m_higgs)
    found = audit(run, path, SerialPool(), tmp_path / "j", None, model_cache)
    assert found.n_refused == N // 3


def test_without_weights_nothing_is_reweighted(run, joint, tmp_path, model_cache):
    columns = draws_table(run, N)
    del columns["weight"]
    columns["log_likelihood"] = joint.log_likelihood(draw(run, N).theta) - 2.0
    columns["comment"] = np.zeros(N)
    write_points(tmp_path / "points.csv", columns, force=False)
    found = audit(
        run, str(tmp_path / "points.csv"), SerialPool(), tmp_path / "j", None, model_cache
    )
    assert found.posterior is None
    assert found.difference.mean == pytest.approx(-2.0, abs=1e-3)
    assert found.ignored == ("comment",)
    assert "no column 'weight'" in found.verdict


def drop(columns, name):
    return {key: value for key, value in columns.items() if key != name}


BAD = {
    "another parameter": (lambda c: drop(c, "mtR"), "has no column mtR; it needs every scanned"),
    "another fixed value": (lambda c: {**c, "tan_beta": c["tan_beta"] + 1},
                            "tan_beta: is 21 in row 1; this scan fixes it at 20"),
    "nothing simulated": (lambda c: drop(drop(c, "n_signal[0-lepton]"), "m_higgs"),
                          "holds nothing simulated"),
    "unknown region": (lambda c: {**c, "efficiency[2-lepton]": c["mu"]},
                       "'efficiency[2-lepton]' is not an observable"),
    "a missing number": (lambda c: {**c, "m_higgs": np.where(np.arange(5) == 3, np.nan, 123.0)},
                         "m_higgs: has no number in row 4"),
    "negative weights": (lambda c: {**c, "weight": -np.ones(5)}, "weight: must be >= 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_refused_in_a_line(case, run, joint, tmp_path):
    change, words = BAD[case]
    columns = {name: v for name, v in draws_table(run, 5).items() if not name.startswith("m_")}
    path = tmp_path / "points.csv"
    write_points(path, change({**columns, "n_signal[0-lepton]": np.full(5, 60.0)}), force=False)
    with pytest.raises(InputError) as caught:
        read_truth(path, joint, joint, 3000.0)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("truth", "words"), [
    ("nowhere.csv", "no such file"),
    ("nowhere.yaml", "cannot be read"),
    ("{plugin}:missing", "'missing' is not an object"),
    ("{plugin}:wide", "gave shape (2, 2)"),
    ("rubbish", "rubbish: is no likelihood; must be"),
])  # fmt: skip
def test_truths_that_are_none_are_refused_in_a_line(
    truth, words, run, plugin, journal, model_cache
):
    with pytest.raises(InputError) as caught:
        audit(run, truth.format(plugin=plugin), SerialPool(), journal, N, model_cache)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_written_is_read_by_getdist_and_belongs_to_the_run(
    smoke_run, plugin, journal, tmp_path, model_cache
):
    copy = tmp_path / "run"
    shutil.copytree(smoke_run, copy)
    run, truth = read_run(copy), f"{plugin}:tilted"
    found = audit(run, truth, SerialPool(), journal, N, model_cache)
    path, chain = write_audit(run, found, audit_path(run, truth, force=False))
    assert path.name == f"{name_of(truth)}.json"
    from getdist import chains, loadMCSamples

    chains.print_load_details = False
    samples = loadMCSamples(str(chain.with_suffix("")), settings={"ignore_rows": 0})
    for name, marginal in found.posterior.parameters.items():
        assert_allclose(samples.mean(name), marginal.mean, rtol=1e-6)
    assert [entry["truth"] for entry in read_audits(read_run(copy))] == [truth]
    with pytest.raises(InputError, match="exists; give --force"):
        audit_path(run, truth, force=False)
    # an audit of another run in this place is none of this one
    content = json.loads(path.read_text())
    path.write_text(json.dumps(with_seal({**content, "of": "another"})))
    assert read_audits(read_run(copy)) == []


def test_the_command_goes_from_draws_to_a_verdict(smoke_run, tmp_path, model_cache):
    copy, points = tmp_path / "run", tmp_path / "points.csv"
    shutil.copytree(smoke_run, copy)

    def call(*arguments):
        return CliRunner().invoke(main, ["audit", str(copy), *map(str, arguments)])

    done = call("--draw", 40, "-o", points)
    assert done.exit_code == 0, done.output
    simulated = dict(read_table(str(points)).columns)
    assert len(simulated["weight"]) == 40
    simulated["m_higgs"] = np.full(40, 125.0)
    write_points(points, simulated, force=True)
    done = call("--with", points, "--cache", model_cache)
    assert done.exit_code == 0, done.output
    assert "the posterior" in done.stdout
    assert len(list((copy / "audits").glob("*.json"))) == 1
