"""What the documents name exists: commands, options, files, modules; and they are up to date."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path

import click
import pytest
import yaml

import fitplugin
from fitplugin import plugins
from fitplugin.cli import main

TOP = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "SECURITY.md", "benchmarks/README.md")
_FENCED = re.compile(r"^```\w*\n(.*?)^```", re.M | re.S)
_INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-[a-z])(?![\w-])")


def snippets(document: str) -> Iterator[str]:
    """Code of a document: lines of its blocks, and what stands in backquotes."""
    text = (TOP / document).read_text(encoding="utf-8")
    for block in _FENCED.findall(text):
        yield from block.splitlines()
    for span in _INLINE.findall(_FENCED.sub("", text)):
        yield " ".join(span.split())


def calls(document: str) -> list[str]:
    """What is typed after ``fitplugin``, for every call of it, comments left out."""
    found = (re.search(r"(?:^|[ /`])fitplugin ([a-z][^`]*)", code) for code in snippets(document))
    return [call[1].partition(" #")[0] for call in found if call]


def command_of(call: str) -> tuple[click.Command, str]:
    """The command of a call, and what follows it."""
    command: click.Command = main
    rest = call
    while isinstance(command, click.Group):
        name, _, rest = rest.partition(" ")
        assert name in command.commands, f"no command: fitplugin {call}"
        command = command.commands[name]
    return command, rest


def options_of(command: click.Command) -> set[str]:
    return {text for option in command.params for text in option.opts} | {"--help", "-h"}


def all_commands(group: click.Group = main) -> Iterator[click.Command]:
    for command in group.commands.values():
        yield command
        if isinstance(command, click.Group):
            yield from all_commands(command)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_call_that_a_document_names_is_one(document):
    for call in calls(document):
        command, rest = command_of(call)
        unknown = set(_OPTION.findall(rest)) - options_of(command)
        assert not unknown, f"fitplugin {call}: {unknown}"


def test_the_readme_names_every_command():
    named = {command_of(call)[0] for call in calls("README.md")}
    leaves = {command for command in all_commands() if not isinstance(command, click.Group)}
    # in a row of the table of commands, behind one of their group
    alone = set(snippets("README.md"))
    assert {command.name for command in leaves - named} <= alone


@pytest.mark.parametrize("document", ["README.md", "SECURITY.md"])
def test_every_option_that_stands_alone_is_one_of_some_command(document):
    known = set().union(*map(options_of, all_commands()))
    for code in snippets(document):
        if code.startswith("--"):
            assert code.split(" ")[0] in known, code


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_is_there(document):
    text = (TOP / document).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    named = re.findall(r"`((?:fitplugin|scans|tests|benchmarks)/[\w./-]+)`", text)
    folder = (TOP / document).parent
    missing = [path for path in links if not (folder / path).exists()]
    missing += [path for path in named if not (TOP / path).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_dotted_name_that_a_document_names_leads_somewhere(document):
    text = (TOP / document).read_text(encoding="utf-8")
    for name in set(re.findall(r"\bfitplugin(?:\.[a-z_]\w*)+", text)):
        assert name in plugins.GROUPS or is_there(name), name


def is_there(name: str) -> bool:
    """Whether a dotted name is a module, or a member of one."""
    module, _, member = name.rpartition(".")
    return is_module(name) or (
        is_module(module) and hasattr(importlib.import_module(module), member)
    )


def is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is no package
        return False


def test_the_citation_file_is_of_this_version_and_licence():
    cited = yaml.safe_load((TOP / "CITATION.cff").read_text(encoding="utf-8"))
    assert (cited["cff-version"], cited["type"]) == ("1.2.0", "software")
    about = metadata("fitplugin")
    assert cited["version"] == fitplugin.__version__ == about["Version"]
    assert cited["license"] == about["License-Expression"]
    assert [author["name"] for author in cited["authors"]] == [about["Author"]]
    assert cited["keywords"] == about["Keywords"].split(",")
    for work in (cited, *cited["references"]):
        assert {"title", "authors"} <= set(work)


def test_the_table_of_headlines_is_that_of_the_committed_results(monkeypatch):
    monkeypatch.syspath_prepend(str(TOP / "benchmarks"))
    headlines = importlib.import_module("headlines")
    try:
        text = headlines.README.read_text(encoding="utf-8")
        assert headlines.put_between(text, headlines.table(headlines.RESULTS)) == text
    finally:
        for name in [name for name in sys.modules if name.startswith("headline")]:
            del sys.modules[name]
