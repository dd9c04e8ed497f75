"""Accidents to files and folders: of bytes, of the members of an archive, of JSON."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.fuzz.documents import changed


class Damaged(bytes):
    """Content of a file; a failing test keeps the file, and does not print it."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


@st.composite
def quietly(draw: st.DrawFn, strategy: st.SearchStrategy[bytes]) -> Damaged:
    """Return what a strategy gives, as `Damaged`."""
    return Damaged(draw(strategy))


@st.composite
def bytes_damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Return content with bytes changed, missing, moved or added, as disks and copies do."""
    size = len(content)
    place = draw(st.integers(0, size))
    length = draw(st.sampled_from((1, 4, 64, 1000)))
    what = draw(
        st.sampled_from(("flip", "cut", "zero", "insert", "drop", "append", "repeat", "all"))
    )
    rest = content[place + length :]
    if what == "flip" and place < size:
        return (
            content[:place]
            + bytes([content[place] ^ 1 << draw(st.integers(0, 7))])
            + (content[place + 1 :])
        )
    if what == "cut":
        return content[:place]
    if what == "zero":
        return content[:place] + bytes(min(length, size - place)) + rest
    if what == "insert":
        return content[:place] + draw(st.binary(min_size=1, max_size=8)) + content[place:]
    if what == "drop":
        return content[:place] + rest
    if what == "repeat":
        return content[:place] + content[place : place + length] + content[place:]
    return draw(st.binary(max_size=40)) if what == "all" else content + draw(st.binary(max_size=40))


def members(content: bytes) -> dict[str, bytes]:
    """Return what an archive holds, by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def packed(entries: dict[str, bytes]) -> bytes:
    """Undo `members`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def npy(array: Any, version: tuple[int, int] | None = None) -> bytes:
    """Return an array as bytes of a .npy file."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), version)
    return buffer.getvalue()


_OBJECTS = np.empty(2, dtype=object)
_HEADER = b"\x93NUMPY\x01\x00"


def _with_header(text: str) -> bytes:
    return _HEADER + len(text).to_bytes(2, "little") + text.encode("latin-1") + bytes(16)


# what stands in the place of an array
_STRANGE: tuple[bytes, ...] = (
    b"", b"x", b"\x93NUMPY", _HEADER, npy(_OBJECTS), npy(np.zeros((0, 3))), npy(np.zeros(())),
    npy(np.float64("nan")), npy(np.zeros(3, dtype="c16")), npy(np.zeros(3, dtype="f2")),
    npy(np.array(["x"])), npy(np.array([b"x"])), npy(np.zeros(2, dtype="M8[s]")),
    npy(np.zeros(2, dtype=[("a", "f8"), ("b", "i4")])), npy(np.zeros((2, 2)), (2, 0)),
    npy(np.zeros((2, 2)), (3, 0)), npy(np.zeros(2_000_000)), npy(np.full((3, 3), 1e308)),
    pickle.dumps({"a": 1}), _HEADER + pickle.dumps([1]),
    _with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }\n"),
    _with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }\n"),
    _with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (True,), }\n"),
    _with_header("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n"),
    _with_header("{'descr': 'wrong', 'fortran_order': False, 'shape': (2,), }\n"),
    _with_header("{'descr': '<f8'}\n"), _with_header("__import__('os').system('touch called')\n"),
    _with_header("(" * 2000 + "\n"), _with_header("{'shape': (2L,), 'descr': '<f8', "
                                                  "'fortran_order': False}\n"),
)  # fmt: skip
# by number: hypothesis writes down what it samples from, and some of these are large
STRANGE = st.integers(0, len(_STRANGE) - 1).map(_STRANGE.__getitem__)
NAMES = (
    ".npy", "../outside.npy", "/tmp/outside.npy", "a/b.npy", "..\\outside.npy", "x.txt", "\\.npy",
    "card.json", "card.json.npy", "a\nb.npy", "\x1b[2J.npy", "µ.npy", "x" * 300 + ".npy", "dir/",
)  # fmt: skip


@st.composite
def archive_damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Return an archive with members missing, renamed, added, or of other numbers."""
    entries = members(content)
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from(sorted(entries))) if entries else "x.npy"
        what = draw(st.sampled_from(("drop", "rename", "add", "replace", "bytes", "array")))
        if what == "drop":
            entries.pop(name, None)
        elif what == "rename":
            entries[draw(st.sampled_from(NAMES))] = entries.pop(name, b"")
        elif what == "add":
            entries[draw(st.sampled_from(NAMES))] = draw(STRANGE)
        elif what == "replace":
            entries[name] = draw(STRANGE)
        elif what == "bytes":
            entries[name] = draw(bytes_damaged(entries.get(name, b"")))
        else:
            entries[name] = draw(array_damaged(entries.get(name, b"")))
    return packed(entries)


@st.composite
def array_damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Return an array of another shape, type or content."""
    try:
        array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except Exception:  # damaged before
        return content
    what = draw(st.sampled_from(("flat", "less", "more", "type", "number", "axis", "turn")))
    if what == "flat":
        array = array.ravel()
    elif what == "less" and array.ndim:
        array = array[: draw(st.integers(0, max(0, len(array) - 1)))]
    elif what == "more" and array.ndim:
        array = np.concatenate([array, array])
    elif what == "axis":
        array = array[np.newaxis]
    elif what == "turn":
        array = array.T
    elif what == "type":
        kind = draw(st.sampled_from(("f4", ">f8", "i8", "c16", "U9", "S9", "?")))
        if array.dtype.kind in "bif":
            with np.errstate(all="ignore"):
                array = array.astype(kind)
    elif array.size and array.dtype.kind == "f":
        array = array.copy()
        number = draw(st.sampled_from((0.0, -1.0, 1e300, -1e300, np.nan, np.inf, 1e-320)))
        array.flat[draw(st.integers(0, array.size - 1))] = number
    return npy(array)


@st.composite
def text_damaged(draw: st.DrawFn, content: bytes, is_json: bool) -> bytes:
    """Return a text with bytes or lines changed, and JSON of other values."""
    if is_json and draw(st.booleans()):
        try:
            parsed = json.loads(content)
        except (ValueError, RecursionError):  # damaged before
            parsed = {}
        other = draw(changed((parsed,)))
        return json.dumps(other, default=str, skipkeys=True).encode("utf-8", "surrogatepass")
    if draw(st.booleans()):
        return draw(bytes_damaged(content))
    lines = content.split(b"\n")
    line = draw(st.integers(0, len(lines) - 1))
    odd = (b"", b"nan", b"x", b"1e999", b"[]", b"{}", b"null", b'"x"', b"3", b"\xff", b"[" * 9999,
           b'{"a": ' * 999, b"NaN", b"-Infinity", b"9" * 5000, lines[line] * 2, lines[line][:-3],
           b" " + lines[line], lines[0])  # fmt: skip
    lines[line] = draw(st.sampled_from(odd))
    return b"\n".join(lines)


@st.composite
def folder_damaged(draw: st.DrawFn, folder: Path) -> None:
    """Change one to three files of a folder: its content, what it is, or whether it is there."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(paths))
        if not path.is_file() or path.is_symlink():
            continue
        what = draw(
            st.sampled_from(("text", "text", "text", "gone", "folder", "empty", "link", "swap"))
        )
        content = path.read_bytes()
        if what == "text":
            path.write_bytes(draw(text_damaged(content, path.suffix == ".json")))
        elif what == "empty":
            path.write_bytes(b"")
        elif what == "swap":
            other = draw(st.sampled_from(paths))
            path.write_bytes(other.read_bytes() if other.is_file() else b"")
        else:
            path.unlink()
            if what == "folder":
                path.mkdir()
            elif what == "link":
                path.symlink_to(draw(st.sampled_from(("nowhere", path.name, "/dev/null"))))


def copied(folder: Path, target: Path) -> Path:
    """Return a fresh copy of a folder."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target, symlinks=True)
    return target
