"""What was written to a journal is read back, whatever happened to its end."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fitplugin.errors import FitpluginError
from fitplugin.samplers.journal import Journal

ROWS = [np.arange(12.0).reshape(3, 4), np.array([[0.5, -1.0, -np.inf, 0.0]]), np.full((2, 4), 7.0)]


def opened(path, names=("x",), blob_names=("b",)):
    return Journal(path, names, blob_names)


@pytest.fixture
def written(tmp_path):
    journal = opened(tmp_path / "a.journal")
    for rows in ROWS:
        journal.append(rows)
    journal.close()
    return tmp_path / "a.journal"


def read_all(journal):
    found = []
    while (rows := journal.next()) is not None:
        found.append(rows)
    return found


def test_rows_come_back_in_order_to_the_last_bit(written):
    journal = opened(written)
    found = read_all(journal)
    assert len(found) == len(ROWS)
    for rows, expected in zip(found, ROWS, strict=True):
        assert_array_equal(rows, expected)
    assert journal.n_replayed == 6
    assert_array_equal(opened(written).last(), ROWS[-1])


def test_every_cut_loses_the_last_record_at_most(written):
    content = written.read_bytes()
    for end in range(content.index(b"\n") + 1, len(content)):
        written.write_bytes(content[:end])
        found = read_all(opened(written))
        for rows, expected in zip(found, ROWS[: len(found)], strict=True):
            assert_array_equal(rows, expected)
        lost = end - len(written.read_bytes())
        assert lost < 8 + ROWS[len(found)].nbytes  # no more than the record that was cut off


def test_writing_goes_on_behind_the_last_intact_record(written):
    written.write_bytes(written.read_bytes()[:-3])
    journal = opened(written)
    assert len(read_all(journal)) == 2
    journal.append(ROWS[2])
    journal.close()
    assert len(read_all(opened(written))) == 3


def test_a_damaged_record_ends_the_journal(written):
    content = bytearray(written.read_bytes())
    content[content.index(b"\n") + 20] ^= 1
    written.write_bytes(bytes(content))
    assert read_all(opened(written)) == []


def test_a_journal_of_another_problem_is_refused(written):
    with pytest.raises(FitpluginError, match=r"has the parameters \['x'\], not \['y'\]"):
        opened(written, names=("y",))
    with pytest.raises(FitpluginError, match=r"has the blobs \['b'\], not \['c'\]"):
        opened(written, blob_names=("c",))
    written.write_text("thesis\n")
    with pytest.raises(FitpluginError, match="is not a journal"):
        opened(written)


def test_a_full_disk_is_an_error_that_keeps_what_was_there(written, monkeypatch):
    journal = opened(written)
    read_all(journal)

    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    with pytest.raises(FitpluginError, match=r"No space left.*--resume"):
        journal.append(ROWS[0])
    assert len(read_all(opened(written))) == 3


def test_what_is_set_aside_is_kept_in_another_file(written):
    journal = opened(written)
    journal.next()
    journal.next()
    journal.set_rest_aside()
    assert journal.next() is None
    journal.append(ROWS[2])
    journal.close()
    found = read_all(opened(written))
    assert_array_equal(found[0], ROWS[0])
    assert_array_equal(found[1], ROWS[2])
    assert len(read_all(opened(written.with_suffix(".aside")))) == 3


@pytest.mark.parametrize("content", [bytes(400), b"evaluations of last year, in one line"])
def test_a_file_without_a_line_of_a_journal_is_refused_and_left_alone(content, tmp_path):
    path = tmp_path / "a.journal"
    path.write_bytes(content)
    with pytest.raises(FitpluginError, match="is not a journal of this release"):
        opened(path)
    assert path.read_bytes() == content
