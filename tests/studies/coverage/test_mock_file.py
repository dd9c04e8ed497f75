"""Mocks that are written down survive any accident, and never mix with those of something else."""

from __future__ import annotations

import pytest

from fitplugin.errors import InputError
from fitplugin.studies.coverage.mock_file import NAME, opened, refuse_existing
from fitplugin.studies.coverage.mocks import Mock

FACTS = {"config": {"seed": 1, "coverage": {"n_draws": 99}}, "digests": {"the scan file": "a"}}


def mock(number):
    return Mock(number, {"A": 12.0}, {"x": 0.1 + number}, {"x": 7}, {"x": 0.071}, 100, 50.5)


def write(folder, numbers, facts=FACTS, force=False):
    with opened(folder, facts, force) as file:
        for number in numbers:
            file.append(mock(number))
        return list(file.mocks)


def test_mocks_are_read_back_digit_by_digit(tmp_path):
    write(tmp_path, [0, 1])
    assert write(tmp_path, [2]) == [mock(0), mock(1), mock(2)]


def test_a_line_that_was_cut_off_is_dropped_wherever_it_was_cut(tmp_path):
    write(tmp_path, range(3))
    content = (tmp_path / NAME).read_bytes()
    end_of_two = content[:-1].rindex(b"\n") + 1
    for end in range(end_of_two, len(content)):
        (tmp_path / NAME).write_bytes(content[:end])
        assert write(tmp_path, []) == [mock(0), mock(1)]
        assert (tmp_path / NAME).read_bytes() == content[:end_of_two]
    write(tmp_path, [2])
    assert (tmp_path / NAME).read_bytes() == content


def test_a_file_cut_off_in_its_first_line_is_begun_again(tmp_path):
    (tmp_path / NAME).write_bytes(b'{"format": "fitpl')
    assert write(tmp_path, [0]) == [mock(0)]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({**FACTS, "config": {**FACTS["config"], "seed": 2}}, "seed was 1, is 2"),
        (
            {**FACTS, "config": {**FACTS["config"], "coverage": {"n_draws": 49}}},
            "coverage.n_draws was 99, is 49",
        ),
        ({**FACTS, "digests": {"the scan file": "b"}}, "the scan file changed"),
    ],
)
def test_mocks_of_something_else_are_refused_and_left_alone(facts, words, tmp_path):
    write(tmp_path, [0])
    before = (tmp_path / NAME).read_bytes()
    with pytest.raises(InputError, match=f"holds mocks of something else: {words}"):
        write(tmp_path, [1], facts)
    assert (tmp_path / NAME).read_bytes() == before
    assert write(tmp_path, [0], facts, force=True) == [mock(0)]


def test_a_study_that_ended_before_its_first_mock_binds_nobody(tmp_path):
    write(tmp_path, [])
    refuse_existing(tmp_path, resume=False, force=False)
    assert write(tmp_path, [0], {"config": {"seed": 2}, "digests": {}}) == [mock(0)]


@pytest.mark.parametrize("line", [b"no JSON\n", b'{"number": 5}\n', b"[]\n"])
def test_a_damaged_file_is_refused(line, tmp_path):
    write(tmp_path, [0])
    with (tmp_path / NAME).open("ab") as file:
        file.write(line)
    with pytest.raises(InputError, match="is damaged.*--force"):
        write(tmp_path, [])


def test_two_processes_do_not_work_in_one_folder(tmp_path):
    with (
        opened(tmp_path, FACTS, False),
        pytest.raises(InputError, match="in use by another process"),
    ):
        write(tmp_path, [])


def test_nothing_is_touched_unless_told_to(tmp_path):
    write(tmp_path / "mine", [0])
    with pytest.raises(InputError, match=r"holds mocks already.*--resume.*--force"):
        refuse_existing(tmp_path / "mine", resume=False, force=False)
    refuse_existing(tmp_path / "mine", resume=True, force=False)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="exists and holds no mocks"):
        refuse_existing(tmp_path / "thesis", resume=True, force=True)
    refuse_existing(tmp_path / "new", resume=False, force=False)
