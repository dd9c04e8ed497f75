"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or an accident, never meets half of it.

    Folders on the way are made; what was there is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # not one of `tempfile`, which nobody else may read: caches and runs are shared
    scratch = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with scratch.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
