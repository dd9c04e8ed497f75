"""What a dask worker runs: a pickled function on a pickled item.

Both travel as bytes, for dask looks into what it is given for names of its own tasks.
"""

from __future__ import annotations

import pickle
import threading
from typing import Any, NamedTuple


class SealedFunction(NamedTuple):
    """A pickled function and a name by which it is known again."""

    name: str
    content: bytes
    """Empty if the workers have it already."""


_kept: dict[str, bytes] = {}
_opened = threading.local()


def keep(function: SealedFunction) -> None:
    """Keep a function in this worker for tasks that bring only its name."""
    _kept[function.name] = function.content


def forget(function: SealedFunction) -> None:
    """Keep it no longer."""
    _kept.pop(function.name, None)


def call(item: bytes, function: SealedFunction) -> Any:
    """Return the function's value at a pickled item."""
    # a thread of its own gets a function of its own, as the processes of a process pool do
    if getattr(_opened, "name", None) != function.name:
        _opened.function = pickle.loads(function.content or _kept[function.name])
        _opened.name = function.name
    return _opened.function(pickle.loads(item))
