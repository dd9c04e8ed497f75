"""The card of a stored model: what it is, where it comes from, and what it must predict.

A card is canonical JSON and carries the SHA-256 of itself and of the arrays it describes, so a
change in any of its bytes is seen. A checksum guards against damage; it is not a signature.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

import fitplugin
from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError, printable
from fitplugin.options import problem_of
from fitplugin.surrogates.base import Prediction, Surrogate

SCHEMA_VERSION = 2
_OWN_HASH = "card_sha256"
_CHECK_POINTS = 8

Name = Annotated[str, StringConstraints(min_length=1)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Matrix = tuple[tuple[float, ...], ...]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class InputFacts(_Closed):
    """One input: the range in which its training values were drawn, and its unit if known."""

    range: tuple[float, float]
    unit: str | None

    @model_validator(mode="after")
    def _ascending(self) -> InputFacts:
        if not self.range[0] < self.range[1]:
            raise ValueError(f"range {list(self.range)} must ascend")
        return self


class TrainingFacts(_Closed):
    """What the model was trained on, and with which seed."""

    name: Name
    seed: int
    n_points: Annotated[int, Field(gt=0)]
    sha256: Sha256


class CheckVector(_Closed):
    """Inputs, and what the model predicted there when it was stored."""

    inputs: Annotated[Matrix, Field(min_length=1)]
    mean: Matrix
    std: Matrix


class Card(_Closed):
    """Everything that is known of a stored model besides its arrays."""

    schema_version: int
    fitplugin_version: Name
    kind: Name
    options: dict[str, JsonValue]
    inputs: Annotated[dict[Name, InputFacts], Field(min_length=1)]
    targets: Annotated[tuple[Name, ...], Field(min_length=1)]
    training: TrainingFacts | None
    calibration: dict[str, JsonValue] | None
    citations: tuple[Name, ...]
    check: CheckVector
    arrays_sha256: Sha256
    card_sha256: Sha256

    @model_validator(mode="after")
    def _consistent(self) -> Card:
        if len(set(self.targets)) < len(self.targets):
            raise ValueError(f"targets {', '.join(self.targets)} are not all different")
        names = {"inputs": self.inputs, "mean": self.targets, "std": self.targets}
        for what, columns in names.items():
            rows: Matrix = getattr(self.check, what)
            n_rows = len(self.check.inputs)
            if len(rows) != n_rows or {len(row) for row in rows} != {len(columns)}:
                raise ValueError(f"check.{what} must be {n_rows} rows of {len(columns)} numbers")
        for row in self.check.std:
            for target, std in zip(self.targets, row, strict=True):
                if not std > 0.0:
                    raise ValueError(f"check.std of {target} is {std:g}; must be positive")
        return self

    def require_named(self, model: Surrogate, arrays: Mapping[str, np.ndarray]) -> None:
        """Refuse a model or arrays that do not speak of the columns of the card."""
        told = {"input_names": tuple(self.inputs), "target_names": self.targets}
        for what, names in told.items():
            found = {"model": getattr(model, what)}
            if what in arrays:
                found["arrays"] = tuple(map(str, arrays[what]))
            for where, others in found.items():
                if others != names:
                    raise InputError(
                        what,
                        f"the card says {', '.join(names)}, the {where} "
                        f"{one_line(', '.join(others))}; train the model again",
                    )
        if not np.array_equal(model.ranges, [facts.range for facts in self.inputs.values()]):
            raise InputError("ranges", "card and model disagree; train the model again")

    def require_reproduced(self, prediction: Prediction) -> None:
        """Refuse a prediction at the check inputs that is not the one of the card."""
        _require_sane(prediction, np.shape(self.check.mean))
        # other BLAS builds differ in the last digits, amplified by the conditioning; networks in
        # single precision have seven of them
        slack = 1e-5 * (np.abs(self.check.mean) + self.check.std)
        for found, expected in zip(prediction, (self.check.mean, self.check.std), strict=True):
            if not np.all(np.abs(found - np.asarray(expected)) <= slack):
                raise InputError("", "no longer predicts its check vector; train it again")


def describe(model: Surrogate, units: Mapping[str, str]) -> dict[str, Any]:
    """Return what a model says of itself, as content of a card.

    Raises
    ------
    InputError
        If it predicts nonsense at its check vector, or a unit is that of no input.
    """
    inputs = _check_inputs(model.ranges)
    prediction = Prediction(*model.predict(inputs))
    _require_sane(prediction, (len(inputs), len(model.target_names)))
    if unknown := set(units) - set(model.input_names):
        raise InputError("units", f"no such input: {', '.join(sorted(unknown))}")
    return {
        "schema_version": SCHEMA_VERSION,
        "fitplugin_version": fitplugin.__version__,
        "kind": None,
        "options": None,
        "inputs": {
            name: {"range": list(map(float, box)), "unit": units.get(name)}
            for name, box in zip(model.input_names, model.ranges, strict=True)
        },
        "targets": list(model.target_names),
        "training": None,
        "calibration": None,
        "citations": list(getattr(model, "citations", ())),
        "check": {
            "inputs": inputs.tolist(),
            "mean": prediction.mean.tolist(),
            "std": prediction.std.tolist(),
        },
    }


def write_card(content: Mapping[str, Any]) -> str:
    """Return the text of a card: its content and, last, the SHA-256 of that content.

    Raises
    ------
    InputError
        If the content is not what a card holds.

    >>> write_card({"kind": "dgp"})
    Traceback (most recent call last):
        ...
    fitplugin.errors.InputError: card: 'schema_version' is required and missing
    """
    try:
        text = _canonical({**content, _OWN_HASH: _sha256(_canonical(content))})
    except (TypeError, ValueError) as error:
        raise InputError("card", f"is not plain JSON ({one_line(error)})") from error
    _validated(text)
    return text


def read_card_text(text: str) -> Card:
    """Return the card that `write_card` wrote.

    Raises
    ------
    InputError
        If it is of another schema version, was changed in any byte, or is not complete.
    """
    content = json.loads(text)
    if not isinstance(content, dict):
        raise InputError("card", "is not a JSON object; train the model again")
    # `schema` in version 1
    version = content.get("schema_version", content.get("schema"))
    if version != SCHEMA_VERSION:
        raise InputError(
            "",
            f"has schema version {one_line(version)}; this release reads {SCHEMA_VERSION}: "
            "train it again (--retrain)",
        )
    claimed = content.pop(_OWN_HASH, None)
    if claimed != _sha256(_canonical(content)) or text != _canonical(
        {**content, _OWN_HASH: claimed}
    ):
        raise InputError("card", "does not match its own checksum; train the model again")
    return _validated(text)


def one_line(problem: object) -> str:
    r"""Return what a library says of a problem, or a value, on one short line.

    >>> one_line(ValueError("not\n  this"))
    'not this'
    """
    if isinstance(problem, ValidationError):
        place, message = problem_of(problem)
        problem = f"{place}: {message}" if place else message
    elif isinstance(problem, KeyError):
        problem = f"{problem} is missing"
    elif isinstance(problem, Exception) and not str(problem):
        problem = type(problem).__name__
    # what came out of a damaged file may hold anything: keep the terminal readable
    plain = printable(" ".join(str(problem).split()))
    return plain if len(plain) <= 200 else f"{plain[:200]}..."


def _validated(text: str) -> Card:
    try:
        return Card.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        messages = {
            "missing": f"{place!r} is required and missing",
            "extra_forbidden": f"{place!r} is not part of a card",
            "value_error": first["msg"].removeprefix("Value error, "),
        }
        what = messages.get(first["type"], f"{place}: {first['msg']}, not {first['input']!r}")
        raise InputError("card", one_line(what)) from error


def _check_inputs(ranges: FloatArray) -> FloatArray:
    # points inside the box, irregular on purpose and the same for every model
    low, high = ranges.T
    steps = np.arange(1, _CHECK_POINTS + 1)[:, np.newaxis] * np.sqrt(np.arange(2, len(low) + 2))
    return np.asarray(low + (steps % 1.0) * (high - low))


def _require_sane(prediction: Prediction, shape: tuple[int, ...]) -> None:
    for what, values in zip(("mean", "std"), prediction, strict=True):
        if values.shape != shape:
            raise InputError(f"predicted {what}", f"has shape {values.shape}, not {shape}")
        if not np.isrealobj(values):
            raise InputError(f"predicted {what}", f"is {values.dtype}, not real")
        if not np.isfinite(values).all():
            raise InputError(f"predicted {what}", "is not finite at the check vector")
    if not (prediction.std > 0.0).all():
        raise InputError(
            "predicted std",
            f"is {prediction.std.min():g} at the check vector; must be positive "
            "(a negative or vanishing variance)",
        )


def _canonical(content: Mapping[str, Any]) -> str:
    # in the order given: that of the inputs is that of their columns
    return json.dumps(content, separators=(",", ":"), allow_nan=False)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
