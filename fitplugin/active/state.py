"""State of a loop in a folder: what was asked, what was answered, how each round went.

Three files of lines are appended to and never rewritten: ``asked.jsonl``, ``answers.jsonl`` and
``rounds.jsonl``. Every line carries a checksum, so that a hand that changed one is noticed; a last
line that a kill cut off is dropped, and said.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fitplugin.active.base import Answer, Request
from fitplugin.data.files import write_atomically
from fitplugin.data.json_files import read_object
from fitplugin.errors import FitpluginError, InputError

_LOOP = "loop.json"
_CHECKSUM = "sha256"


class State:
    """What is known of a loop; everything that is added is on disk before it is used.

    Attributes
    ----------
    asked : dict of int to Request
    round_of : dict of int to int
    answers : dict of int to Answer
        The first answer with numbers to each request counts; failures of the round that is open are
        asked again by the next call.
    rounds : list of dict
        Metrics of the rounds that are closed.
    notes : list of str
        What was found amiss and mended.
    """

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self.folder = folder
        self.names = names
        self.asked: dict[int, Request] = {}
        self.round_of: dict[int, int] = {}
        self.answers: dict[int, Answer] = {}
        self.rounds: list[dict[str, Any]] = []
        self.notes: list[str] = []

    @classmethod
    def open(cls, folder: Path, facts: Mapping[str, Any], names: tuple[str, ...]) -> State:
        """Begin in an empty folder, or go on with the loop that is there.

        Parameters
        ----------
        folder : path
        facts : mapping
            What the loop is, JSON-ready: another one is refused.
        names : tuple of str
            Of the parameters.

        Raises
        ------
        InputError
            If the folder holds something else, another loop, or a line that was changed.
        """
        state = cls(folder, names)
        path = folder / _LOOP
        if folder.exists() and not folder.is_dir():
            raise InputError(str(folder), "is a file; name another --output")
        if not path.exists():
            if folder.exists() and any(folder.iterdir()):
                raise InputError(str(folder), f"is not empty and has no {_LOOP}: no loop's state")
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, (json.dumps(facts, indent=1) + "\n").encode())
            return state
        there = read_object(path, "put the old file back, or name another --output")
        if there != json.loads(json.dumps(facts)):
            changed = sorted(key for key in facts if there.get(key) != facts[key])
            raise InputError(
                str(folder),
                f"holds another loop ({', '.join(changed) or 'other entries'} differ); name "
                "another --output",
            )
        state._read()
        return state

    @property
    def round(self) -> int:
        """Number of the round that is open: 0 is the first design."""
        return len(self.rounds)

    @property
    def pending(self) -> list[Request]:
        """Requests without an answer, in order."""
        return [request for number, request in self.asked.items() if number not in self.answers]

    def ask(self, points: list[dict[str, float]]) -> None:
        """Write down new requests of the round that is open."""
        first = max(self.asked, default=-1) + 1
        for index, theta in enumerate(points):
            line = {"id": first + index, "round": self.round, "theta": theta}
            self._append("asked.jsonl", line)
            self._add_request(line)

    def tell(self, answer: Answer) -> None:
        """Write down an answer. A second one to the same request is noted, and not used."""
        known = self.answers.get(answer.id)
        if known is not None:
            if known != answer:
                self.notes.append(f"request {answer.id} was answered twice; the first one counts")
            return
        if answer.id not in self.asked:
            self.notes.append(f"answer {answer.id} is to no request; left out")
            return
        line: dict[str, Any] = {"id": answer.id}
        line |= {"values": dict(answer.values)} if answer.failed is None else {}
        line |= {"failed": answer.failed} if answer.failed is not None else {}
        self._append("answers.jsonl", line)
        self.answers[answer.id] = answer

    def close_round(self, metrics: Mapping[str, Any]) -> None:
        """Write down how the open round went; the next one begins."""
        self._append("rounds.jsonl", dict(metrics))
        self.rounds.append(dict(metrics))

    def _read(self) -> None:
        cut: list[tuple[Path, int]] = []
        for line in self._lines("asked.jsonl", ("id", "round", "theta"), cut):
            if sorted(line["theta"]) != sorted(self.names):
                raise InputError(str(self.folder / "asked.jsonl"), "has points of other parameters")
            self._add_request(line)
        for line in self._lines("answers.jsonl", ("id",), cut):
            answer = Answer(line["id"], line.get("values", {}), line.get("failed"))
            if answer.id not in self.asked:
                raise InputError(
                    str(self.folder / "answers.jsonl"),
                    f"has an answer to request {answer.id}, which was not asked",
                )
            known = self.answers.get(answer.id)
            if known is None or known.failed is not None:
                self.answers[answer.id] = answer
        self.rounds = self._lines("rounds.jsonl", (), cut)
        for path, size in cut:  # only now: what is refused is left as it is
            os.truncate(path, size)
        # what failed in the open round may have failed for a reason that is mended by now
        for number in [n for n, a in self.answers.items() if a.failed is not None]:
            if self.round_of[number] == self.round:
                del self.answers[number]

    def _add_request(self, line: Mapping[str, Any]) -> None:
        theta = {name: line["theta"][name] for name in self.names}
        self.asked[line["id"]] = Request(line["id"], theta)
        self.round_of[line["id"]] = line["round"]

    def _append(self, name: str, content: dict[str, Any]) -> None:
        line = json.dumps({**content, _CHECKSUM: _checksum(content)}) + "\n"
        path = self.folder / name
        try:
            with path.open("ab") as file:
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise FitpluginError(
                f"{path}: cannot be written ({error.strerror}); all lines before are kept, and the "
                "same command goes on from there"
            ) from error

    def _lines(
        self, name: str, keys: tuple[str, ...], cut: list[tuple[Path, int]]
    ) -> list[dict[str, Any]]:
        path = self.folder / name
        if not path.exists():
            return []
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(str(path), f"cannot be read: {error.strerror}") from error
        *lines, rest = content.split(b"\n")
        if rest:
            self.notes.append(f"{name}: a last line that was cut off is dropped")
            cut.append((path, len(content) - len(rest)))
        return [_parsed(line, f"{path}: line {i}", keys) for i, line in enumerate(lines, start=1)]


def _parsed(line: bytes, where: str, keys: tuple[str, ...]) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(line)
        checksum = content.pop(_CHECKSUM)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise InputError(where, "is damaged: no line of a loop; put the old file back") from error
    if checksum != _checksum(content) or not set(keys) <= set(content):
        raise InputError(
            where, "was changed by hand: its checksum is of something else; put the old line back"
        )
    return content


def _checksum(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
