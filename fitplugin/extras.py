"""Libraries that are not always there: imported when needed, or said how to install."""

from __future__ import annotations

import importlib
from typing import Any

from fitplugin.errors import MissingExtraError


def require(module: str, what_for: str, install: str, library: str | None = None) -> Any:
    """Import a module of an optional library.

    Parameters
    ----------
    module : str
    what_for : str
        What needs it.
    install : str
        The command that brings it.
    library : str, optional
        What the library is called, where the module is named otherwise.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != module.split(".")[0]:
            raise  # the library is there, and something that it needs is not
        raise MissingExtraError(what_for, library or module, install) from error
