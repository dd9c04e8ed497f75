"""Base of every options model: unknown keys are refused with what is known."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from fitplugin.errors import one_of


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


def located_error(loc: tuple[str | int, ...], value: Any, message: str) -> ValidationError:
    """Return a validation error at a place below the current one."""
    problem = PydanticCustomError("fitplugin", "{message}", {"message": message})
    return ValidationError.from_exception_data(
        "fitplugin", [InitErrorDetails(type=problem, loc=loc, input=value)]
    )
