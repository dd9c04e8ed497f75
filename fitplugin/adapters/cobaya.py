"""cobaya: the joint likelihood as a component, without a line of code.

In cobaya's input, the likelihood alone is enough; the scan's parameters come with it::

    likelihood: {fitplugin: {scan: scans/natural_susy/smoke.yaml}}
    sampler: {mcmc: null}
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

import fitplugin
from fitplugin.adapters.base import INSTALL, identifiers, joint_of, symbol_of
from fitplugin.errors import InputError
from fitplugin.extras import require
from fitplugin.likelihoods.joint import JointLikelihood
from fitplugin.runs.config import read_scan

_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


def cobaya_info(
    scan: str | Path, cache: str | Path | None = None, *, allow_code: bool = False
) -> dict[str, Any]:
    """Return all that cobaya needs but a sampler: ``run(cobaya_info(scan) | {"sampler": ...})``.

    The ``params`` block is written out, for those who want to change a prior or a proposal; it is
    the one that the likelihood brings along by itself. With ``allow_code``, code that the scan file
    names is run, here and by cobaya.
    """
    options: dict[str, Any] = {"scan": str(scan)}
    if cache is not None:
        options["cache"] = str(cache)
    if allow_code:
        options["allow_code"] = True
    return {"likelihood": {"fitplugin": options}, "params": params(scan, allow_code=allow_code)}


def params(scan: str | Path, *, allow_code: bool = False) -> dict[str, Any]:
    """Return cobaya's ``params`` block of a scan file; reads nothing but this file.

    Code that it names is run with ``allow_code`` only.

    Raises
    ------
    InputError
        If the file is not a usable scan.
    """
    config = read_scan(scan, allow_code=allow_code)
    return {
        name: {
            "prior": {"min": float(low), "max": float(high)},
            "latex": symbol_of(name, config.symbols).latex,
        }
        for name, (low, high) in config.free.items()
    }


@functools.lru_cache(maxsize=4)
def _loaded(scan: str, cache: str | None, allow_code: bool, changed_at: int) -> JointLikelihood:
    """Load a scan once: cobaya builds a component for every model, to test it and to run it."""
    return joint_of(scan, cache, allow_code=allow_code)


@functools.cache
def get_cobaya_class() -> type:
    """Return the class behind the name ``fitplugin`` in cobaya's input.

    Raises
    ------
    MissingExtraError
        If cobaya is not installed.
    """
    cobaya = require("cobaya.likelihood", "the cobaya adapter", INSTALL)

    class FitpluginLikelihood(cobaya.Likelihood):  # type: ignore[misc, name-defined]
        """The joint likelihood of a fitplugin scan file.

        Options: ``scan``, the scan file; ``cache``, the folder of trained models; ``allow_code``,
        to run code that the scan file names; cobaya's own.

        The parameters and their priors are those of the scan file, unless the input has its own.
        The prior is cobaya's business alone: the likelihood holds no prior density. Any blob can
        be asked for as a derived parameter (``m_higgs: {derived: true}``); characters that cobaya
        does not take are underscores: ``n_signal[0-lepton]`` is ``n_signal_0_lepton``.

        A point that is not valid has the log-likelihood ``-inf``. An exception is a bug and stops
        the run; by cobaya's own default it would be a point of zero likelihood.
        """

        scan: str | None = None
        cache: str | None = None
        allow_code: bool = False
        stop_at_error: bool = True

        @classmethod
        def get_class_options(
            cls, input_options: Mapping[str, Any] = _NO_OPTIONS
        ) -> dict[str, Any]:
            """Return the options, with the parameters of the scan file that the input names."""
            options = dict(super().get_class_options(input_options))
            if input_options.get("scan"):
                allow_code = bool(input_options.get("allow_code", False))
                options["params"] = params(input_options["scan"], allow_code=allow_code)
            return options

        def initialize(self) -> None:
            """Load the scan, training what is not in the cache."""
            if not self.scan:
                raise InputError(
                    "likelihood.fitplugin.scan", "is missing; give the path of a scan file"
                )
            self.joint: JointLikelihood = _loaded(
                self.scan, self.cache, self.allow_code, Path(self.scan).stat().st_mtime_ns
            )
            self._blobs = identifiers(self.joint.blob_names)

        def get_requirements(self) -> list[str]:
            """Return the scanned parameters: each of them must come from somewhere."""
            return list(self.joint.names)

        def get_can_provide_params(self) -> Iterable[str]:
            """Return the names of the derived parameters that can be asked for."""
            return list(self._blobs)

        def get_version(self) -> dict[str, str]:
            """Return what is stored beside the chains: version and digest."""
            return {"fitplugin": fitplugin.__version__, "digest": self.joint.digest()}

        def logp(self, _derived: dict[str, float] | None = None, **values: float) -> float:
            """Natural log of the likelihood; fills the derived parameters asked for."""
            theta = [values[name] for name in self.joint.names]
            batch = self.joint.evaluate(np.array([theta]))
            if _derived is not None:
                for name in self.output_params:
                    _derived[name] = float(batch.blobs[self._blobs[name]][0])
            return float(batch.log_likelihood[0])

    return FitpluginLikelihood
