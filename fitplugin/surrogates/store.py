"""Model store: one `.npz` file of plain arrays, one of them a JSON card. No pickle, no code.

The card (`fitplugin.surrogates.card`) says what the model is, guards its numbers and itself
with a SHA-256, and carries a check vector whose prediction is made again at every load: a model
that no longer predicts what it did when it was stored is refused. A card names a registered
plugin; one that names code is refused, unless the caller allows it or has the class.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import warnings
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import ValidationError

from fitplugin import plugins
from fitplugin.data.files import write_atomically
from fitplugin.errors import InputError
from fitplugin.surrogates.base import Prediction, Surrogate
from fitplugin.surrogates.card import Card, describe, one_line, read_card_text, write_card

_CARD = "card.json"
# bool, integers, floats, complex, bytes, text: never objects, never records
_PLAIN = "biufcSU"
_MAX_BYTES = 4 * 2**30
_AGAIN = "copy it again, or train it again"


class Stored(NamedTuple):
    """A model from a file, its card, and the size and SHA-256 of the whole file."""

    model: Surrogate
    card: Card
    n_bytes: int
    sha256: str


def save(
    model: Surrogate,
    kind: str,
    options: Mapping[str, Any],
    path: Path,
    *,
    units: Mapping[str, str] | None = None,
    training: Mapping[str, Any] | None = None,
    calibration: Mapping[str, Any] | None = None,
) -> None:
    """Write a fitted surrogate to one file, all or nothing, replacing what was there.

    Parameters
    ----------
    model : Surrogate
    kind : str
        Its name in the group ``fitplugin.surrogates``.
    options : mapping
        The options it was made with, as JSON-ready values.
    path : path
    units : mapping, optional
        Units of the inputs, by name, where they have any.
    training : mapping, optional
        ``name``, ``seed``, ``n_points`` and ``sha256`` of the data.
    calibration : mapping, optional
        What is known of the quality of its errors, JSON-ready.

    Raises
    ------
    InputError
        If the model predicts nonsense at its check vector (not finite, an error that is not
        positive), its arrays are not plain and finite, or a fact is not one that a card holds.
    """
    arrays = {name: np.asarray(array) for name, array in model.to_arrays().items()}
    for name, array in arrays.items():
        _require_plain(name, array)
    if _CARD in arrays:
        raise InputError(_CARD, "is a name that the store needs itself; rename the array")
    if sum(array.nbytes for array in arrays.values()) > _MAX_BYTES:
        raise InputError(kind, "holds more than 4 GiB, which would not be read back")
    with np.errstate(all="ignore"):  # said in one line
        content = describe(model, units or {})
    content |= {
        "kind": kind,
        "options": dict(options),
        "training": training,
        "calibration": calibration,
        "arrays_sha256": _digest(arrays),
    }
    write_atomically(path, _pack({**arrays, _CARD: np.array(write_card(content))}))


def load(
    path: str | Path, *, plugin: type[Surrogate] | None = None, allow_code: bool = False
) -> Surrogate:
    """Read a surrogate back and prove that it still predicts what it did.

    Parameters
    ----------
    path : path
    plugin : class, optional
        The class of the model, where the caller has it; default: what the card's kind names.
    allow_code : bool
        Run the code that the card's kind names, if it is no registered plugin.

    Raises
    ------
    InputError
        If the file is missing, damaged in any way, of another schema version, of a kind that is
        not installed, or predicts something else than when it was stored.
    """
    return inspect(path, plugin=plugin, allow_code=allow_code).model


def inspect(
    path: str | Path, *, plugin: type[Surrogate] | None = None, allow_code: bool = False
) -> Stored:
    """Return what `load` does, with the card and the facts of the file."""
    try:
        content = _content(Path(path))
        arrays, card = _unpack(content)
        chosen = plugin or _plugin(card.kind, allow_code)
        model = _rebuild(chosen, card, arrays)
    except InputError as error:
        raise error.at(str(path)) from error
    return Stored(model, card, len(content), hashlib.sha256(content).hexdigest())


def read_card(path: str | Path) -> Card:
    """Return the card of a stored model without building the model."""
    try:
        return _unpack(_content(Path(path)))[1]
    except InputError as error:
        raise error.at(str(path)) from error


def _content(path: Path) -> bytes:
    if not os.path.isfile(path):  # noqa: PTH113 (a name that no file can have is none either)
        raise InputError("", "no such model file")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError("", "is larger than 4 GiB; no model is")
        return path.read_bytes()
    except OSError as error:
        raise InputError("", f"cannot be read ({error.strerror})") from error


def _pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    # not np.savez: it knows arrays by keyword (none may be called "file") and notes the time
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), entry.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _unpack(content: bytes) -> tuple[dict[str, np.ndarray], Card]:
    if not content.startswith(b"PK"):
        raise InputError("", "is not a model file (not a zip archive)")
    try:
        with warnings.catch_warnings(), zipfile.ZipFile(io.BytesIO(content)) as archive:
            warnings.simplefilter("error")  # of old or odd headers: no model has them
            arrays = dict(_array(archive, entry) for entry in _entries(archive))
        if _CARD not in arrays:
            raise InputError("", f"has no card; {_AGAIN}")
        card = read_card_text(str(arrays.pop(_CARD)))
    except InputError:
        raise
    except Exception as error:  # whatever a parser says of damaged bytes, it is bad input
        raise InputError("", f"is cut short or damaged ({one_line(error)}); {_AGAIN}") from error
    for name, array in arrays.items():
        _require_plain(name, array)
    if _digest(arrays) != card.arrays_sha256:
        raise InputError("", f"its numbers do not match their checksum; {_AGAIN}")
    return arrays, card


def _entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    entries = archive.infolist()
    for name, count in Counter(entry.filename for entry in entries).items():
        if count > 1:
            raise InputError("", f"holds {one_line(name)!r} {count} times; {_AGAIN}")
        if not name.endswith(".npy"):
            raise InputError("", f"holds {one_line(name)!r}, which is not an array (.npy)")
    # other methods unpack without bound
    if any(e.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for e in entries):
        raise InputError("", "is packed by a method that models never use")
    if sum(entry.file_size for entry in entries) > _MAX_BYTES:
        raise InputError("", "would unpack to more than 4 GiB; no model does")
    return entries


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[str, np.ndarray]:
    name = entry.filename.removesuffix(".npy")
    with archive.open(entry) as stream:
        # bounded, whatever the stream unpacks to; its last byte is where the CRC is checked
        content = io.BytesIO(stream.read(entry.file_size))
    version = np.lib.format.read_magic(content)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(content)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(content)
    _require_plain_type(name, dtype)
    announced, present = math.prod(shape) * dtype.itemsize, content.tell()
    present = len(content.getbuffer()) - present
    if min(shape, default=0) < 0 or announced != present:
        raise InputError(one_line(name), f"announces {announced} bytes and has {present}; {_AGAIN}")
    content.seek(0)
    return name, np.lib.format.read_array(content, allow_pickle=False)


def _rebuild(plugin: Any, card: Card, arrays: Mapping[str, np.ndarray]) -> Surrogate:
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():  # said in one line
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            options = plugin.Options.model_validate(card.options)
            model: Surrogate = plugin.from_arrays(options, arrays)
            card.require_named(model, arrays)
            card.require_reproduced(Prediction(*model.predict(np.array(card.check.inputs))))
    except InputError:
        raise
    except ValidationError as error:
        raise InputError("options", f"{one_line(error)}; train the model again") from error
    except Exception as error:  # a plugin may fail on wrong arrays in any way
        raise InputError(
            "", f"is not a complete model ({one_line(error)}); train it again"
        ) from error
    return model


def _plugin(kind: str, allow_code: bool) -> Any:
    try:
        return plugins.load("fitplugin.surrogates", kind, allow_code=allow_code)
    except InputError as error:
        raise error.at("kind") from error
    except Exception as error:  # another's code, perhaps without a library it needs
        raise InputError("kind", f"{kind!r} cannot be imported ({one_line(error)})") from error


def _require_plain(name: str, array: np.ndarray) -> None:
    _require_plain_type(name, array.dtype)
    if array.dtype.kind in "fc" and not np.isfinite(array).all():
        raise InputError(one_line(name), "holds NaN or infinity; a model must be finite")


def _require_plain_type(name: str, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in _PLAIN:
        raise InputError(
            one_line(name), f"holds {one_line(dtype)} values; a model holds plain numbers and text"
        )


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    hasher = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        # the memory order as well: it decides the last digit of a product
        order = "F" if array.flags.fnc else "C"
        hasher.update(f"{name}\0{array.dtype.str}{array.shape}{order}\0".encode())
        hasher.update(np.ascontiguousarray(array).tobytes())
    return hasher.hexdigest()
