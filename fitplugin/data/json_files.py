"""JSON files of which one object is expected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fitplugin.errors import InputError


def read_object(path: Path, remedy: str) -> dict[str, Any]:
    """Return the JSON object that a file holds.

    Parameters
    ----------
    path : path
    remedy : str
        What to do where it holds none: the end of the message.

    Raises
    ------
    InputError
        If it cannot be read, is not JSON, or something else than an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror}; {remedy}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(str(path), f"is damaged: it is not JSON ({error}); {remedy}") from error
    if not isinstance(content, dict):
        raise InputError(str(path), f"is damaged: it must hold a JSON object; {remedy}")
    return content
