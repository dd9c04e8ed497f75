"""Files are written whole or not at all."""

from __future__ import annotations

import pytest

from fitplugin.data import files


def test_a_file_is_replaced_and_its_folder_made(tmp_path):
    path = tmp_path / "a" / "b.json"
    for content in (b"one", b"two"):
        files.write_atomically(path, content)
        assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_a_file_may_be_read_by_whom_the_user_lets_read(tmp_path):
    files.write_atomically(tmp_path / "whole", b"one")
    (tmp_path / "usual").write_bytes(b"one")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_an_accident_leaves_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "b.json"
    files.write_atomically(path, b"one")
    with pytest.raises(TypeError):
        files.write_atomically(path, "no bytes")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]
