"""Find the parts of a scan by name: entry points, ``package.module:object``, ``file.py:object``.

Built-in parts are registered in `pyproject.toml` in the same groups as those of guests. A name
with a colon is a reference: finding it runs code, so it is refused unless that is allowed.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from fitplugin.errors import FitpluginError, InputError, one_of, shown

GROUPS = {
    "fitplugin.surrogates": "a surrogate",
    "fitplugin.spectra": "a spectrum calculator",
    "fitplugin.likelihoods": "a likelihood",
    "fitplugin.combinations": "a combination",
    "fitplugin.constraints": "a constraint",
    "fitplugin.samplers": "a sampler",
    "fitplugin.pools": "a pool",
    "fitplugin.simulators": "a simulator",
    "fitplugin.oracles": "an oracle",
}
# where it is written what a plugin must be, and the methods without which it is none
CONTRACTS = {
    "fitplugin.surrogates": (
        "fitplugin.surrogates.base.Surrogate", ("fit", "to_arrays", "from_arrays"),
    ),
    "fitplugin.spectra": ("fitplugin.physics.spectrum.SpectrumCalculator", ("build", "spectrum")),
    "fitplugin.likelihoods": ("fitplugin.likelihoods.base.Term", ("log_likelihood",)),
    "fitplugin.combinations": ("fitplugin.likelihoods.base.Term", ("log_likelihood",)),
    "fitplugin.constraints": ("fitplugin.likelihoods.base.Constraint", ("log_likelihood",)),
    "fitplugin.samplers": ("fitplugin.samplers.base.Sampler", ("require", "run")),
    "fitplugin.pools": ("fitplugin.pools.base.Pool", ("from_options", "map", "imap")),
    "fitplugin.simulators": ("fitplugin.simulation.base.Simulator", ("simulate",)),
    "fitplugin.oracles": ("fitplugin.active.base.Oracle", ("answer",)),
}  # fmt: skip


class PluginInfo(NamedTuple):
    """One line of `fitplugin plugins`."""

    group: str
    name: str
    origin: str
    summary: str


@cache
def _registered(group: str) -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for point in _all_registered():
        if point.group == group:
            found.setdefault(point.name, []).append(point)
    return found


@cache
def _all_registered() -> list[EntryPoint]:
    # once for all groups: every look reads a file of each package that is installed
    every = entry_points()
    return [point for group in GROUPS for point in every.select(group=group)]


def _origin(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "unknown"


def names(group: str) -> list[str]:
    """Return the registered names of a group, sorted.

    >>> names("fitplugin.surrogates")
    ['bnn', 'deep_network', 'dgp', 'multitask_gp', 'network', 'sklearn']
    """
    return sorted(_registered(group))


def load(group: str, name: str, folder: Path | None = None, *, allow_code: bool = False) -> Any:
    """Return the object that ``name`` stands for in ``group``.

    Parameters
    ----------
    group : str
        One of `GROUPS`.
    name : str
        A registered name, ``package.module:object``, or ``path/file.py:object``.
    folder : path, optional
        Where relative file paths start.
    allow_code : bool
        Whether a reference may be followed: see `referred`.

    Raises
    ------
    InputError
        If nothing of that name can be found, naming what is known, or it is a reference and code
        is not allowed.
    """
    if ":" in name:
        return referred(name, folder, allow_code=allow_code)
    points = _registered(group).get(name)
    if points is None:
        raise InputError("", one_of(name, names(group), GROUPS[group]))
    if len(points) > 1:
        origins = " and ".join(map(_origin, points))
        raise InputError("", f"{name!r} is registered by {origins}; uninstall all but one")
    try:
        return points[0].load()
    except FitpluginError:
        raise
    except Exception as error:  # another's code, perhaps without a library that it needs
        raise InputError(
            "", f"{name!r} of the package {_origin(points[0])} {_broken(error)}"
        ) from error


def describe(group: str) -> list[PluginInfo]:
    """List a group: name, the package it comes from, the first line of its docstring."""
    infos = []
    for name, points in sorted(_registered(group).items()):
        for point in points:
            try:
                summary = (point.load().__doc__ or "").strip().partition("\n")[0]
            except Exception as error:  # a guest may be broken; the list must still come out
                summary = _broken(error)
            infos.append(PluginInfo(group, name, _origin(point), summary))
    return infos


def _broken(error: Exception) -> str:
    return f"cannot be imported: {type(error).__name__}: {error}"


def referred(reference: str, folder: Path | None = None, *, allow_code: bool = False) -> Any:
    """Return the object of ``package.module:object`` or ``path/file.py:object``.

    Parameters
    ----------
    reference : str
    folder : path, optional
        Where relative file paths start.
    allow_code : bool
        The user's word that the code may run: of the one who typed the reference, or who trusts
        the file that it stands in.

    Raises
    ------
    InputError
        If that is not given, before anything runs; or if there is no such module, file or object,
        naming what is known.
    """
    if not allow_code:
        raise InputError("", code_refused(f"{reference!r} names code to run"))
    module_name, _, attribute = reference.rpartition(":")
    if module_name.endswith(".py"):
        module = _import_file((folder or Path()) / module_name)
    else:
        if not all(part.isidentifier() for part in module_name.split(".")):
            form = "must be package.module:object or path/file.py:object"
            raise InputError("", f"{shown(reference)} {form}")
        try:
            module = importlib.import_module(module_name)
        except Exception as error:  # ImportError, or whatever the module does
            reason = error if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
            raise InputError("", f"{reference!r} cannot be imported: {reason}") from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        public = [name for name in vars(module) if not name.startswith("_")]
        raise InputError("", one_of(attribute, public, f"an object in {module_name}")) from None


def code_refused(what: str) -> str:
    """Say that something would run code, and how to allow it.

    >>> code_refused("'mine.py:Mine' names code to run").partition("; ")[0]
    "'mine.py:Mine' names code to run, which needs your word"
    """
    return (
        f"{what}, which needs your word; give --allow-code (in Python allow_code=True), only for "
        "files that you trust. Registered plugins need none: see `fitplugin plugins`"
    )


def _import_file(path: Path) -> Any:
    if not os.path.isfile(path):  # noqa: PTH113 (a name that no file can have is none either)
        raise InputError("", f"{path} is not a file")
    path = path.resolve()
    # named after its path, so that objects defined in it pickle within a process
    name = f"_fitplugin_guest_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError("", f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        if isinstance(error, FitpluginError):  # it says where and what already
            raise
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, SyntaxError):
            reason = f"{error.msg} (line {error.lineno})"
        raise InputError("", f"{path} cannot be imported: {reason}") from error
    return module


def lacking_in(group: str, plugin: Any) -> str:
    """Name what a class lacks of the contract of a group; empty if it lacks nothing."""
    options = getattr(plugin, "Options", None)
    if not (isinstance(options, type) and issubclass(options, BaseModel)):
        return "'Options' (a subclass of fitplugin.options.Options)"
    methods = [name for name in CONTRACTS[group][1] if not callable(getattr(plugin, name, None))]
    return ", ".join(sorted({*methods, *getattr(plugin, "__abstractmethods__", ())}))
