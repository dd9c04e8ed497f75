"""Base of every options model: unknown keys are refused with what is known."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from fitplugin.errors import InputError, one_of


class Options(BaseModel):
    """Options of one component or one section of a scan file: frozen, finite, closed.

    A component declares a subclass next to itself; defaults are written there and nowhere else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key, value in data.items():
                if key not in cls.model_fields:
                    known = one_of(str(key), cls.model_fields, "an option here")
                    raise located_error((str(key),), value, known)
        return data


def named_values(texts: Iterable[str], where: str) -> dict[str, Any]:
    """Read options given as ``name=value``; a value is JSON, or else text.

    Raises
    ------
    InputError
        If a text is something else.

    >>> named_values(["hidden=[32, 32]", "mode=direct"], "--option")
    {'hidden': [32, 32], 'mode': 'direct'}
    """
    return {name: _value(text) for name, text in (pair(t, where, "name=value") for t in texts)}


def pair(text: str, where: str, form: str) -> tuple[str, str]:
    """Return both sides of ``name=value``; ``form`` is what an error asks for."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise InputError(where, f"{text!r} must be {form}")
    return name, value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def problem_of(error: ValidationError) -> tuple[str, str]:
    """Return where the first problem is, such as ``sampling.n_draws``, and what is wrong there."""
    first = error.errors(include_url=False)[0]
    return ".".join(map(str, first["loc"])), first["msg"]


def located_error(loc: tuple[str | int, ...], value: Any, message: str) -> ValidationError:
    """Return a validation error at a place below the current one."""
    problem = PydanticCustomError("fitplugin", "{message}", {"message": message})
    return ValidationError.from_exception_data(
        "fitplugin", [InitErrorDetails(type=problem, loc=loc, input=value)]
    )
