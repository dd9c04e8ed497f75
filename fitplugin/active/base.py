"""What an oracle is: it is asked for points, and answers with named numbers, or with a reason."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from pydantic import BaseModel

from fitplugin.arrays import FloatArray


class Request(NamedTuple):
    """One point: its number in the loop, and its parameters by name."""

    id: int
    theta: Mapping[str, float]


class Answer(NamedTuple):
    """Numbers by name, or why there are none."""

    id: int
    values: Mapping[str, float]
    failed: str | None = None

    def checked(self, wanted: Sequence[str]) -> Answer:
        """Return it, as a failure if a wanted number is missing or not finite.

        >>> Answer(3, {"y": float("nan")}).checked(["y"]).failed
        'y is nan'
        """
        if self.failed is not None:
            return self
        for name in wanted:
            if name not in self.values:
                return Answer(self.id, {}, f"gave no {name}, only {', '.join(self.values)}")
            if not math.isfinite(self.values[name]):
                return Answer(self.id, {}, f"{name} is {self.values[name]}")
        return self


class Setting(NamedTuple):
    """Where an oracle works."""

    names: tuple[str, ...]
    """Of the parameters."""
    box: FloatArray
    """(n_parameters, 2) in which points are asked."""
    folder: Path
    """Of the loop file: where relative paths start."""
    state: Path
    """Of the loop: where an oracle may keep files."""
    seed: int
    allow_code: bool = False
    """Whether code that the loop file names may run."""


class Oracle(Protocol):
    """Answers requests: a plugin of the group ``fitplugin.oracles``."""

    Options: ClassVar[type[BaseModel]]

    def __init__(self, options: Any, setting: Setting) -> None: ...

    @property
    def candidates(self) -> FloatArray | None:
        """All points that can be asked, (n_points, n_parameters), or None: any in the box."""

    def answer(self, requests: Sequence[Request]) -> Iterator[Answer]:
        """Answer requests, in any order; those that will take days are left out for now.

        What it raises stops the loop; a point that fails is an answer with a reason.
        """
