"""Tables that cannot be read, each in one line that names the file."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from fitplugin.data.tables import read_table
from fitplugin.errors import InputError


def npz(**columns) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **columns)
    return buffer.getvalue()


def npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def with_member(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO(npz(x=np.zeros(3)))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def damaged(content: bytes) -> bytes:
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]


REFUSED = {
    "a bare array": ("t.npz", npy(np.zeros(3)), "cannot be read as a table"),
    "a number": ("t.npz", npz(x=np.float64(3)), "'x' is float64 of shape ()"),
    "a matrix": ("t.npz", npz(x=np.zeros((3, 2))), "'x' is float64 of shape (3, 2)"),
    "complex numbers": ("t.npz", npz(x=np.zeros(3, "c16")), "'x' is complex128"),
    "days": ("t.npz", npz(x=np.zeros(3, "M8[s]")), "'x' is datetime64[s]"),
    "no rows": ("t.npz", npz(x=np.zeros(0)), "has no rows"),
    "no columns": ("t.npz", npz(), "has no rows"),
    "a text among arrays": ("t.npz", with_member("notes.txt", b"x"), "of shape ()"),
    "bytes that changed": ("t.npz", damaged(npz(x=np.random.default_rng(0).random(500))),
                           "cannot be read as a table"),
    "a cell beyond any size": ("t.csv", b"x,name\n1," + b"a" * 200_000, "field larger than"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_table_is_refused_in_one_line(case, tmp_path):
    name, content, words = REFUSED[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_table(name, tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(("card", "words"), [
    ("{", "it is not JSON"), ("[1]", "must hold a JSON object"), ("[" * 9999, "it is not JSON"),
])  # fmt: skip
def test_a_damaged_card_is_named(card, words, tmp_path):
    (tmp_path / "t.csv").write_text("x\n1\n")
    (tmp_path / "t.json").write_text(card)
    with pytest.raises(InputError, match=words) as caught:
        read_table("t.csv", tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 't.json'}: is damaged")
