"""Plugins as they stand in a scan file: a section with a ``kind`` and the options of that kind."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, InstanceOf, PlainSerializer, ValidationInfo

from fitplugin.errors import InputError
from fitplugin.options import located_error
from fitplugin.plugins import CONTRACTS, GROUPS, lacking_in, load, names


def validation_context(folder: Path | None, allow_code: bool) -> dict[str, Any]:
    """Return the pydantic context with which a file is validated.

    Parameters
    ----------
    folder : path or None
        Where relative paths in the file start.
    allow_code : bool
        Whether references in it may be followed.
    """
    return {"folder": folder, "allow_code": allow_code}


def allows_code(info: ValidationInfo) -> bool:
    """Whether the file that is validated may name code; without a context it may not."""
    return bool((info.context or {}).get("allow_code", False))


@dataclass(frozen=True)
class Component:
    """A plugin chosen in a scan file, with its validated options."""

    kind: str
    plugin: Any
    options: BaseModel

    @property
    def citations(self) -> tuple[str, ...]:
        """What it asks to be cited."""
        return tuple(getattr(self.plugin, "citations", ()))

    @property
    def code(self) -> str:
        """SHA-256 of the file in which a guest's class is written; empty for built-in ones."""
        module = self.plugin.__module__
        if module.partition(".")[0] == "fitplugin":
            return ""
        path = getattr(sys.modules.get(module), "__file__", None)
        return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else ""

    def to_dict(self) -> dict[str, Any]:
        """Return what would have to stand in a scan file to get this component."""
        return {"kind": self.kind, **self.options.model_dump(mode="json")}


def component(group: str) -> Any:
    """Return the pydantic type of a section ``{kind: name, option: value, ...}``, or ``name``.

    The section is validated by the options model of the plugin that ``kind`` names, so the
    schema of a scan file is assembled from the parts. The context is a `validation_context`;
    without one, references are refused.
    """

    def resolve(value: Any, info: ValidationInfo) -> Component:
        if isinstance(value, Component):
            return value
        if isinstance(value, str):  # `pool: dask` for a section with nothing but its kind
            value = {"kind": value}
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            raise ValueError(f"must be a section with a 'kind'. Known: {', '.join(names(group))}")
        kind, settings = value["kind"], {k: v for k, v in value.items() if k != "kind"}
        try:
            folder = (info.context or {}).get("folder")
            plugin = load(group, kind, folder, allow_code=allows_code(info))
        except InputError as error:
            raise located_error(("kind",), kind, str(error)) from error
        lacking = lacking_in(group, plugin)
        if lacking:
            contract = f"which {GROUPS[group]} needs: see {CONTRACTS[group][0]}"
            raise located_error(("kind",), kind, f"{kind!r} has no {lacking}, {contract}")
        options = plugin.Options.model_validate(settings, context=info.context)
        return Component(kind, plugin, options)

    return Annotated[
        InstanceOf[Component],
        BeforeValidator(resolve),
        PlainSerializer(Component.to_dict),
    ]
