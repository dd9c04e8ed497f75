"""Folders are written whole or not at all, and never over something else."""

from __future__ import annotations

import pytest

from fitplugin.data.folders import refuse_other, replacing
from fitplugin.errors import InputError


def write_into(target, text, error=None):
    with replacing(target) as folder:
        (folder / "sign").write_text(text)
        if error is not None:
            raise error


def test_a_folder_is_replaced_once_the_new_one_is_complete(tmp_path):
    target = tmp_path / "a" / "run"
    for text in ("one", "two"):
        write_into(target, text)
        assert (target / "sign").read_text() == text
    with pytest.raises(KeyboardInterrupt):
        write_into(target, "three", KeyboardInterrupt())
    assert (target / "sign").read_text() == "two"
    assert list(target.parent.iterdir()) == [target]


def test_what_is_there_is_replaced_only_if_it_is_of_its_kind_and_that_was_asked_for(tmp_path):
    target = tmp_path / "run"
    refuse_other(target, "sign", "is no run", force=False)
    write_into(target, "one")
    refuse_other(target, "sign", "is no run", force=True)
    with pytest.raises(InputError, match=r"run: exists; give --force to replace it or another -o"):
        refuse_other(target, "sign", "is no run", force=False, option="-o")
    for force in (False, True):
        with pytest.raises(InputError, match=r"run: exists and is no plot; name another --output"):
            refuse_other(target, "other", "is no plot", force)
