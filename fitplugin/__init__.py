"""Surrogate-backed likelihoods for collider searches, as plugins for nested samplers.

>>> import fitplugin
>>> joint = fitplugin.load("scans/natural_susy/smoke.yaml")    # doctest: +SKIP
>>> joint.evaluate([[250.0, 1280.0, 1330.0]]).log_likelihood   # doctest: +SKIP
>>> fitplugin.run("scans/natural_susy/smoke.yaml").summary     # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitplugin.errors import FitpluginError, InputError

if TYPE_CHECKING:
    from fitplugin.likelihoods.joint import JointLikelihood
    from fitplugin.runs.directory import read_run
    from fitplugin.runs.runner import run

__version__ = "0.1.0"
__all__ = [
    "FitpluginError",
    "InputError",
    "__version__",
    "get_cobaya_class",
    "load",
    "read_run",
    "run",
]

# imported when they are asked for, so that `import fitplugin` costs nothing
_ELSEWHERE = {"read_run": "fitplugin.runs.directory", "run": "fitplugin.runs.runner"}


def load(
    scan: str | Path, cache: str | Path | None = None, *, allow_code: bool = False
) -> JointLikelihood:
    """Return the joint likelihood of a scan file, training what is not in the cache.

    Parameters
    ----------
    scan : path
        A scan file (YAML).
    cache : path, optional
        Folder of trained models; default: the user's cache.
    allow_code : bool
        Run code that the scan file names (``file.py:object``); only for files that you trust.

    Raises
    ------
    InputError
        If the scan file or its data are not usable, in one line.
    """
    from fitplugin.runs.loading import load_scan

    return load_scan(scan, cache, allow_code=allow_code).joint


def get_cobaya_class() -> type:
    """Return the likelihood that cobaya finds under the name ``fitplugin``."""
    from fitplugin.adapters.cobaya import get_cobaya_class

    return get_cobaya_class()


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(import_module(_ELSEWHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
