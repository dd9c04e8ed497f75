"""What is installed on this machine, and how to get what is not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import fitplugin
from fitplugin.runs.models import default_cache
from fitplugin.runs.summary import environment
from fitplugin.samplers.multinest_library import INSTALL, loading_problem, places

_EXTRAS = {
    "pymultinest": "multinest",
    "ultranest": "ultranest",
    "nautilus-sampler": "nautilus",
    "distributed": "dask",
    "networkx": "combination",
    "torch": "nn",
    "pythia8mc": "simulation",
    "fastjet": "simulation",
    "pyslha": "simulation",
    "bilby": "hosts",
    "cobaya": "hosts",
    "arviz": "hosts",
}


def examine() -> dict[str, Any]:
    """Return versions, extras with their install commands, and where MultiNest was looked for."""
    cache = default_cache()
    return {
        "fitplugin": fitplugin.__version__,
        **environment(),
        "cores": os.cpu_count(),
        "model_cache": str(cache),
        "model_cache_writable": os.access(next(p for p in (cache, *cache.parents) if p.exists()),
                                          os.W_OK),
        "extras": {name: _installed(name, extra) for name, extra in _EXTRAS.items()},
        "multinest_library": {
            name: {"path": str(path), "problem": loading_problem(path) or None}
            for name, path in places().items()
        },
    }  # fmt: skip


def doctor_text(found: Mapping[str, Any]) -> str:
    """Return the findings as lines of text."""
    libraries = ", ".join(f"{name} {number}" for name, number in found["libraries"].items())
    writable = "" if found["model_cache_writable"] else "  NOT WRITABLE; give --cache"
    lines = [
        f"fitplugin {found['fitplugin']}, Python {found['python']}, {found['platform']}, "
        f"{found['cores']} cores",
        f"libraries: {libraries}",
        f"trained models: {found['model_cache']}{writable}",
    ]
    for name, extra in found["extras"].items():
        state = extra["version"] or f"not installed; {extra['install']}"
        lines.append(f"{name:<18}{state}")
    lines.append("MultiNest library, in the order of looking:")
    usable = False
    for place, library in found["multinest_library"].items():
        problem = library["problem"]
        usable |= problem is None
        lines.append(f"  {place:<20}{library['path']}: {problem or 'loads'}")
    if not usable:
        lines.append(f"  to install it: {INSTALL}")
    return "\n".join(lines)


def _installed(name: str, extra: str) -> dict[str, str | None]:
    try:
        return {"version": version(name), "install": None}
    except PackageNotFoundError:
        return {"version": None, "install": f"pip install 'fitplugin[{extra}]'"}
