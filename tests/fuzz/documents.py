"""Documents that nobody meant: valid ones with places changed, and text that YAML trips over."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterator
from typing import Any

import yaml
from hypothesis import strategies as st

from fitplugin import plugins

# what people, programs and accidents put where something else belongs
_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3.5, 1e308, -1e308, 5e-324, 10**19, 10**400, -(10**30),
    float("inf"), float("-inf"), float("nan"), "", " ", "0", "-3", "1e3", "nan", "null", "~", "x",
    "two\nlines", "tab\there", "\u202emu", "µ", "💥", "\ue000", "\x07", "{reason}", "%s",
    "a" * 3000, "b" * 3000 + ".csv", "c" * 300 + ".py:f", "\0", "\0.npz", "\0.py:f",
    ".", "..", "/", "../../etc/passwd", "~/x.npz", "none.npz", "none.csv", "none.json", "none.py",
    "none\u2028.csv", ":", "::", ":x", "x:", ".py:x", "..:x", "none.py:f", "mine.py:none",
    "math:pi", "numpy.:x", "fitplugin:load", "natural_susy/spectra", "natural_susy/",
    [], [[]], [None], [0], [1, 2], [2, 1], [1, 1], ["x"], ["x", "x"], [[1, 2], [2, 1]], {}, {"": 1},
    {"kind": None}, {"kind": []}, {"kind": ""}, {"kind": "none", "kind ": 1}, {"x": {}}, {0: 0},
    {None: 1}, {"uniform": [0, 1]}, {"prior": {"uniform": [0, 1]}}, datetime.date(2020, 2, 29),
    datetime.datetime(2020, 1, 1, 12), b"\x00\xff", {"a"},
)  # fmt: skip


def _nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"kind": value}
    return value


def _odd_values() -> st.SearchStrategy[Any]:
    names = [name for group in plugins.GROUPS for name in plugins.names(group)]
    return st.one_of(
        st.sampled_from(_ODD).map(copy.deepcopy),  # it may be changed in its turn
        st.sampled_from(names),
        st.sampled_from(names).map(lambda name: {"kind": name}),
        st.integers(), st.floats(), st.text(max_size=12),
        st.sampled_from((8, 70, 120)).map(_nested),
    )  # fmt: skip


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path of everything in a document."""
    if path:
        yield path
    entries: Any = ()
    if isinstance(content, dict):
        entries = content.items()
    elif isinstance(content, list):
        entries = enumerate(content)
    for key, value in entries:
        yield from places(value, (*path, key))


def _at(content: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        content = content[key]
    return content


def _as_another_type(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return {value: value}
    if isinstance(value, list):
        return dict(enumerate(value))
    return list(value) if isinstance(value, dict) else str(value)


@st.composite
def changed(draw: st.DrawFn, contents: tuple[Any, ...]) -> Any:
    """Return one of some valid documents with one to three places changed."""
    content = copy.deepcopy(draw(st.sampled_from(contents)))
    odd = _odd_values()
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        found = list(places(content))
        if not found:
            break
        *parents, key = draw(st.sampled_from(found))
        parent = _at(content, tuple(parents))
        what = draw(st.sampled_from((
            "replace", "replace", "delete", "duplicate", "retype", "wrap", "rename", "copy", "add",
            "scale",
        )))  # fmt: skip
        value = parent[key]
        if what == "replace":
            parent[key] = draw(odd)
        elif what == "delete":
            del parent[key]
        elif what == "retype":
            parent[key] = _as_another_type(value)
        elif what == "wrap":
            parent[key] = draw(st.sampled_from(([value], {"kind": value}, {key: value})))
        elif what == "copy":
            parent[key] = copy.deepcopy(_at(content, draw(st.sampled_from(found))))
        elif what == "scale" and isinstance(value, int | float) and not isinstance(value, bool):
            parent[key] = value * draw(st.sampled_from((-1, 0, 1e-300, 0.01, 7, 10**6, 10**300)))
        elif isinstance(parent, list):
            parent.insert(key, draw(odd) if what == "add" else copy.deepcopy(value))
        else:
            other = draw(
                st.sampled_from((f"{key}s", str(key)[:-1], str(key).upper(), "kind")) | odd
            )
            try:
                parent[other] = draw(odd) if what == "add" else copy.deepcopy(value)
            except TypeError:  # no key
                continue
            if what == "rename" and other != key:
                del parent[key]
    return content


# pieces of YAML that mean something else than they look like, or nothing
_PIECES = (
    "\t", "\r\n", "\n---\n", "\n...\n", "# ", ": ", "- ", "? ", "[", "]", "{", "}", ",", "|\n",
    ">\n", "&a ", "*a ", "*none ", "&a [*a]", "<<: *a", "<<: 3\n", "<<: [1]\n", "!none ", "!!int x",
    "!!float x", "!!bool x", "!!timestamp x", "!!binary x===", "!!set {a, b}", "!!omap [a: 1]",
    "!!pairs [a]", "!!null ", "!!str ", "!!seq x", "!!map x", "!!python/object:os.system ",
    "!!python/name:os.system ", "%YAML 9.9\n---\n", "%TAG ! x\n---\n", ".nan", ".inf", "-.Inf",
    "2024-13-45", "2024-01-01T99:99:99Z", "190:20:30", "0x", "0b2", "0o9", "1e400", "9" * 5000,
    "1_000", "yes", "'", '"', '"\\x"', '"\\ud800"', "\u0085", "\u2028", "\ufeff", "\x00",
    "\x1b[31m", "\x7f", "\ud7ff", "seed: 1\nseed: 2\n", "? [a]\n: 1\n", "? {a: 1}\n: 1\n",
    ".nan: 1\n", "null: 1\n", "=", "=: 1\n", "[" * 60, "[" * 3000, "{a: " * 500, "- " * 2000,
)  # fmt: skip


@st.composite
def mangled(draw: st.DrawFn, texts: tuple[str, ...]) -> bytes:
    """Return the bytes of one of some valid texts after one to four accidents."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(text)))
        what = draw(st.sampled_from(("insert", "insert", "cut", "drop", "line", "newlines")))
        if what == "insert":
            text = text[:place] + draw(st.sampled_from(_PIECES)) + text[place:]
        elif what == "cut":
            text = text[:place]
        elif what == "drop":
            text = text[:place] + text[place + draw(st.integers(1, 30)) :]
        elif what == "line":
            lines = text.split("\n")
            a, b = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
            lines[a] = draw(st.sampled_from(("", "  " + lines[a], lines[a].lstrip(), lines[b])))
            text = "\n".join(lines)
        else:
            text = text.replace("\n", draw(st.sampled_from(("\r\n", "\r", "\n\n", "\u2028"))))
    content = text.encode("utf-8", "surrogatepass")
    wrong = draw(st.sampled_from(("", "", "", "", "utf-16", "bom", "flip", "latin")))
    if wrong == "utf-16":
        content = text.encode("utf-16", "surrogatepass")
    elif wrong == "latin":
        content += b"\xb5\xff"
    elif wrong == "bom":
        content = b"\xef\xbb\xbf" + content
    elif wrong == "flip" and content:
        place = draw(st.integers(0, len(content) - 1))
        content = content[:place] + bytes([draw(st.integers(0, 255))]) + content[place + 1 :]
    return content


def written(content: Any) -> bytes:
    """Return a document as YAML; dates, bytes and sets with their tags."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode(
        "utf-8", "surrogatepass"
    )


def _laughs(levels: int, merge: bool) -> str:
    lines = ["a0: &a0 {x: 1, y: 2}" if merge else 'a0: &a0 ["lol", "lol"]']
    for level in range(1, levels):
        aliases = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(
            f"a{level}: &a{level} " + (f"{{<<: [{aliases}]}}" if merge else f"[{aliases}]")
        )
    return "\n".join(lines) + "\n"


# whole files that once brought some reader of YAML down
FILES: dict[str, bytes] = {
    "empty": b"",
    "space": b" \n\t\n",
    "comment": b"# nothing\n",
    "null": b"null\n",
    "number": b"3\n",
    "binary": bytes(range(256)),
    "zeros": bytes(1000),
    "huge integer": b"seed: " + b"9" * 5000,
    "huge hexadecimal": b"seed: 0x" + b"f" * 5000,
    "a date of no calendar": b"title: 2024-13-45\n",
    "an hour of no clock": b"title: 2024-01-01T99:00:00Z\n",
    "no boolean": b"title: !!bool perhaps\n",
    "no integer": b"seed: !!int one\n",
    "no float": b"seed: !!float one\n",
    "no time": b"seed: !!timestamp now\n",
    "no base 64": b"title: !!binary '=='\n",
    "a call": b"title: !!python/object/apply:os.system ['touch called']\n",
    "an object": b"title: !!python/object:fitplugin.runs.config.ScanConfig {seed: 1}\n",
    "an alias of nothing": b"seed: *x\n",
    "a list of itself": b"regions: &a [*a]\n",
    "a section of itself": b"parameters: &a {mu: *a}\n",
    "itself": b"&a {parameters: *a, fitplugin: 1}\n",
    "merged with itself": b"parameters: &a\n  <<: *a\n",
    "billion laughs": _laughs(12, merge=False).encode(),
    "billion merged laughs": _laughs(12, merge=True).encode(),
    "deep lists": b"title: " + b"[" * 5000 + b"]" * 5000,
    "deep sections": b"title: " + b"{a: " * 3000 + b"1" + b"}" * 3000,
    "rather deep": b"title: " + b"[" * 150 + b"]" * 150,
    "deep blocks": b"".join(b" " * level + b"a:\n" for level in range(400)),
    "two documents": b"seed: 1\n---\nseed: 2\n",
    "a key that is a list": b"? [a, b]\n: 1\n",
    "a key that is no text": b".nan: 1\nnull: 2\n2020-01-01: 3\n3: 4\n",
    "keys of two lines": b'"a\\nb": 1\n"\\e[31m": 2\n',
    "utf-16": "seed: 1\n".encode("utf-16"),
    "latin": b"title: \xb5\n",
    "tabs": b"parameters:\n\tmu: 1\n",
}  # fmt: skip
