"""Thousands of documents that nobody meant: each is read, or refused in one line.

Reading ends where training or asking would begin. Nothing is written by a refusal.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.documents import FILES, changed, mangled, written
from tests.fuzz.law import examples, refused_and_untouched, snapshot
from tests.fuzz.valid import checked_loop, checked_scan, loops, scans

NAME = "document.yaml"
READERS: dict[str, Callable[[Path], Any]] = {"scan": checked_scan, "loop": checked_loop}


@pytest.fixture
def read(workplace, monkeypatch):
    """Read a document of a kind; return whether it was refused."""
    monkeypatch.chdir(workplace)
    path = workplace / NAME

    def one(kind: str, content: bytes) -> bool:
        path.write_bytes(content)
        before = snapshot(workplace)
        is_refused = refused_and_untouched(lambda: READERS[kind](path), NAME, workplace)
        shutil.rmtree(workplace / "state", ignore_errors=True)  # of a loop that began
        assert snapshot(workplace) == before
        return is_refused

    yield one
    path.unlink()


def documents(kind: str, how: str, folder: Path) -> st.SearchStrategy[bytes]:
    contents = scans(folder) if kind == "scan" else loops()
    if how == "changed":
        return changed(contents).map(written)
    return mangled(tuple(written(content).decode() for content in contents))


@pytest.mark.parametrize(("kind", "how", "number"), [
    ("scan", "changed", 40), ("scan", "mangled", 50), ("loop", "changed", 100),
    ("loop", "mangled", 50),
    pytest.param("scan", "changed", 2500, marks=pytest.mark.slow),
    pytest.param("scan", "mangled", 1000, marks=pytest.mark.slow),
    pytest.param("loop", "changed", 2000, marks=pytest.mark.slow),
    pytest.param("loop", "mangled", 1000, marks=pytest.mark.slow),
])  # fmt: skip
def test_a_document_is_read_or_refused_in_one_line_that_names_it(
    kind, how, number, read, workplace
):
    refused = Counter[bool]()

    @examples(number)
    @given(documents(kind, how, workplace))
    def law(content):
        refused[read(kind, content)] += 1

    law()
    # not every change is allowed, and not every document is refused at the door
    assert refused[True] > 0.3 * number
    assert refused[False] > 0 or number < 100


@pytest.mark.parametrize("case", FILES)
@pytest.mark.parametrize("kind", READERS)
def test_a_file_that_once_brought_a_reader_down_is_refused(kind, case, read):
    assert read(kind, FILES[case])


@pytest.mark.slow
def test_the_documents_to_start_from_are_valid(read, workplace):
    for kind, contents in (("scan", scans(workplace)), ("loop", loops())):
        assert not any(read(kind, written(content)) for content in contents)
