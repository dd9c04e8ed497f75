"""Habits of the package as a whole: silent import, honest data cards, safe formats."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fitplugin import plugins
from fitplugin.data.tables import read_table, shipped_tables

PACKAGE = Path(__file__).parents[1] / "fitplugin"


def test_import_prints_nothing_and_stays_light():
    code = (
        "import sys, fitplugin; "
        "print([m for m in ('numpy', 'scipy', 'matplotlib', 'dynesty') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert done.stderr == ""


@pytest.mark.parametrize("name", shipped_tables())
def test_shipped_table_matches_its_card(name):
    table = read_table(name)
    for key in ("title", "what", "source", "units", "licence"):
        assert table.card[key]
    assert table.digest == table.card["sha256"]
    assert {len(column) for column in table.columns.values()} == {table.card["n_rows"]}


def test_cards_are_beside_their_tables():
    cards = {path.with_suffix("") for path in (PACKAGE / "data").rglob("*.json")}
    assert {PACKAGE / "data" / name for name in shipped_tables()} == cards
    for path in (PACKAGE / "data").rglob("*.json"):
        json.loads(path.read_text())


@pytest.mark.parametrize("group", plugins.GROUPS)
def test_every_plugin_can_be_loaded_and_says_what_it_is(group):
    infos = plugins.describe(group)
    assert infos
    for info in infos:
        assert info.summary
        assert "cannot be imported" not in info.summary


def test_no_array_file_needs_pickle():
    for path in (PACKAGE / "data").rglob("*.npz"):
        assert (
            hashlib.sha256(path.read_bytes()).hexdigest()
            == read_table(str(path.relative_to(PACKAGE / "data").with_suffix(""))).digest
        )
