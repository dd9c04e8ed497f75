"""The shell face of bad input: exit status 2, one line, nothing written, no traceback."""

from __future__ import annotations

import shutil
from collections import Counter

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from fitplugin.cli import main
from fitplugin.errors import FitpluginError
from fitplugin.runs.directory import read_run
from tests.fuzz.damage import copied, folder_damaged
from tests.fuzz.documents import changed, mangled, written
from tests.fuzz.law import LONGEST, examples, snapshot
from tests.fuzz.valid import checked_loop, checked_scan, loops, scans

NAME = "document.yaml"


def refused(command: list[str], status: int = 2) -> str:
    """Return the one line with which a command refuses; anything else fails."""
    done = CliRunner().invoke(main, command, catch_exceptions=False)
    assert done.exit_code == status, done.output
    (line,) = done.stderr.splitlines()
    assert line.startswith("fitplugin: error: ")
    assert line.isprintable()
    assert len(line) < LONGEST + 100
    assert done.stdout == ""
    return line


@pytest.mark.parametrize("number", [10, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("command", ["check", "learn"])
def test_a_document_that_is_refused_ends_the_command(command, number, workplace, monkeypatch):
    contents = scans(workplace) if command == "check" else loops()
    check = checked_scan if command == "check" else checked_loop
    texts = tuple(written(content).decode() for content in contents)
    options = ["--cache", "models"] if command == "check" else ["--output", "state"]
    monkeypatch.chdir(workplace)
    path, seen = workplace / NAME, Counter[bool]()

    @examples(number)
    @given(changed(contents).map(written) | mangled(texts))
    def law(content):
        path.write_bytes(content)
        before = snapshot(workplace)
        try:
            check(path)
            is_refused = False  # the command would begin to work
        except FitpluginError:
            is_refused = True
        shutil.rmtree(workplace / "state", ignore_errors=True)
        seen[is_refused] += 1
        if is_refused:
            assert NAME in refused([command, NAME, "--allow-code", *options])
            assert snapshot(workplace) == before

    law()
    path.unlink()
    assert seen[True] > 0.5 * number


@pytest.mark.parametrize("number", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_a_damaged_run_is_refused_by_every_command_and_left_as_it_is(
    number, smoke_run, tmp_path, model_cache
):
    run, other = tmp_path / "run", str(tmp_path / "other")
    commands = {
        "status": [], "plot": [], "cite": [], "report": ["--force"],
        "merge": ["--output", other], "audit": [],
    }  # fmt: skip
    seen = Counter[bool]()

    @examples(number)
    @given(st.data())
    def law(data):
        copied(smoke_run, run)
        data.draw(folder_damaged(run))
        try:
            read_run(run)
            seen[False] += 1  # a figure or a page that can be made again
        except FitpluginError:
            seen[True] += 1
            before = snapshot(tmp_path)
            for command, options in commands.items():
                assert "run" in refused([command, str(run), *options])
            assert snapshot(tmp_path) == before

    law()
    assert seen[True] > 0.3 * number


def commands_of(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inner = getattr(command, "commands", {})
    return [path, *(p for name in inner for p in commands_of(inner[name], (*path, name)))]


@pytest.mark.parametrize("path", commands_of(main), ids=" ".join)
def test_every_command_says_what_it_does(path):
    done = CliRunner().invoke(main, [*path, "--help"], catch_exceptions=False)
    assert done.exit_code == 0
    assert done.stdout.startswith("Usage: ")
    assert len(done.stdout.splitlines()) > 5


@pytest.mark.parametrize(("error", "words"), [
    (PermissionError(13, "Permission denied", "runs/x"), "runs/x: Permission denied"),
    (MemoryError("Unable to allocate 7 TiB"), "not enough memory (Unable to allocate 7 TiB)"),
])  # fmt: skip
def test_an_accident_of_the_machine_is_one_line(error, words):
    @main.command("accident")
    def accident():
        raise error

    try:
        assert words in refused(["accident"], status=1)
    finally:
        del main.commands["accident"]
