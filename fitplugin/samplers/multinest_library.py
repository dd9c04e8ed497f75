"""Find the MultiNest library, which is not a Python package."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from fitplugin.errors import InputError, MissingExtraError

_VARIABLE = "FITPLUGIN_MULTINEST"
_SUFFIX = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")
_FILE_NAME = f"libmultinest{_SUFFIX}"

# In a process of its own: a library that does not fit may end the process that loads it.
_PROBE = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).run"
_PROBE_SECONDS = 60.0


INSTALL = (
    f"conda install -c conda-forge multinest (or set {_VARIABLE} to the folder of {_FILE_NAME})"
)
"""How to get the library."""


def places() -> dict[str, Path]:
    """Return where the library is looked for, in order, by the name of the place.

    ``$FITPLUGIN_MULTINEST`` (the file, or its folder), ``lib`` below ``$CONDA_PREFIX``, and
    wherever the loader looks (then a bare file name).
    """
    found = {}
    if chosen := os.environ.get(_VARIABLE):
        path = Path(chosen).expanduser()
        found[_VARIABLE] = (path / _FILE_NAME if path.is_dir() else path).absolute()
    if conda := os.environ.get("CONDA_PREFIX"):
        found["CONDA_PREFIX"] = Path(conda, "lib", _FILE_NAME)
    return {**found, "the loader": Path(_FILE_NAME)}


def find_library() -> Path | None:
    """Return the MultiNest library that will be used, the first of `places` that loads, or None.

    Raises
    ------
    InputError
        If ``$FITPLUGIN_MULTINEST`` is set and no library can be loaded from there.
    """
    for name, path in places().items():
        problem = loading_problem(path)
        if not problem:
            return path
        if name == _VARIABLE:
            raise InputError(
                _VARIABLE, f"is {os.environ[_VARIABLE]!r}, where no library loads: {problem}"
            )
    return None


def require_library() -> Path:
    """Return the MultiNest library, or say what to install.

    Raises
    ------
    MissingExtraError
        If pymultinest or the library is not installed.
    """
    if importlib.util.find_spec("pymultinest") is None:
        raise MissingExtraError(
            "the sampler multinest", "pymultinest", "pip install 'fitplugin[multinest]'"
        )
    library = find_library()
    if library is None:
        raise MissingExtraError(
            "the sampler multinest",
            "the MultiNest library",
            INSTALL,
        )
    return library


def loading_problem(library: Path) -> str:
    """Return why a library cannot be loaded; the empty string if it can."""
    if library.is_absolute() and not library.is_file():
        return f"{library} does not exist"
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _PROBE, str(library)],
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"loading {library} takes more than {_PROBE_SECONDS:g} s"
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"loading {library} ends the process ({done.returncode})"
