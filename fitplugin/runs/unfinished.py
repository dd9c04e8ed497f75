"""The folder of a run that is not finished: ``NAME.part``, which becomes ``NAME`` at the end.

It holds what the run has paid for (journals), what it was started with, and how far it is. After
any accident it is still there, and `--resume` continues it.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fitplugin.data.files import write_atomically
from fitplugin.data.folders import put_in_place
from fitplugin.data.json_files import read_object
from fitplugin.errors import FitpluginError, InputError
from fitplugin.options import problem_of
from fitplugin.runs import directory
from fitplugin.runs.changes import changed
from fitplugin.samplers.base import Problem
from fitplugin.samplers.evaluation import Recorded

_STARTED = "started.json"
_PROGRESS = "progress.json"
_LOCK = "lock"
_SUFFIX = ".part"
_JOURNAL = ".journal"


class How(NamedTuple):
    """What to do about a run directory, or an unfinished one, that is there already."""

    force: bool = False
    """Replace a finished run once the new one is complete; discard an unfinished one."""
    resume: bool = False
    """Continue an unfinished run, if there is one."""
    allow_changes: bool = False
    """Resume although something has changed."""


class Unfinished(NamedTuple):
    """A run under way."""

    folder: Path
    changes: tuple[str, ...]
    """What has changed since the run was started, if that was allowed."""
    attempts: int
    allow_changes: bool

    def recorded(self, problem: Problem, name: str) -> Recorded:
        """Return the problem with its evaluations recorded in the folder, under a name."""
        return Recorded(problem, self.folder / f"{name}{_JOURNAL}", self.allow_changes)

    def report(self, progress: Mapping[str, Any]) -> None:
        """Write down how far the run is, for `fitplugin status`."""
        record = {**progress, "time": time.time(), "pid": os.getpid(), "host": socket.gethostname()}
        # a full disk must not end a run here: the journal will, if it has to, with better words
        with suppress(OSError):
            _write(self.folder / _PROGRESS, record)


class _Started(BaseModel):
    """What must stand in the record of what a run was started with."""

    model_config = ConfigDict(extra="allow", strict=True)
    config: dict[str, Any]
    digests: dict[str, str]
    attempts: int
    changes: list[str]


class _Progress(BaseModel):
    """What may stand in the record of how far it is."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)
    stage: Literal["prior", "sampler"] | None = None
    done: int = 0
    total: int | None = None
    n_like: int = 0
    log_z_box: float | None = None
    eta_s: float | None = Field(None, ge=0, le=1e9)
    time: float
    host: str


class Standing(NamedTuple):
    """What `fitplugin status` finds of an unfinished run."""

    folder: Path
    is_running: bool
    started: Mapping[str, Any]
    progress: Mapping[str, Any]
    n_evaluated_bytes: int


def part_of(target: Path) -> Path:
    """Return the folder in which a run that is to become ``target`` works."""
    return target.with_name(target.name + _SUFFIX)


def refuse_existing(target: Path, how: How) -> None:
    """Refuse, before anything is computed, to overwrite a finished or an unfinished run.

    Raises
    ------
    InputError
        If one is there and ``how`` does not say what to do about it.
    """
    part = part_of(target)
    if part.exists() and not (part / _STARTED).is_file() and _content(part):
        raise InputError(str(part), "exists and is not an unfinished run; name another --output")
    if part.exists() and not (how.force or how.resume):
        raise InputError(
            str(part),
            "is an interrupted run; continue it with --resume, or discard it with --force",
        )
    if not (how.resume and part.exists()):
        directory.refuse_existing(target, how.force)


@contextmanager
def working(target: Path, facts: Mapping[str, Any], how: How) -> Iterator[Unfinished]:
    """Give the folder of a run, new or resumed; it becomes ``target`` when the block ends well.

    Otherwise it stays, unless nothing had been evaluated yet.

    Parameters
    ----------
    target : path
    facts : mapping
        What the run is started with: ``config`` (the complete scan file) and ``digests`` by name.
    how : How

    Raises
    ------
    InputError
        If another process works there, or what was started with has changed.
    """
    refuse_existing(target, how)
    part = part_of(target)
    part.mkdir(parents=True, exist_ok=True)
    with _locked(part):
        if not how.resume:
            _empty(part)
        unfinished = _begin(part, facts, how)
        try:
            yield unfinished
        except BaseException as error:
            if unfinished.attempts == 1 and not list(_journals_with_content(part)):
                shutil.rmtree(part, ignore_errors=True)
            if isinstance(error, OSError):
                raise FitpluginError(
                    f"{part}: {error.strerror or error}; what was evaluated is kept there, "
                    "continue with --resume"
                ) from error
            raise
        # renamed first: an accident in between leaves a run that is complete or can be resumed
        put_in_place(part, target)
        left = [target / name for name in (_STARTED, _PROGRESS, _LOCK)]
        _remove([*left, *target.glob(f"*{_JOURNAL}"), *target.glob("*.aside")])


def standing(target: Path) -> Standing | None:
    """Read how far an unfinished run is, without disturbing it; None if there is none."""
    part = target if target.name.endswith(_SUFFIX) else part_of(target)
    if not (part / _STARTED).is_file():
        return None
    started = _read(part / _STARTED, _Started)
    progress = _read(part / _PROGRESS, _Progress) if (part / _PROGRESS).is_file() else {}
    n_bytes = sum(path.stat().st_size for path in _journals(part))
    return Standing(part, _is_locked(part), started, progress, n_bytes)


def _begin(part: Path, facts: Mapping[str, Any], how: How) -> Unfinished:
    # through JSON and back, as what was stored has come: tuples are lists there
    facts = json.loads(json.dumps(facts))
    changes: tuple[str, ...] = ()
    attempts = 1
    if (part / _STARTED).is_file():
        before = _read(part / _STARTED, _Started)
        attempts += before["attempts"]
        changes = tuple(before["changes"])
        new = changed(before, facts)
        if new and not how.allow_changes:
            raise InputError(
                str(part),
                f"was started with something else: {'; '.join(new)}. Undo that, or resume with "
                "--allow-changes, or start over with --force",
            )
        changes += new
    record = {**facts, "attempts": attempts, "changes": changes, "time": time.time()}
    _write(part / _STARTED, record)
    return Unfinished(part, changes, attempts, how.allow_changes)


@contextmanager
def _locked(part: Path) -> Iterator[None]:
    lock = FileLock(part / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            str(part), "is in use by another process; see `fitplugin status`"
        ) from None
    except OSError as error:
        raise InputError(str(part / _LOCK), f"cannot be locked: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()


def _is_locked(part: Path) -> bool:
    if not (part / _LOCK).is_file():
        return False
    try:
        with _locked(part):
            return False
    except InputError:
        return True


def _content(part: Path) -> list[Path]:
    return [path for path in part.iterdir() if path.name != _LOCK] if part.is_dir() else [part]


def _empty(part: Path) -> None:
    _remove(_content(part))


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _journals_with_content(part: Path) -> Iterator[Path]:
    """Give the journals that hold more than their first line."""
    for path in _journals(part):
        content = path.read_bytes()
        if len(content) > content.find(b"\n") + 1:
            yield path


def _journals(part: Path) -> list[Path]:
    return [path for path in part.glob(f"*{_JOURNAL}") if path.is_file()]


def _write(path: Path, content: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(content).encode())


def _read(path: Path, form: type[BaseModel]) -> dict[str, Any]:
    remedy = "--force starts over"
    content = read_object(path, remedy)
    try:
        form.model_validate(content)
    except ValidationError as error:
        place, message = problem_of(error)
        raise InputError(str(path), f"is damaged: {place}: {message}; {remedy}") from error
    return content
