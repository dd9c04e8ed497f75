"""SHA-256 of everything that decides a log-likelihood: a change of any of it is noticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import fitplugin
from fitplugin.components import Component
from fitplugin.data.tables import read_table
from fitplugin.physics.gate import Gate
from fitplugin.runs.config import ScanConfig
from fitplugin.runs.models import ModelCache

EVALUATION_CODE = "the evaluation code"
"""Under this name stands the digest of the package itself: another release may give the same."""

_EVALUATION = ("arrays.py", "stats", "surrogates", "physics", "likelihoods")


def digests_of(
    config: ScanConfig,
    counts: Mapping[str, float],
    models: ModelCache,
    terms: Sequence[Any],
    gate: Gate | None,
    folder: Path,
) -> dict[str, str]:
    """Return the digests of what a likelihood is made of, by the name that a message gives it.

    Parameters
    ----------
    config : ScanConfig
    counts : mapping of str to float
        Observed events by region.
    models : ModelCache
        What the surrogates of the scan were taken from.
    terms : sequence
        Those under ``likelihoods``; one with a model of its own has a ``digest``.
    gate : Gate or None
    folder : path
        Where relative paths in the scan file start.
    """
    # what does not change a log-likelihood (sampler, seed, processes) is left out
    facts = config.model_dump(
        mode="json",
        include={"theory", "parameters", "luminosity", "cross_section", "regions", "likelihoods",
                 "nuisances", "combination", "constraints", "spectrum", "gate", "out_of_domain",
                 "surrogate_error"},
        exclude={"parameters": {name: {"label", "unit"} for name in config.free}},
    )  # fmt: skip
    return {
        "the scan file": sha256_of(facts),
        "the observed counts": sha256_of(dict(counts)),
        **{f"the code of {part.kind}": part.code for part in _parts(config) if part.code},
        **{f"the model {name}": digest for name, digest in models.digests.items()},
        **{f"the model of {t.name}": t.digest for t in terms if getattr(t, "digest", "")},
        **({"the model of the gate": gate.digest} if gate is not None and gate.digest else {}),
        "the cross-section table": read_table(
            config.theory.dataset if config.theory else config.pair_production.table, folder
        ).digest,
        EVALUATION_CODE: _code_digest(),
    }


@lru_cache(maxsize=1)
def _code_digest() -> str:
    """SHA-256 of the modules that decide a log-likelihood."""
    root = Path(fitplugin.__file__).parent
    hasher = hashlib.sha256()
    for name in _EVALUATION:
        place = root / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            hasher.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return hasher.hexdigest()


def _parts(config: ScanConfig) -> list[Component]:
    """Parts whose code decides a log-likelihood; models answer for their surrogates."""
    parts = (config.spectrum, config.combination, *config.likelihoods, *config.constraints)
    return [part for part in parts if part is not None]


def sha256_of(content: Any) -> str:
    """Return the SHA-256 of plain content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
