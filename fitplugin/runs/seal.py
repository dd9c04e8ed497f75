"""The seal of a run directory: SHA-256 of every file of results, kept in its manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fitplugin.errors import InputError

_NAMES = ("summary.json", "resolved.yaml")
_SUFFIXES = (".txt", ".paramnames", ".ranges", ".ini")  # of the chain and the prior sample
_MANIFEST = "manifest.json"


def sealed(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest with the digests of the files beside it, and of itself.

    Figures, reports and audits, which come later or are made again at will, are left out.
    """
    files = {
        path.name: _sha256(path)
        for path in sorted(folder.iterdir())
        if path.name in _NAMES or path.suffix in _SUFFIXES
    }
    return with_seal({**manifest, "files": files})


def require_untouched(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Refuse a run whose results are not those that were written.

    Raises
    ------
    InputError
        If a sealed file is missing or changed, or the manifest itself is.
    """
    if not is_sealed(manifest):
        raise InputError(str(folder / _MANIFEST), _CHANGED)
    for name, digest in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            raise InputError(str(folder), f"is incomplete: {name} missing")
        if _sha256(path) != digest:
            raise InputError(str(path), _CHANGED)


def with_seal(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a JSON file with the digest of it under ``seal``."""
    bare = {name: value for name, value in content.items() if name != "seal"}
    return {**bare, "seal": _of(bare)}


def is_sealed(content: Mapping[str, Any]) -> bool:
    """Whether content is what `with_seal` gave."""
    bare = {name: value for name, value in content.items() if name != "seal"}
    return bool(content.get("seal") == _of(bare))


_CHANGED = (
    "has been changed since the run was written (its SHA-256 is another); restore it, or run again"
)


def _of(content: Mapping[str, Any]) -> str:
    # through JSON and back, as a reader finds it: tuples are lists there, keys are strings
    plain = json.loads(json.dumps(content))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
