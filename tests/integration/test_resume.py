"""Whatever ends a run, it goes on from there and ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from numpy.testing import assert_allclose

from fitplugin.cli import main
from fitplugin.errors import InputError
from fitplugin.plugins import load
from tests.conftest import SCANS

SAMPLERS = {
    "dynesty": {"n_live": 60},
    "multinest": {"n_live": 60, "runs": 2},
    "ultranest": {"n_live": 60},
    "nautilus": {"n_live": 100, "n_eff": 200},
    "prior": {"n_samples": 500},
}


def available(kind):
    plugin = load("fitplugin.samplers", kind)
    try:
        plugin().require(plugin.Options(**SAMPLERS[kind]), 3)
    except InputError as error:
        pytest.skip(str(error))
    return kind


def write_scan(folder, kind, **changes):
    content = yaml.safe_load((SCANS / "smoke.yaml").read_text())
    content["sampler"] = {"kind": kind, **SAMPLERS[kind]}
    content.update({"prior_sample": 300, "processes": 1, **changes})
    path = folder / "scan.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def command(model_cache, smoke_joint):
    """The command line of a run, without figures."""

    def arguments(scan, output, *more):
        return ["run", str(scan), "-o", str(output), "--cache", str(model_cache), "--no-plots",
                *more]  # fmt: skip

    return arguments


def invoke(arguments, code=0):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == code, done.output
    return done


def start(arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "fitplugin.cli", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def stop_when_recorded(process, part, how, n_bytes):
    """Send a signal as soon as so much has been recorded; return whether it came in time."""
    while process.poll() is None:
        if sum(path.stat().st_size for path in part.glob("sampler*.journal")) > n_bytes:
            process.send_signal(how)
            return True
        time.sleep(0.002)
    return False


def files(run):
    names = ("chain.txt", "chain_equal_weights.txt", "prior.txt")
    return {name: (run / name).read_bytes() for name in names}


def check_kills(kind, command, tmp_path, n_kills, seed):
    scan = write_scan(tmp_path, available(kind))
    invoke(command(scan, tmp_path / "whole"))
    whole = files(tmp_path / "whole")
    size = 200_000
    killed, rng = 0, np.random.default_rng(seed)
    for attempt in range(3 * n_kills):
        target = tmp_path / f"run{attempt}"
        part = tmp_path / f"run{attempt}.part"
        process = start(command(scan, target))
        was_killed = stop_when_recorded(process, part, signal.SIGKILL, rng.integers(0, size))
        process.communicate()
        if not was_killed:
            size //= 2
            continue
        assert part.exists()
        assert not target.exists()
        state = json.loads(invoke(["status", str(target), "--json"]).stdout)
        assert state["state"] == "interrupted"
        invoke(command(scan, target, "--resume"))
        assert files(target) == whole
        killed += 1
        if killed == n_kills:
            return
    pytest.fail(f"only {killed} of the kills came in time")


@pytest.mark.parametrize("kind", ["dynesty", "multinest"])
def test_a_killed_run_ends_as_if_it_had_not_been(kind, command, tmp_path):
    check_kills(kind, command, tmp_path, n_kills=1, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SAMPLERS)
def test_twenty_kills_of_every_sampler(kind, command, tmp_path):
    check_kills(kind, command, tmp_path, n_kills=20, seed=2)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_says_where_it_is_kept(how, command, tmp_path):
    scan = write_scan(tmp_path, "dynesty")
    process = start(command(scan, tmp_path / "run"))
    assert stop_when_recorded(process, tmp_path / "run.part", how, 1000)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.splitlines()[-2:] == [
        f"fitplugin: kept in {tmp_path / 'run.part'}; --resume continues the run",
        "fitplugin: error: interrupted",
    ]
    again = invoke(command(scan, tmp_path / "run"), code=2)
    assert "is an interrupted run; continue it with --resume" in again.stderr
    changed = write_scan(tmp_path, "dynesty", seed=7)
    refused = invoke(command(changed, tmp_path / "run", "--resume"), code=2)
    assert "was started with something else: seed was 20161108, is 7" in refused.stderr
    invoke(command(write_scan(tmp_path, "dynesty"), tmp_path / "run", "--resume"))
    assert invoke(["status", str(tmp_path / "run")]).stdout.startswith("complete: ")
    # nothing to do is no error: job scripts may always say --resume
    invoke(command(scan, tmp_path / "run", "--resume"))
    refused = invoke(command(write_scan(tmp_path, "dynesty", seed=7), tmp_path / "run", "-r"), 2)
    assert "is complete, and was run with something else: seed" in refused.stderr


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount a small disk"
)
def test_a_full_disk_loses_nothing(command, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let tests mount a disk")
    try:
        scan = write_scan(tmp_path, "dynesty")
        full = invoke(command(scan, disk / "run"), code=1)
        assert re.search(r"(No space left on device|the disk is full).*--resume", full.stderr)
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        invoke(command(scan, disk / "run", "--resume"))
        invoke(command(scan, tmp_path / "whole"))
        assert files(disk / "run") == files(tmp_path / "whole")
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_members_merge_into_one_run(command, tmp_path):
    scan = write_scan(tmp_path, "dynesty")
    outputs = [tmp_path / f"member{i}" for i in (1, 2)]
    for index, output in enumerate(outputs, start=1):
        invoke(command(scan, output, "--member", f"{index}/2"))
    merge = ["merge", *map(str, outputs), "-o", str(tmp_path / "merged"), "--no-plots"]
    done = invoke(merge)
    assert "2 runs agree with p = " in done.stdout
    summaries = [json.loads((run / "summary.json").read_text()) for run in outputs]
    merged = json.loads((tmp_path / "merged" / "summary.json").read_text())
    assert merged["n_live"] == 60
    assert merged["n_like"] == sum(summary["n_like"] for summary in summaries)
    low, high = sorted(summary["log_z"] for summary in summaries)
    assert low - 0.05 < merged["log_z"] < high + 0.05
    assert len((tmp_path / "merged" / "prior.txt").read_text().splitlines()) == 300
    assert_allclose(merged["log_z_box"], merged["log_z"] + np.log(merged["valid_fraction"]))
    assert "exists; give --force" in invoke(merge, code=2).stderr
    twice = ["merge", str(outputs[0]), str(outputs[0]), "-o", str(tmp_path / "twice")]
    assert "points in common" in invoke(twice, code=2).stderr
    refused = invoke(command(scan, tmp_path / "x", "--member", "3/2"), code=2)
    assert "must be I/K" in refused.stderr


def test_doctor_names_the_package_that_holds_multinest(monkeypatch, tmp_path):
    monkeypatch.delenv("FITPLUGIN_MULTINEST", raising=False)
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path))
    text = invoke(["doctor"]).stdout
    assert f"{tmp_path / 'lib' / 'libmultinest'}" in text
    found = json.loads(invoke(["doctor", "--json"]).stdout)
    if found["multinest_library"]["the loader"]["problem"]:
        assert "conda install -c conda-forge multinest" in text


def test_status_of_nothing_is_refused(tmp_path):
    assert "is no run, finished or unfinished" in invoke(["status", str(tmp_path / "x")], 2).stderr
