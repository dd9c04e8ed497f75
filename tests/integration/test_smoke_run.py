"""The whole way: a scan file in, a run directory out, read by the tools people use."""

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
from fitplugin.runs.directory import read_run
from tests.conftest import SCANS


@pytest.fixture(scope="module")
def run_directory(smoke_run):
    return smoke_run


@pytest.fixture(scope="module")
def summary(run_directory):
    return json.loads((run_directory / "summary.json").read_text())


def test_benchmark_lies_in_every_95_percent_interval(summary):
    for name, entry in summary["parameters"].items():
        low, high = entry["interval95"]
        assert low < entry["truth"] < high, name


def test_summary_has_the_public_names(summary):
    for key in ("log_z", "log_z_error", "log_z_box", "valid_fraction", "n_like", "n_eff",
                "wall_time_s", "sampler"):  # fmt: skip
        assert key in summary
    assert list(summary["parameters"]) == ["mu", "mQ3", "mtR"]
    assert summary["n_like"] >= summary["n_eff"]


def test_every_point_of_the_posterior_obeys_the_constraints(run_directory):
    columns = read_run(run_directory).posterior.columns
    assert ((columns["m_higgs"] >= 121) & (columns["m_higgs"] <= 129)).all()
    assert (columns["m_chargino1"] >= 103.5).all()


def test_stored_columns_are_those_of_the_likelihood(run_directory, smoke_joint):
    posterior = read_run(run_directory).posterior
    theta = np.column_stack([posterior.columns[name] for name in smoke_joint.names])[::97]
    batch = smoke_joint.evaluate(theta)
    assert_allclose(posterior.log_likelihood[::97], batch.log_likelihood, atol=1e-5)
    assert_allclose(posterior.columns["n_signal[0-lepton]"][::97],
                    batch.blobs["n_signal[0-lepton]"], rtol=1e-5)  # fmt: skip


def test_prior_sample_is_valid_and_fills_the_box(run_directory, smoke_joint, summary):
    prior = read_run(run_directory).prior
    theta = np.column_stack([prior[name] for name in smoke_joint.names])
    assert smoke_joint.is_valid(theta[::20]).all()
    assert len(theta) == 2000
    assert 0.15 < summary["valid_fraction"] < 0.3


def test_resolved_scan_gives_the_same_likelihood(run_directory, smoke_joint, model_cache):
    import fitplugin

    again = fitplugin.load(run_directory / "resolved.yaml", model_cache)
    manifest = json.loads((run_directory / "manifest.json").read_text())
    assert again.digest() == smoke_joint.digest() == manifest["digest"]


def test_getdist_reads_the_chain_unmodified(run_directory, summary):
    from getdist import chains, loadMCSamples

    chains.print_load_details = False
    samples = loadMCSamples(str(run_directory / "chain"), settings={"ignore_rows": 0})
    for name, entry in summary["parameters"].items():
        assert_allclose(samples.mean(name), entry["mean"], rtol=1e-6)
    assert samples.sampler == "nested"


def test_anesthetic_reads_the_chain_unmodified(run_directory, summary):
    anesthetic = pytest.importorskip("anesthetic")
    samples = anesthetic.read_chains(str(run_directory / "chain"))
    assert_allclose(samples["mQ3"].mean(), summary["parameters"]["mQ3"]["mean"], rtol=0.02)
    # births are those of the valid prior, so its evidence is that of the valid prior
    assert abs(samples.logZ() - summary["log_z"]) < 3 * summary["log_z_error"]


def test_figures_are_there(run_directory):
    names = {path.name for path in (run_directory / "plots").iterdir()}
    figures = ("marginals", "corner", "yields", "masses", "run", "trace")
    assert names == {f"{figure}.{suffix}" for figure in figures for suffix in ("pdf", "png")}


def test_an_existing_run_is_never_overwritten_without_force(run_directory, model_cache):
    before = (run_directory / "summary.json").read_bytes()
    command = ["run", str(SCANS / "smoke.yaml"), "-o", str(run_directory)]
    done = CliRunner().invoke(main, [*command, "--cache", str(model_cache)])
    assert done.exit_code == 2
    assert "exists; give --force" in done.stderr
    assert (run_directory / "summary.json").read_bytes() == before


def test_a_folder_that_is_no_run_is_never_replaced(tmp_path, model_cache):
    (tmp_path / "thesis.tex").write_text("years of work")
    command = ["run", str(SCANS / "smoke.yaml"), "-o", str(tmp_path), "--force"]
    done = CliRunner().invoke(main, [*command, "--cache", str(model_cache)])
    assert done.exit_code == 2
    assert "is not a run directory" in done.stderr
    assert (tmp_path / "thesis.tex").exists()


def _replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda run: shutil.rmtree(run), "is not a run directory"),
        (lambda run: (run / "chain.txt").unlink(), "is incomplete: chain.txt missing"),
        (lambda run: (run / "prior.txt").unlink(), "is incomplete: prior.txt missing"),
        (lambda run: (run / "chain.txt").write_text("1 2\n"), "chain.txt: has been changed"),
        (lambda run: _replace(run / "summary.json", '"log_z": -', '"log_z": -1'),
         "summary.json: has been changed"),
        (lambda run: _replace(run / "manifest.json", '"seed": 2', '"seed": 3'),
         "manifest.json: has been changed"),
        (lambda run: (run / "manifest.json").write_text("{"), "is not JSON"),
        (lambda run: (run / "manifest.json").write_text('{"schema": 9}'), "schema version 9"),
        (lambda run: _replace(run / "manifest.json", '"schema": 2', '"schema": 1'),
         "schema version 1; this release reads 2"),
    ],
)  # fmt: skip
def test_damaged_runs_are_refused(damage, words, run_directory, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run_directory, copy)
    damage(copy)
    done = CliRunner().invoke(main, ["plot", str(copy)])
    assert done.exit_code == 2
    assert words in done.stderr
    with pytest.raises(InputError):
        read_run(copy)


def test_check_reports_speed_and_valid_fraction(model_cache):
    done = CliRunner().invoke(
        main, ["check", str(SCANS / "smoke.yaml"), "--cache", str(model_cache), "--json"]
    )
    found = json.loads(done.stdout)
    assert found["names"] == ["mu", "mQ3", "mtR"]
    assert 0 < found["seconds_per_point_in_batch"] < found["seconds_per_point"]


def test_evidence_equals_quadrature_over_a_grid(model_cache, tmp_path):
    """A coarser scan, all of it in one likelihood: ln Z by the midpoint rule on a 3-D grid."""
    import fitplugin

    content = yaml.safe_load((SCANS / "smoke.yaml").read_text())
    content["parameters"]["mu"]["prior"]["uniform"] = [150, 450]
    content["parameters"]["mQ3"]["prior"]["uniform"] = [900, 1600]
    content["parameters"]["mtR"]["prior"]["uniform"] = [900, 1600]
    content.update(prior_sample=0, processes=1)
    scan = tmp_path / "scan.yaml"
    scan.write_text(yaml.safe_dump(content))
    joint = fitplugin.load(scan, model_cache)

    def grid_log_z(n):
        middles = (np.arange(n) + 0.5) / n
        grid = np.stack(np.meshgrid(middles, middles, middles), axis=-1).reshape(-1, 3)
        log_l = joint.evaluate(joint.prior_transform(grid)).log_likelihood
        return np.logaddexp.reduce(log_l) - np.log(n**3)

    expected = grid_log_z(20)
    grid_error = abs(expected - grid_log_z(14))
    command = ["run", str(scan), "-o", str(tmp_path / "run"), "--cache", str(model_cache)]
    assert CliRunner().invoke(main, [*command, "--no-plots"]).exit_code == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert abs(summary["log_z_box"] - expected) < 3 * summary["log_z_error"] + grid_error
