"""Run directories: written all at once, read back, and readable by getdist and anesthetic.

One root, ``chain``, holds the posterior in the formats of those tools; ``prior`` likewise holds
the constrained prior. Points that are not valid never enter the weighted files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.data.folders import refuse_other
from fitplugin.data.json_files import read_object
from fitplugin.errors import InputError
from fitplugin.physics.symbols import NATURAL_SUSY, Symbols
from fitplugin.runs.sample_files import (
    load_rows,
    read_samples,
    save_rows,
    write_paramnames,
    write_ranges,
    write_samples,
)
from fitplugin.runs.seal import require_untouched, sealed
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.evidence import Evidence, ValidFraction
from fitplugin.stats.nested import nested_weights

SCHEMA_VERSION = 2
_NEEDED = ("manifest.json", "summary.json", "resolved.yaml", "chain.txt", "chain.paramnames",
           "chain.ranges")  # fmt: skip
# what MultiNest and anesthetic read as "below any likelihood"
_LOG_ZERO = -1e30
_RESTORE = "restore it, or run the scan again"


class Posterior(NamedTuple):
    """Weighted samples as stored: named columns with their weights.

    ``columns`` are parameters first, then derived quantities; weights have the maximum 1.
    """

    columns: Mapping[str, FloatArray]
    weights: FloatArray
    log_likelihood: FloatArray


class Run(NamedTuple):
    """A run directory, read back."""

    path: Path
    manifest: Mapping[str, Any]
    summary: Mapping[str, Any]
    posterior: Posterior
    prior: Mapping[str, FloatArray]
    ranges: Mapping[str, tuple[float, float]]


def refuse_existing(target: Path, force: bool) -> None:
    """Refuse to overwrite: a run without ``--force``, anything that is not a run always."""
    refuse_other(target, "manifest.json", "is not a run directory", force)


def write_chain(
    folder: Path,
    chain: Chain,
    ranges: Mapping[str, tuple[float, float]],
    symbols: Symbols = NATURAL_SUSY,
) -> None:
    """Write the posterior under the root ``chain``.

    ``chain.txt`` (weight, -ln L, columns), ``chain_equal_weights.txt`` (the same with weight 1),
    ``chain_dead-birth.txt`` (columns, ln L, ln L at birth) where the sampler records births,
    and their ``.paramnames``, ``.ranges`` and ``.properties.ini``.
    """
    names = (*chain.names, *chain.blobs)
    columns = np.column_stack([chain.samples, *chain.blobs.values()])
    kept = chain.log_weight > -np.inf
    weights = np.exp(chain.log_weight[kept] - chain.log_weight.max())
    log_likelihood, columns = chain.log_likelihood[kept], columns[kept]
    write_samples(folder / "chain", weights, log_likelihood, names, columns, ranges, symbols)
    rows = np.searchsorted(np.flatnonzero(kept), chain.equal_weight(np.random.default_rng(0)))
    write_samples(
        folder / "chain_equal_weights",
        np.ones(len(rows)),
        log_likelihood[rows],
        names,
        columns[rows],
        ranges,
        symbols,
    )
    if chain.log_birth is not None:
        levels = np.column_stack([chain.log_likelihood, chain.log_birth])
        levels = np.maximum(np.nan_to_num(levels, neginf=_LOG_ZERO), _LOG_ZERO)
        # every digit: a birth must stay below its death, and points of two runs must stay apart
        save_rows(
            folder / "chain_dead-birth.txt", np.column_stack([columns, levels[kept]]), "%.17g"
        )


def write_prior(
    folder: Path,
    samples: FloatArray,
    ranges: Mapping[str, tuple[float, float]],
    symbols: Symbols = NATURAL_SUSY,
) -> None:
    """Write the constrained prior, equally weighted, under the root ``prior``."""
    flat = np.column_stack([np.ones(len(samples)), np.zeros(len(samples)), samples])
    save_rows(folder / "prior.txt", flat)
    write_paramnames(folder / "prior.paramnames", tuple(ranges), len(ranges), symbols)
    write_ranges(folder / "prior.ranges", ranges)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file for programs and people."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write ``manifest.json`` last of all: it seals the files that are there."""
    write_json(folder / "manifest.json", sealed(folder, manifest))


def read_run(path: str | Path) -> Run:
    """Read a finished run.

    Raises
    ------
    InputError
        If it is no run directory, incomplete, of another schema version, or changed since.
    """
    folder = Path(path)
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if len(missing) == len(_NEEDED):
        raise InputError(str(path), "is not a run directory; `fitplugin run SCAN` makes one")
    if missing:
        raise InputError(str(path), f"is incomplete: {', '.join(missing)} missing")
    manifest = read_object(folder / "manifest.json", _RESTORE)
    if manifest.get("schema") != SCHEMA_VERSION:
        raise InputError(
            str(folder / "manifest.json"),
            f"has schema version {manifest.get('schema')}; this release reads {SCHEMA_VERSION}; "
            "run the scan again",
        )
    require_untouched(folder, manifest)
    names, table = read_samples(folder, "chain")
    posterior = Posterior(dict(zip(names, table[:, 2:].T, strict=True)), table[:, 0], -table[:, 1])
    prior: dict[str, FloatArray] = {}
    if (folder / "prior.txt").is_file():
        names, table = read_samples(folder, "prior")
        prior = dict(zip(names, table[:, 2:].T, strict=True))
    ranges = {
        name: (float(low), float(high))
        for name, low, high in map(str.split, (folder / "chain.ranges").read_text().splitlines())
    }
    summary = read_object(folder / "summary.json", _RESTORE)
    return Run(folder, manifest, summary, posterior, prior, ranges)


def read_chain(run: Run) -> Chain:
    """Read deaths and births of a finished run back, as its sampler gave them.

    Raises
    ------
    InputError
        If the sampler records no births, or the file does not fit.
    """
    path = run.path / "chain_dead-birth.txt"
    if not path.is_file():
        raise InputError(
            str(run.path), f"has no births: {run.summary['sampler']} does not record them"
        )
    names = list(run.posterior.columns)
    table = load_rows(path)
    if table.shape[1] != len(names) + 2:
        raise InputError(str(path), f"does not hold the {len(names)} columns of its .paramnames")
    n_dim = len(run.ranges)
    log_birth = np.where(table[:, -1] <= _LOG_ZERO, -np.inf, table[:, -1])
    weights = nested_weights(table[:, -2], log_birth)
    facts, sampler = run.summary, run.manifest["sampler"]
    fraction = ValidFraction(facts["valid_fraction"], facts["valid_fraction_error"])
    details = {name: value for name, value in sampler.items() if name != "name"}
    return Chain(
        names=tuple(names[:n_dim]),
        samples=table[:, :n_dim],
        log_likelihood=table[:, -2],
        log_weight=weights.log_weight,
        log_birth=log_birth,
        blobs=dict(zip(names[n_dim:], table[:, n_dim:-2].T, strict=True)),
        evidence=Evidence(facts["log_z"], facts["log_z_error"], False, fraction),
        n_like=facts["n_like"],
        n_live=facts["n_live"],
        sampler=facts["sampler"],
        details=details,
    )
