"""An oracle that is a function of yours."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from fitplugin import plugins
from fitplugin.active.base import Answer, Request, Setting
from fitplugin.errors import InputError
from fitplugin.options import Options


class FunctionOptions(Options):
    """Which function."""

    function: str = Field(description="package.module:function or file.py:function.")


class FunctionOracle:
    """Calls ``function(**parameters) -> {name: number}`` for one point after the other.

    An exception is the reason why its point has no answer; the others go on.
    """

    Options: ClassVar[type[BaseModel]] = FunctionOptions

    def __init__(self, options: FunctionOptions, setting: Setting) -> None:
        self._function = function_of(options.function, setting)

    @property
    def candidates(self) -> None:
        """Any point of the box."""
        return None

    def answer(self, requests: Sequence[Request]) -> Iterator[Answer]:
        """Ask one after the other."""
        for request in requests:
            yield self._one(request)

    def _one(self, request: Request) -> Answer:
        try:
            found: Mapping[str, Any] = self._function(**request.theta)
            return Answer(request.id, {name: float(value) for name, value in found.items()})
        except Exception as error:  # of a guest: the other points go on
            return Answer(request.id, {}, f"{type(error).__name__}: {error}")


def function_of(reference: str, setting: Setting) -> Callable[..., Any]:
    """Return a user's function that takes the parameters by name.

    Raises
    ------
    InputError
        If there is none, it takes other parameters, or code is not allowed.
    """
    function: Callable[..., Any] = plugins.referred(
        reference, setting.folder, allow_code=setting.allow_code
    )
    if not callable(function):
        raise InputError(reference, "is no function")
    try:
        inspect.signature(function).bind(**dict.fromkeys(setting.names, 0.0))
    except TypeError as error:
        raise InputError(
            reference, f"cannot be called with {', '.join(setting.names)}: {error}"
        ) from error
    return function
