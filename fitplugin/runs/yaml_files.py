"""The only reader of YAML: a mapping, or one line that says where the text is none."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from fitplugin.errors import InputError, shown

_MOST_ENTRIES = 1_000_000  # a covariance of a thousand regions
_DEEPEST = 50
_MERGE = "tag:yaml.org,2002:merge"  # of the key <<
_TOO_DEEP = f"nested deeper than {_DEEPEST} levels"


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a mapping from a YAML file; repeated keys are refused.

    Raises
    ------
    InputError
        If it cannot be read, is not YAML or no mapping.
    """
    where = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(where, f"cannot be read: {reason}") from error
    try:
        content = yaml.load(text, _StrictLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise InputError(where, f"{line}not valid YAML: {problem}") from error
    if not isinstance(content, dict):
        raise InputError(where, "must be a mapping of keys to values; see scans/ for examples")
    return content


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, refusing keys that appear twice (plain YAML keeps the last).

    Also refused: what no type of YAML can be read from, aliases that unfold without bound, and
    nesting that would exhaust what reads the content afterwards.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self._depth > _DEEPEST:  # at once: what cannot be closed takes the scanner seconds
            raise _refusal(_TOO_DEEP, parent)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_document(self, node: Any) -> Any:
        _measure(node, {})
        return super().construct_document(node)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except yaml.YAMLError:
            raise
        except Exception as error:  # `!!bool perhaps` is a KeyError there, the 31st of June another
            raise _refusal(
                f"{shown(node.value)} is no {node.tag.rpartition(':')[2]}", node
            ) from error

    def construct_yaml_int(self, node: Any) -> int:
        number = super().construct_yaml_int(node)
        if number.bit_length() > 1023:
            raise _refusal("an integer beyond 1e308", node)
        return number

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise _refusal("a mapping is expected", node)
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue
            if key in seen:
                raise _refusal(f"key {shown(key)} appears twice", key_node)
            seen.add(key)
        return super().construct_mapping(node, deep)


_StrictLoader.add_constructor("tag:yaml.org,2002:int", _StrictLoader.construct_yaml_int)


def _refusal(problem: str, node: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark)


def _measure(node: Any, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Return how many entries a node unfolds to, and how deep it is.

    Raises
    ------
    yaml.YAMLError
        If that has no end, or goes beyond any scan file.
    """
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = (_MOST_ENTRIES + 1, 0)  # met again below itself: it has no end
    children = () if isinstance(node, yaml.ScalarNode) else node.value
    if isinstance(node, yaml.MappingNode):
        children = [child for pair in node.value for child in pair]
    size, height = 1, 0
    for child in children:
        below, levels = _measure(child, known)
        size, height = size + below, max(height, levels + 1)
        if size > _MOST_ENTRIES:
            raise _refusal(f"aliases unfold to more than {_MOST_ENTRIES} entries", child)
        if height > _DEEPEST:
            raise _refusal(_TOO_DEEP, node)
    known[id(node)] = (size, height)
    return size, height
