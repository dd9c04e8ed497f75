"""Tables, records and state folders after accidents: refused in one line, and left as they are."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitplugin.active.base import Answer
from fitplugin.active.state import State
from fitplugin.data.tables import read_table, write_table
from fitplugin.errors import FitpluginError
from fitplugin.likelihoods.workspace import read_channel
from fitplugin.runs.status import read_status, status_text
from fitplugin.runs.unfinished import How, part_of, working
from fitplugin.simulation.campaign_file import read_records, recording
from fitplugin.simulation.records import (
    FailedRecord,
    Header,
    PointRecord,
    ProcessRecord,
    RegionCounts,
)
from tests.fuzz.damage import (
    STRANGE,
    Damaged,
    archive_damaged,
    bytes_damaged,
    copied,
    folder_damaged,
    quietly,
    text_damaged,
)
from tests.fuzz.law import examples, message_of, refused_and_untouched, snapshot
from tests.samplers.problems import Gaussian

NUMBERS = [60, pytest.param(1500, marks=pytest.mark.slow)]
COLUMNS = {"x": np.arange(5.0), "n": np.arange(5), "name": np.array(list("abcde"))}
CARD = {"inputs": {"x": {"range": [0, 5]}}}


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_a_damaged_table_is_refused_or_has_numbers(suffix, number, tmp_path):
    path = tmp_path / f"table{suffix}"
    write_table(path, COLUMNS, CARD)
    table, card = path.read_bytes(), path.with_suffix(".json").read_bytes()
    packed = archive_damaged(table) if suffix == ".npz" else text_damaged(table, False)
    tables = quietly(bytes_damaged(table) | packed | STRANGE)
    both = st.tuples(tables, st.just(card)) | st.tuples(
        st.just(Damaged(table)), quietly(text_damaged(card, True))
    )

    def read():
        found = read_table(path.name, tmp_path)
        for name in found.columns:
            found.numbers([name])

    @examples(number)
    @given(both)
    def law(contents):
        path.write_bytes(contents[0])
        path.with_suffix(".json").write_bytes(contents[1])
        refused_and_untouched(read, "table", tmp_path)

    law()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_damaged_workspace_is_refused_or_has_a_channel(number, workplace, tmp_path):
    path, content = tmp_path / "workspace.json", (workplace / "workspace.json").read_bytes()

    @examples(number)
    @given(quietly(text_damaged(content, True)))
    def law(damaged):
        path.write_bytes(damaged)
        refused_and_untouched(lambda: read_channel(path, "SR"), path.name, tmp_path)

    law()


@pytest.fixture
def records(tmp_path):
    """A file of two points, one of which failed, with the header that goes on with it."""
    header = Header(
        simulator={"kind": "toy"}, versions={"toy": "1"}, events=10, seed=1, processes=("stop1",),
        regions=("low",), cross_section="table",
    )  # fmt: skip
    counts = RegionCounts(passed=3, variance=3, efficiency=0.3, efficiency_error=0.1)
    process = ProcessRecord(
        cross_section_fb=1.5, cross_section_rel_error=0.1, n_generated=10, regions={"low": counts}
    )
    point = PointRecord(
        name="a", sha256="0" * 64, seed=3, parameters={"mu": 200.0}, masses={"m_stop1": 900.0},
        branching={}, processes={"stop1": process}, seconds=1.0, time="2020-01-01",
    )  # fmt: skip
    path = tmp_path / "points.jsonl"
    with recording(path, header) as file:
        file.append(point)
        file.append(FailedRecord(name="b", sha256=None, failed="no spectrum", time="2020-01-01"))
    return path, header


@pytest.mark.parametrize("number", NUMBERS)
def test_damaged_records_are_refused_or_read(number, records):
    path, header = records
    content = path.read_bytes()

    def go_on():
        with recording(path, header) as file:
            assert file.contents.header == header

    @examples(number)
    @given(quietly(text_damaged(content, False) | lines_damaged(content)))
    def law(damaged):
        path.write_bytes(damaged)
        refused_and_untouched(lambda: read_records(path), path.name, path.parent)
        refused_and_untouched(go_on, path.name, path.parent)

    law()


@st.composite
def lines_damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Return JSON lines of which one holds other values."""
    lines = content.splitlines()
    place = draw(st.integers(0, len(lines) - 1))
    lines[place] = draw(text_damaged(lines[place], True)).replace(b"\n", b" ")
    return b"\n".join(lines) + b"\n"


@pytest.mark.parametrize("number", NUMBERS)
def test_a_damaged_state_of_a_loop_is_refused_or_goes_on(number, tmp_path):
    facts, names = {"seed": 1, "parameters": {"x": [0.0, 1.0]}}, ("x",)
    state = State.open(tmp_path / "whole", facts, names)
    state.ask([{"x": 0.25}, {"x": 0.5}, {"x": 0.75}])
    for answer in (Answer(0, {"y": 1.0}), Answer(1, {}, "no spectrum"), Answer(2, {"y": 3.0})):
        state.tell(answer)
    state.close_round({"round": 0, "asked": 3})
    state.ask([{"x": 0.1}])

    def reopened():
        return State.open(tmp_path / "state", facts, names)

    @examples(number)
    @given(st.data())
    def law(data):
        data.draw(folder_damaged(copied(tmp_path / "whole", tmp_path / "state")))
        if not refused_and_untouched(reopened, "state", tmp_path):
            message_of(lambda: reopened().tell(Answer(3, {"y": 2.0})), "state")

    law()


@pytest.fixture
def interrupted(tmp_path):
    """A run that was interrupted after three points, and what it was started with."""
    facts = {"config": {"seed": 1, "pool": None}, "digests": {"the model spectrum": "a"}}
    with suppress(KeyboardInterrupt), working(tmp_path / "whole", facts, How()) as work:
        work.report({"stage": "sampler", "done": 3, "total": None, "n_like": 3,
                     "log_z_box": -1.0, "remaining": 1.0, "eta_s": 2.0})  # fmt: skip
        recorded = work.recorded(Gaussian(), "sampler")
        for x in range(3):
            recorded.evaluate(np.array([[float(x), 0.0]]))
        recorded.close()
        raise KeyboardInterrupt
    return part_of(tmp_path / "whole"), facts


@pytest.mark.parametrize("number", NUMBERS)
def test_the_status_of_a_damaged_run_is_told_or_refused(number, interrupted, tmp_path):
    part, _ = interrupted

    @examples(number)
    @given(st.data())
    def law(data):
        data.draw(folder_damaged(copied(part, tmp_path / "run.part")))
        before = snapshot(tmp_path)
        message_of(
            lambda: status_text(json.loads(json.dumps(read_status(tmp_path / "run")))), "run"
        )
        assert snapshot(tmp_path) == before

    law()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_damaged_run_is_resumed_or_refused_and_loses_no_journal(number, interrupted, tmp_path):
    part, facts = interrupted
    journal = (part / "sampler.journal").read_bytes()

    def resume():
        with working(tmp_path / "run", facts, How(resume=True)) as work:
            recorded = work.recorded(Gaussian(), "sampler")
            rows = recorded.journal.next()
            recorded.close()
            if rows is None:
                return
            raise FitpluginError("run: interrupted again")

    @examples(number)
    @given(st.data())
    def law(data):
        target = copied(part, tmp_path / "run.part")
        data.draw(folder_damaged(target))
        kept = {name: content for name, content in snapshot(target).items() if "journal" in name}
        message = message_of(resume, "run")
        if message is not None:
            after = snapshot(target)
            for name, content in kept.items():
                # a record that was cut off is dropped, nothing else
                is_whole = content is None or isinstance(content, str) or after[name] == content
                assert is_whole or content.startswith(after[name])
                assert content != journal or after[name] == journal
        shutil.rmtree(tmp_path / "run", ignore_errors=True)  # of one that was resumed

    law()
