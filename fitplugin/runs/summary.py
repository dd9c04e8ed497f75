"""What a finished run says of itself: the posterior in numbers, and how it came about."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

import fitplugin
from fitplugin.physics.symbols import NATURAL_SUSY, Symbol
from fitplugin.physics.theory import OUTSIDE
from fitplugin.runs import directory
from fitplugin.runs.build import Scan
from fitplugin.runs.citing import citations
from fitplugin.runs.config import ScanConfig
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.evidence import Evidence
from fitplugin.samplers.prior import PriorSample
from fitplugin.stats.weighted import effective_size, summarise

_RECORDED = ("numpy", "scipy", "dynesty", "pydantic")


def best_evidence(chain: Chain, prior: PriorSample | None) -> Evidence:
    """Return the chain's evidence, with the valid fraction of the prior sample if that is better.

    Both measure the same fraction with independent draws.
    """
    evidence = chain.evidence
    if prior is not None and prior.valid_fraction.error < evidence.fraction.error:
        return evidence.with_fraction(prior.valid_fraction)
    return evidence


def summarise_run(
    config: ScanConfig,
    n_observed: Mapping[str, float],
    chain: Chain,
    evidence: Evidence,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Return the content of ``summary.json``."""
    weights = chain.weights
    truth = config.mock.point if config.mock else {}
    parameters = {
        name: _with_truth(summarise(column, weights)._asdict(), truth.get(name))
        for name, column in zip(chain.names, chain.samples.T, strict=True)
    }
    for name, symbol in config.symbols.items():
        parameters[name] |= {"label": symbol.latex, "unit": symbol.unit}
    keep = chain.log_weight > -np.inf
    derived = {
        name: summarise(column[keep], weights[keep])._asdict()
        for name, column in chain.blobs.items()
    }
    return {
        "title": config.title,
        "sampler": chain.sampler,
        "log_z": evidence.log_z,
        "log_z_error": evidence.log_z_error,
        "log_z_box": evidence.log_z_box,
        "log_z_box_error": evidence.log_z_box_error,
        "valid_fraction": evidence.fraction.value,
        "valid_fraction_error": evidence.fraction.error,
        "n_like": chain.n_like,
        "n_eff": effective_size(weights),
        "n_live": chain.n_live,
        "max_log_likelihood": float(chain.log_likelihood.max()),
        "wall_time_s": round(sum(seconds.values()), 3),
        "out_of_domain": _out_of_domain(config, chain),
        "n_observed": dict(n_observed),
        "parameters": parameters,
        "derived": derived,
    }


def symbols_of(summary: Mapping[str, Any]) -> dict[str, Symbol]:
    """Return how the quantities of a run are written, from its ``summary.json``."""
    own = {
        name: Symbol(entry["label"], entry["unit"])
        for name, entry in summary["parameters"].items()
        if "label" in entry
    }
    return {**NATURAL_SUSY, **own}


def manifest_of(
    scan: Scan, chain: Chain, seconds: Mapping[str, float], **more: Any
) -> dict[str, Any]:
    """Return the content of ``manifest.json``."""
    return {
        "schema": directory.SCHEMA_VERSION,
        "fitplugin": fitplugin.__version__,
        **environment(),
        "seed": scan.config.seed,
        "digest": scan.joint.digest(),
        "digests": dict(scan.digests),
        "models": dict(scan.model_digests),
        "n_like": chain.n_like,
        "sampler": {"name": chain.sampler, **chain.details},
        "seconds": dict(seconds),
        **more,
        "citations": citations(scan.config),
    }


def environment() -> dict[str, Any]:
    """Return what a run depends on besides its scan file: Python, platform, libraries."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "libraries": {name: version(name) for name in _RECORDED},
    }


def _out_of_domain(config: ScanConfig, chain: Chain) -> dict[str, Any]:
    """Points of the chain where a surrogate extrapolates, and their share of the posterior."""
    outside = chain.blobs[OUTSIDE] > 0
    return {
        "policy": config.out_of_domain,
        "n_points": int(outside.sum()),
        "posterior_fraction": float(chain.weights[outside].sum() / chain.weights.sum()),
    }


def _with_truth(summary: dict[str, Any], truth: float | None) -> dict[str, Any]:
    return summary if truth is None else {**summary, "truth": truth}
