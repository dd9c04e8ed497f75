"""The state of a loop: cut-off lines, edited lines, answers twice or to nothing."""

from __future__ import annotations

import pytest

from fitplugin.active.base import Answer
from fitplugin.active.state import State
from fitplugin.errors import InputError

FACTS = {"seed": 1}


@pytest.fixture
def folder(tmp_path):
    state = State.open(tmp_path / "s", FACTS, ("x",))
    state.ask([{"x": 0.5}, {"x": 1.5}])
    state.tell(Answer(0, {"y": 2.0}))
    state.tell(Answer(1, {}, "no spectrum"))
    state.close_round({"asked": 2})
    return tmp_path / "s"


def again(folder):
    return State.open(folder, FACTS, ("x",))


def test_what_was_written_is_read_back(folder):
    state = again(folder)
    assert [request.theta["x"] for request in state.asked.values()] == [0.5, 1.5]
    assert state.answers == {0: Answer(0, {"y": 2.0}), 1: Answer(1, {}, "no spectrum")}
    assert state.rounds == [{"asked": 2}]
    assert not state.notes
    assert not state.pending


@pytest.mark.parametrize("name", ["asked", "answers", "rounds"])
def test_a_line_that_a_kill_cut_off_is_dropped_and_said(name, folder):
    path = folder / f"{name}.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:17])
    assert again(folder).notes == [f"{name}.jsonl: a last line that was cut off is dropped"]
    assert path.read_bytes() == whole


@pytest.mark.parametrize(("name", "old", "new"), [
    ("asked", "1.5", "1.6"), ("answers", "2.0", "2.1"), ("answers", "no spectrum", "fine"),
    ("rounds", '"asked": 2', '"asked": 3'),
])  # fmt: skip
def test_a_line_changed_by_hand_is_refused_by_number(name, old, new, folder):
    path = folder / f"{name}.jsonl"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=rf"{name}.jsonl: line \d.*changed by hand"):
        again(folder)


def test_a_damaged_line_is_refused_by_number(folder):
    path = folder / "answers.jsonl"
    path.write_text("nonsense\n" + path.read_text())
    with pytest.raises(InputError, match="answers.jsonl: line 1.*is damaged"):
        again(folder)


def test_a_second_answer_is_noted_and_not_used(folder):
    state = again(folder)
    state.tell(Answer(0, {"y": 9.0}))
    state.tell(Answer(7, {"y": 9.0}))
    assert state.answers[0].values == {"y": 2.0}
    assert state.notes == [
        "request 0 was answered twice; the first one counts",
        "answer 7 is to no request; left out",
    ]
    assert again(folder).answers[0].values == {"y": 2.0}


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="is not empty and has no loop.json"):
        State.open(tmp_path, FACTS, ("x",))
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_state_that_is_refused_keeps_the_line_that_was_cut_off(folder):
    asked, answers = folder / "asked.jsonl", folder / "answers.jsonl"
    asked.write_bytes(asked.read_bytes() + b'{"id": 2')
    answers.write_text("nonsense\n")
    before = asked.read_bytes()
    with pytest.raises(InputError, match="answers.jsonl: line 1"):
        again(folder)
    assert asked.read_bytes() == before


@pytest.mark.parametrize("name", ["loop.json", "asked.jsonl", "answers.jsonl", "rounds.jsonl"])
def test_a_folder_in_the_place_of_a_file_is_named(name, folder):
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(InputError, match=f"{name}: cannot be read: Is a directory"):
        again(folder)


@pytest.mark.parametrize("content", ["[]", "3", "{", "[" * 9999])
def test_facts_of_another_form_are_damage(content, folder):
    (folder / "loop.json").write_text(content)
    with pytest.raises(InputError, match="loop.json: is damaged"):
        again(folder)


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "s").write_text("x")
    with pytest.raises(InputError, match="is a file; name another --output"):
        again(tmp_path / "s")
