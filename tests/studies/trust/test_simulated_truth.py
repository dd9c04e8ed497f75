"""Simulated points as the truth of an audit."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_allclose

from fitplugin.cli import main
from fitplugin.data.tables import read_table, write_table
from fitplugin.errors import InputError
from fitplugin.runs.config import read_scan
from fitplugin.simulation.campaign_file import read_records
from fitplugin.studies.trust.simulated_truth import truth_columns
from tests.conftest import SCANS
from tests.studies.campaigns import point, write

FIXED = {"tan_beta": 20.0, "M3": 2000.0, "At": -2000.0}
EFFICIENCIES = {"stop1": (0.01, 0.02), "stop2": (0.04, 0.05)}


@pytest.fixture
def scan(tmp_path):
    """The smoke scan with two processes."""
    text = (SCANS / "smoke.yaml").read_text()
    assert "processes: [stop1, stop2, sbottom1]" in text
    path = tmp_path / "scan.yaml"
    path.write_text(text.replace("[stop1, stop2, sbottom1]", "[stop1, stop2]"))
    return path


def theta(mu):
    return {"mu": mu, "mQ3": 1280.5, "mtR": 1333.6, **FIXED}


def test_efficiency_is_the_mean_over_processes_weighed_by_cross_section(scan, tmp_path):
    path = write(tmp_path / "sim.jsonl", [point("a", theta(200.0), EFFICIENCIES)])
    columns, dropped = truth_columns([read_records(path)], read_scan(scan))
    assert dropped == 0
    assert_allclose(columns["efficiency[0-lepton]"], 0.8 * 0.01 + 0.2 * 0.04)
    assert_allclose(columns["efficiency[1-lepton]"], 0.8 * 0.02 + 0.2 * 0.05)
    # independent events: errors in quadrature
    expected = np.hypot(0.8 * 0.001, 0.2 * 0.004)
    assert_allclose(columns["efficiency_error[0-lepton]"], expected)
    assert_allclose(columns["cross_section"], 1.0)
    assert_allclose(columns["cross_section_error"], 0.1)  # common to both processes
    assert_allclose(columns["mu"], 200.0)


def test_weights_come_from_the_draws_and_lost_points_are_counted(scan, tmp_path):
    points = [point(f"p{mu:.0f}", theta(mu), EFFICIENCIES) for mu in (300.0, 200.0)]
    path = write(tmp_path / "sim.jsonl", points)
    draws = tmp_path / "draws.csv"
    columns = {name: np.full(3, value) for name, value in theta(0.0).items()}
    columns["mu"] = np.array([200.0000001, 250.0, 300.0])
    write_table(draws, {**columns, "weight": np.array([1.0, 2.0, 3.0])}, {})
    found, dropped = truth_columns([read_records(path)], read_scan(scan), read_table(str(draws)))
    assert dropped == 1
    assert found["mu"].tolist() == [200.0000001, 300.0]
    assert found["weight"].tolist() == [1.0, 3.0]


def test_what_was_not_simulated_is_refused_by_name(scan, tmp_path):
    config = read_scan(scan)
    no_parameter = write(tmp_path / "a.jsonl", [point("a", {"mu": 1.0}, EFFICIENCIES)])
    with pytest.raises(InputError, match="a: 'mQ3' is not a parameter of it"):
        truth_columns([read_records(no_parameter)], config)
    one = write(tmp_path / "b.jsonl", [point("b", theta(2.0), {"stop1": (0.1, 0.1)}, [1.0])])
    with pytest.raises(InputError, match="b: 'stop2' is not simulated there"):
        truth_columns([read_records(one)], config)
    nothing = write(tmp_path / "c.jsonl", [])
    with pytest.raises(InputError, match="no point of it is done"):
        truth_columns([read_records(nothing)], config)


def test_a_run_is_audited_by_simulated_points(smoke_run, model_cache, tmp_path):
    """Points that simulate what the surrogates say: the likelihoods agree."""
    run = tmp_path / "run"
    shutil.copytree(smoke_run, run)

    def fitplugin(*arguments):
        result = CliRunner().invoke(main, [*map(str, arguments)])
        assert result.exit_code == 0, result.output
        return result.output

    draws = tmp_path / "draws.csv"
    fitplugin("audit", run, "--draw", 12, "-o", draws)
    table = read_table(str(draws))
    from fitplugin.runs.loading import load_scan

    joint = load_scan(SCANS / "smoke.yaml", model_cache).joint
    parameters = ("mu", "mQ3", "mtR", *FIXED)
    theta = table.numbers(joint.names)
    blobs = joint.evaluate(theta).blobs
    processes = ("stop1", "stop2", "sbottom1")
    both_at = np.stack([blobs[f"efficiency[{r}]"] for r in ("0-lepton", "1-lepton")], axis=1)
    simulated = [
        point(
            f"p{row}",
            dict(zip(parameters, table.numbers(parameters)[row].tolist(), strict=True)),
            {process: both for process in processes},
            [float(blobs["cross_section"][row]) / 3] * 3,
        )
        for row, both in enumerate(both_at.tolist())
    ]
    path = write(tmp_path / "sim.jsonl", simulated, processes)
    truth = tmp_path / "truth.csv"
    fitplugin("dataset", "truth", truth, path, "--scan", SCANS / "smoke.yaml", "--points", draws)
    found = json.loads(fitplugin("audit", run, "--with", truth, "--cache", model_cache, "--json"))
    assert found["n_points"] == 12
    # the same yields with other errors
    assert abs(found["delta_log_likelihood"]["mean"]) < 1.0
    assert found["reweighted"]
