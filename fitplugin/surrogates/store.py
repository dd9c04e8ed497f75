"""Model store: one `.npz` file of plain arrays, one of them a JSON card. No pickle, no code.

The card says what the model is, guards its numbers with a SHA-256, and carries a check vector
whose prediction is made again at every load: a model that no longer predicts what it did when
it was stored is refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fitplugin import plugins
from fitplugin.errors import InputError
from fitplugin.surrogates.base import Surrogate

SCHEMA_VERSION = 1
_CARD = "card.json"
_CHECK_POINTS = 3


def save(model: Surrogate, kind: str, options: Mapping[str, Any], path: Path, **facts: Any) -> None:
    """Write a fitted surrogate to one file, all or nothing.

    Parameters
    ----------
    model : Surrogate
    kind : str
        Its name in the group ``fitplugin.surrogates``.
    options : mapping
        The options it was made with, as JSON-ready values.
    path : path
    **facts
        Further JSON-ready entries of the card: training digest, split seed, calibration.
    """
    arrays = model.to_arrays()
    inputs = _check_inputs(model)
    prediction = model.predict(inputs)
    card = {
        "schema": SCHEMA_VERSION,
        "kind": kind,
        "options": dict(options),
        "inputs": {
            name: {"range": list(map(float, box))}
            for name, box in zip(model.input_names, model.ranges, strict=True)
        },
        "targets": list(model.target_names),
        "sha256": _digest(arrays),
        "check": {
            "inputs": inputs.tolist(),
            "mean": prediction.mean.tolist(),
            "std": prediction.std.tolist(),
        },
        "citations": list(model.citations),
        **facts,
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{**arrays, _CARD: np.array(json.dumps(card))})  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())


def load(path: str | Path) -> Surrogate:
    """Read a surrogate back and prove that it still predicts what it did.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another schema version, of a kind that is not
        installed, or predicts something else than when it was stored.
    """
    where = str(path)
    arrays, card = _read(Path(path))
    if _digest(arrays) != card["sha256"]:
        raise InputError(where, "its numbers do not match their checksum; train it again")
    try:
        plugin = plugins.load("fitplugin.surrogates", card["kind"])
        options = plugin.Options.model_validate(card["options"])
        model: Surrogate = plugin.from_arrays(options, arrays)
        check = {name: np.array(values) for name, values in card["check"].items()}
        prediction = model.predict(check["inputs"])
    except InputError as error:
        raise error.at(where) from error
    except (KeyError, ValueError, IndexError, TypeError, np.linalg.LinAlgError) as error:
        raise InputError(where, f"is not a complete model ({error}); train it again") from error
    for name in ("mean", "std"):
        # other BLAS builds differ in the last digits, amplified by the conditioning
        scale = np.abs(check["mean"]) + check["std"]
        difference = np.abs(getattr(prediction, name) - check[name])
        if not np.all(difference <= 1e-6 * scale):
            raise InputError(where, "no longer predicts its check vector; train it again")
    return model


def read_card(path: str | Path) -> dict[str, Any]:
    """Return the card of a stored model without building the model."""
    return _read(Path(path))[1]


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or an accident, never meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    where = str(path)
    if not path.is_file():
        raise InputError(where, "no such model file")
    try:
        with zipfile.ZipFile(path) as archive:
            # read() checks the CRC of an entry before anything in it is interpreted
            arrays = {
                name.removesuffix(".npy"): np.lib.format.read_array(
                    io.BytesIO(archive.read(name)), allow_pickle=False
                )
                for name in archive.namelist()
            }
        card = json.loads(str(arrays.pop(_CARD)))
        version = card["schema"]
    except Exception as error:  # whatever a parser says of damaged bytes, it is bad input
        raise InputError(where, f"is not a readable model file ({error})") from error
    if version != SCHEMA_VERSION:
        raise InputError(
            where, f"has schema version {version}; this release reads {SCHEMA_VERSION}"
        )
    return arrays, card


def _check_inputs(model: Surrogate) -> np.ndarray:
    # points inside the box, irregular on purpose and the same for every model
    low, high = model.ranges.T
    steps = np.arange(1, _CHECK_POINTS + 1)[:, np.newaxis] * np.sqrt(np.arange(2, len(low) + 2))
    return np.asarray(low + (steps % 1.0) * (high - low))


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    hasher = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        hasher.update(f"{name}{array.dtype}{array.shape}".encode())
        hasher.update(np.ascontiguousarray(array).tobytes())
    return hasher.hexdigest()
