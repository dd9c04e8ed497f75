"""A stored model that a scan file names, and whether its kind may be code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, InstanceOf, PlainSerializer, ValidationInfo

from fitplugin.components import allows_code
from fitplugin.surrogates.card import Card
from fitplugin.surrogates.store import Stored, inspect, read_card


class ModelFile(NamedTuple):
    """Path of a stored model, relative to the file that names it."""

    path: str
    allow_code: bool = False

    def inspect(self, folder: Path) -> Stored:
        """Read it, as `fitplugin.surrogates.store.inspect` does."""
        return inspect(folder / self.path, allow_code=self.allow_code)

    def card(self, folder: Path) -> Card:
        """Read its card alone, which needs no code."""
        return read_card(folder / self.path)


def _named(value: Any, info: ValidationInfo) -> ModelFile:
    if isinstance(value, ModelFile):
        return value
    if not isinstance(value, str):
        raise ValueError(f"must be the path of a stored model (.npz), not {value!r}")
    return ModelFile(value, allows_code(info))


ModelPath = Annotated[
    InstanceOf[ModelFile], BeforeValidator(_named), PlainSerializer(lambda file: file.path)
]
"""The pydantic type of an option that names a stored model; in a file it is the path."""
