"""Campaigns: what is done stays done, whatever happens to a point, a worker or the disk."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from fitplugin.cli import main
from fitplugin.simulation import session
from fitplugin.simulation.campaign_file import read_records
from fitplugin.simulation.settings import settings_of
from tests.simulation.slha import BENCHMARK, with_mass, with_parameter, without_decay

pytest.importorskip("pyslha")

TOY = "tests.simulation.toy:Toy"


@pytest.fixture
def points(tmp_path):
    """Five points that differ in mu."""
    folder = tmp_path / "points"
    folder.mkdir()
    for number in range(5):
        (folder / f"p{number}.slha").write_text(with_parameter(23, f"2{number}0.0"))
    return folder


def simulate(*arguments, options=(), simulator=TOY, processes=1):
    settings = [text for option in options for text in ("--option", option)]
    return CliRunner().invoke(
        main,
        ["simulate", *map(str, arguments), "--simulator", simulator, "--processes", str(processes),
         "--events", "1000", *settings],
    )  # fmt: skip


def counts_of(path):
    return {name: record.processes for name, record in read_records(path).points.items()}


def test_every_point_has_a_line_that_can_be_read_back(points, tmp_path):
    output = tmp_path / "out.jsonl"
    result = simulate(points, "-o", output)
    assert result.exit_code == 0, result.output
    contents = read_records(output)
    assert sorted(contents.points) == [f"p{number}" for number in range(5)]
    assert contents.header.regions == ("low", "high")
    record = contents.points["p3"]
    assert record.parameters["mu"] == 230.0
    assert record.masses["m_stop1"] == pytest.approx(1176.09755)
    process = record.processes["stop1"]
    low = process.regions["low"]
    assert low.efficiency == pytest.approx(low.passed / 1000)
    assert low.efficiency_error == pytest.approx(low.variance**0.5 / 1000)
    assert 0 < process.cross_section_fb < 10
    assert len(output.read_text().splitlines()) == 6
    assert not list(tmp_path.glob("*.lock"))


def test_counts_do_not_depend_on_processes_or_order(points, tmp_path):
    simulate(points, "-o", tmp_path / "a.jsonl")
    files = sorted(points.iterdir(), reverse=True)
    simulate(*files, "-o", tmp_path / "b.jsonl", processes=3)
    assert counts_of(tmp_path / "a.jsonl") == counts_of(tmp_path / "b.jsonl")


def test_called_again_it_goes_on(points, tmp_path):
    output = tmp_path / "out.jsonl"
    first = simulate(points / "p0.slha", points / "p1.slha", "-o", output)
    before = output.read_bytes()
    again = simulate(points, "-o", output)
    assert first.exit_code == again.exit_code == 0
    assert "there before: 2" in again.output
    assert output.read_bytes().startswith(before)
    simulate(points, "-o", tmp_path / "whole.jsonl")
    assert counts_of(output) == counts_of(tmp_path / "whole.jsonl")


@pytest.mark.parametrize(
    ("accident", "reason"),
    [
        ("fails", "no phase space is left"),
        ("raises", "ZeroDivisionError: of a guest (toy.py:"),
        ("dies", "the process that simulated it died"),
        ("lies", "events pass low"),
    ],
)
def test_a_point_that_fails_is_named_and_the_others_go_on(accident, reason, points, tmp_path):
    output = tmp_path / "out.jsonl"
    result = simulate(points, "-o", output, options=[f"{accident}=p2"])
    assert result.exit_code == 1
    assert "failed: p2: " in result.output
    assert reason in result.output
    assert "1 point failed" in result.output
    contents = read_records(output)
    assert sorted(contents.points) == ["p0", "p1", "p3", "p4"]
    assert reason in contents.failures["p2"].failed


def test_a_point_that_failed_is_tried_again(points, tmp_path):
    output, marker = tmp_path / "out.jsonl", points / "p2.slha"
    whole = marker.read_text()
    marker.write_text(whole[:5000])
    assert simulate(points, "-o", output).exit_code == 1
    marker.write_text(whole)
    assert simulate(points, "-o", output).exit_code == 0
    contents = read_records(output)
    assert len(contents.points) == 5
    assert not contents.failures


def test_a_point_where_nothing_passes_is_a_result(points, tmp_path):
    output = tmp_path / "out.jsonl"
    assert simulate(points, "-o", output, options=["empty=p2"]).exit_code == 0
    region = read_records(output).points["p2"].processes["stop1"].regions["high"]
    assert (region.passed, region.efficiency, region.efficiency_error) == (0, 0, 1e-3)


def test_bad_files_are_named_with_their_reasons_and_the_others_go_on(points, tmp_path):
    (points / "p0.slha").write_text("")
    (points / "p1.slha").write_text(BENCHMARK[:9000])
    (points / "p2.slha").write_text(without_decay(1000024))
    (points / "p3.slha").write_text(with_mass(1000024, "100."))
    output = tmp_path / "out.jsonl"
    result = simulate(points, "-o", output)
    assert result.exit_code == 1
    for line in (
        "failed: p0: is empty",
        "failed: p1: ",
        "failed: p2: DECAY 1000024: chargino1 has no decays",
        "failed: p3: MASS 1000024: the lightest sparticle is chargino1",
    ):
        assert line in result.output
    assert list(read_records(output).points) == ["p4"]


def test_a_point_that_hangs_fails_at_its_time_limit_and_the_others_go_on(points, tmp_path):
    output = tmp_path / "out.jsonl"
    start = time.monotonic()
    result = simulate(points, "-o", output, "--time-limit", "3", options=["hangs=p1"])
    assert time.monotonic() - start < 40
    assert result.exit_code == 1
    assert "failed: p1: took longer than the time limit of 3 s and was ended" in result.output
    assert sorted(read_records(output).points) == ["p0", "p2", "p3", "p4"]


def test_a_simulator_that_is_a_file_is_found_from_the_folder_of_its_settings(points, tmp_path):
    (tmp_path / "mine.py").write_text("from tests.simulation.toy import Toy\n")
    settings = settings_of("mine.py:Toy", folder=tmp_path, allow_code=True)
    summary = session.simulate([points], settings, {}, tmp_path / "out.jsonl", 1)
    assert (len(summary.done), summary.failures) == (5, {})


def test_same_point_twice_is_one_point(points, tmp_path):
    (points / "twin.slha").write_text((points / "p1.slha").read_text())
    result = simulate(points, "-o", tmp_path / "out.jsonl")
    assert "failed: twin: is the same file as" in result.output


def test_nothing_to_simulate_is_bad_input(points, tmp_path):
    output = tmp_path / "out.jsonl"
    empty = tmp_path / "empty"
    empty.mkdir()
    bad = tmp_path / "bad.slha"
    bad.write_text("")
    other = tmp_path / "p1.slha"
    other.write_text(BENCHMARK)
    for arguments, words in {
        (): "no point is given",
        (tmp_path / "none.slha",): "no such file or folder",
        (empty,): "holds no .slha file",
        (bad,): "bad: is empty: no point can be simulated",
        (points, other): "points are told apart by file name",
        (points, "--production", "stop3"): "'stop3' is not a process. Known: gluino",
        (points, "--production", "stop1,stop1"): "stop1 appears twice",
        (points, "--option", "sleep=1"): "--option sleep: 'sleep' is not an option here",
        (points, "--option", "seconds"): "must be name=value",
        (points, "--parameter", "mu"): "must be NAME=BLOCK:INDEX",
        (points, "--cross-sections", "none"): "'none' is not a shipped table",
        (points, "--region", "SR"): "--region",
        (points, "--export", "a", "--import", "b"): "are two steps",
        (points, "--import", "b"): "name no SLHA files",
    }.items():
        result = simulate(*arguments, "-o", output)
        assert (result.exit_code, words in result.output) == (2, True), result.output
        assert not output.exists()
    assert "is not a simulator" in simulate(points, "-o", output, simulator="pithya").output


def test_another_campaign_is_not_mixed_in(points, tmp_path):
    output = tmp_path / "out.jsonl"
    simulate(points / "p0.slha", "-o", output)
    before = output.read_bytes()
    other = simulate(points, "-o", output, options=["seconds=0.001"])
    assert other.exit_code == 2
    assert "simulator.seconds is 0.0, now 0.001" in other.output
    changed = points / "p0.slha"
    changed.write_text(with_parameter(23, "333.0"))
    assert "the SLHA file of that name has changed" in simulate(points, "-o", output).output
    foreign = tmp_path / "notes.txt"
    foreign.write_text("my notes")
    assert "no file of `fitplugin simulate`" in simulate(points, "-o", foreign).output
    assert (output.read_bytes(), foreign.read_text()) == (before, "my notes")


@pytest.mark.parametrize("n_bytes", [1, 100, 5000])
def test_a_line_that_was_cut_off_is_simulated_again(n_bytes, points, tmp_path):
    output, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    simulate(points, "-o", whole)
    output.write_bytes(whole.read_bytes()[:-n_bytes])
    assert simulate(points, "-o", output).exit_code == 0
    assert counts_of(output) == counts_of(whole)


def test_a_damaged_line_is_refused_by_number(points, tmp_path):
    output = tmp_path / "out.jsonl"
    simulate(points, "-o", output)
    lines = output.read_text().splitlines()
    lines[2] = lines[2].replace('"passed"', '"past"')
    output.write_text("\n".join(lines) + "\n")
    result = simulate(points, "-o", output)
    assert result.exit_code == 2
    assert "line 3: is damaged" in result.output


def test_two_processes_do_not_write_one_file(points, tmp_path):
    from filelock import FileLock

    output = tmp_path / "out.jsonl"
    with FileLock(tmp_path / "out.jsonl.lock"):
        assert "another process is writing it" in simulate(points, "-o", output).output


def test_cross_sections_may_come_from_a_function(points, tmp_path):
    module = tmp_path / "mine.py"
    module.write_text(
        "import numpy as np\n"
        "def sigma(process, mass):\n"
        "    return np.full_like(mass, 3.0 if process == 'stop1' else 1.0), 0.1 * mass / mass\n"
    )
    output = tmp_path / "out.jsonl"
    result = simulate(points, "-o", output, "--cross-sections", f"{module}:sigma")
    assert result.exit_code == 0, result.output
    processes = read_records(output).points["p1"].processes
    assert [processes[name].cross_section_fb for name in ("stop1", "stop2")] == [3.0, 1.0]
    assert processes["stop1"].cross_section_rel_error == pytest.approx(0.1)
    # other numbers are another campaign
    module.write_text(module.read_text().replace("3.0", "4.0"))
    again = simulate(points, "-o", output, "--cross-sections", f"{module}:sigma")
    assert again.exit_code == 2
    assert "cross_section_sha256 is" in again.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_says_how_to_go_on_and_loses_nothing(number, points, tmp_path):
    output = tmp_path / "out.jsonl"
    # p0 is fast, and the others take longer than anyone waits
    command = ["simulate", str(points), "-o", str(output), "--simulator", TOY, "--events", "1000",
               "--processes", "3", "--option", "fast=p0", "--option", "seconds=60"]  # fmt: skip
    # workers of a shell's background ignore Ctrl-C, and so would what they start
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from fitplugin.cli import main; main()"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", program, *command], text=True, stderr=subprocess.PIPE
    )
    for _ in range(600):
        time.sleep(0.1)
        if output.exists() and len(output.read_text().splitlines()) > 1:
            break
    running.send_signal(number)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 1
    assert said.splitlines() == [
        f"fitplugin: error: interrupted; what is finished is in {output}, and the same command "
        "goes on"
    ]
    assert list(read_records(output).points) == ["p0"]


def test_summary_is_json_for_programs(points, tmp_path):
    result = simulate(points, "-o", tmp_path / "out.jsonl", "--json", options=["fails=p2"])
    found = json.loads(result.output.partition("fitplugin: error")[0])
    assert sorted(found["done"]) == ["p0", "p1", "p3", "p4"]
    assert list(found["failures"]) == ["p2"]


def test_missing_extra_gives_the_install_line(points, tmp_path, monkeypatch):
    import fitplugin.simulation.chain.pythia as pythia

    monkeypatch.setattr(pythia, "_LIBRARIES", ("no-such-library",))
    result = simulate(points, "-o", tmp_path / "out.jsonl", simulator="pythia")
    assert result.exit_code == 2
    assert "pip install 'fitplugin[simulation]'" in result.output
    assert not Path(tmp_path / "out.jsonl").exists()
