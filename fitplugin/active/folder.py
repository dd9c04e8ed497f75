"""An oracle that is a folder: requests are written there, answers appear when they are ready."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, Field, ValidationError

from fitplugin.active.base import Answer, Request, Setting
from fitplugin.data.files import write_atomically
from fitplugin.data.json_files import read_object
from fitplugin.errors import InputError
from fitplugin.options import Options, problem_of

_HELP = """Requests of `fitplugin learn`.

For every request ID.json in ask/ put an answer ID.json into tell/:
    {"values": {"NAME": NUMBER, ...}}     or     {"failed": "why"}
and call `fitplugin learn` again: it reads what is there, and waits for the rest. Write an answer
under another name and rename it, so that half of it is never read. Request files stay as they are.
"""


class FolderOptions(Options):
    """Where requests and answers lie."""

    path: str | None = Field(
        None, description="Folder of ask/ and tell/; default: the state folder of the loop."
    )


class _Told(Options):
    values: dict[str, float] | None = None
    failed: str | None = Field(None, min_length=1)


class FolderOracle:
    """Writes ``ask/ID.json`` and reads ``tell/ID.json``: for chains that take days."""

    Options: ClassVar[type[BaseModel]] = FolderOptions

    def __init__(self, options: FolderOptions, setting: Setting) -> None:
        self._path = setting.state if options.path is None else setting.folder / options.path

    @property
    def candidates(self) -> None:
        """Any point of the box."""
        return None

    def answer(self, requests: Sequence[Request]) -> Iterator[Answer]:
        """Write the requests that are not there yet, and read the answers that are.

        Raises
        ------
        InputError
            If a file there is of another loop.
        """
        ask, tell = self._path / "ask", self._path / "tell"
        for folder in (ask, tell):
            folder.mkdir(parents=True, exist_ok=True)
        if not (self._path / "README.txt").exists():
            write_atomically(self._path / "README.txt", _HELP.encode())
        for request in requests:
            self._write(ask / f"{request.id}.json", request)
        for request in requests:
            path = tell / f"{request.id}.json"
            if path.exists():
                yield _read(path, request.id)

    def _write(self, path: Path, request: Request) -> None:
        content = {"id": request.id, "parameters": dict(request.theta)}
        if path.exists():
            if read_object(path, "move it away") != content:
                raise InputError(
                    str(path), "is the request of another loop, or was changed; move it away"
                )
            return
        write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())


def _read(path: Path, number: int) -> Answer:
    """Read an answer; one that says nothing is a failure with its reason."""
    try:
        told = _Told.model_validate_json(path.read_bytes())
    except OSError as error:
        return Answer(number, {}, f"{path.name}: cannot be read: {error.strerror}")
    except ValidationError as error:
        place, message = problem_of(error)
        return Answer(number, {}, f"{path.name}: {place + ': ' if place else ''}{message}")
    if told.failed is not None:
        return Answer(number, {}, told.failed)
    if told.values is None:
        return Answer(number, {}, f"{path.name}: has neither 'values' nor 'failed'")
    return Answer(number, told.values)
