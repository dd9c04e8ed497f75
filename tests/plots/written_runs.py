"""Run directories for tests, from nested sampling that is exact: draws within squares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from fitplugin.runs import directory
from fitplugin.runs.directory import Run
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.evidence import Evidence, ValidFraction
from fitplugin.stats.nested import nested_weights
from fitplugin.stats.weighted import effective_size, summarise

CENTRE, HALF, SIGMA = 1000.0, 800.0, 150.0
"""Of every parameter: the middle and half the width of its prior, and the width of its peak."""


def box(names):
    return {name: (CENTRE - HALF, CENTRE + HALF) for name in names}


def nested_run(rng, n_dim, n_live=200, n_dead=1600):
    """Deaths of ln L = -r^2/2 in the largest coordinate r = max |theta - centre|/sigma."""

    def draw(n, half):
        theta = CENTRE + half * rng.uniform(-1, 1, (n, n_dim))
        return theta, np.abs(theta - CENTRE).max(axis=1)

    theta, radius = draw(n_live, HALF)
    birth = np.full(n_live, -np.inf)
    dead = []
    for _ in range(n_dead):
        worst = int(radius.argmax())
        level = -0.5 * (radius[worst] / SIGMA) ** 2
        dead.append((*theta[worst], level, birth[worst]))
        theta[worst], radius[worst] = (found[0] for found in draw(1, radius[worst]))
        birth[worst] = level
    rest = np.argsort(-radius)
    levels = -0.5 * (radius[rest] / SIGMA) ** 2
    table = np.vstack([dead, np.column_stack([theta[rest], levels, birth[rest]])])
    return table[:, :n_dim], table[:, -2], table[:, -1]


def chain_of(names, seed=1, births=True, regions=("A", "B"), n_dead=1600):
    theta, log_l, log_birth = nested_run(np.random.default_rng(seed), len(names), n_dead=n_dead)
    found = nested_weights(log_l, log_birth)
    blobs = {"m_higgs": 125.0 + (theta[:, 0] - CENTRE) / HALF, "m_stop1": theta[:, -1]}
    for number, region in enumerate(regions, start=1):
        blobs[f"n_signal[{region}]"] = number * theta[:, 0] / 50.0
        blobs[f"n_signal_error[{region}]"] = np.full(len(theta), 1.0)
    evidence = Evidence(found.log_z, found.log_z_error, False, ValidFraction(1.0, 0.0))
    return Chain(
        names=tuple(names), samples=theta, log_likelihood=log_l, log_weight=found.log_weight,
        log_birth=log_birth if births else None, blobs=blobs, evidence=evidence, n_like=len(theta),
        n_live=200, sampler="dynesty" if births else "nautilus",
    )  # fmt: skip


def resolved(names, regions, backgrounds, high=127.0):
    return {
        "parameters": {name: {"prior": {"uniform": list(box(names)[name])}} for name in names},
        "spectrum": {"kind": "learned"},
        "out_of_domain": "inflate",
        "regions": [
            {"name": name, "background": b, "background_error": 0.2 * b, "mode": "mean"}
            for name, b in zip(regions, backgrounds, strict=True)
        ],
        "constraints": [
            {"kind": "higgs_mass", "observable": "m_higgs", "low": 121.0, "high": high,
             "experimental_error": 0.0, "theory_error": 0.0, "surrogate_error": False},
            {"kind": "interval", "observable": "m_stop1", "low": 0.0, "high": None,
             "experimental_error": 0.0, "theory_error": 5.0, "surrogate_error": False},
        ],
    }  # fmt: skip


def write_run(
    folder: Path, names=("mQ3", "mtR"), seed=1, births=True, prior=True, title="a run",
    regions=("A", "B"), backgrounds=(10.0, 20.0), truth=True, high=127.0, n_dead=1600, keep=None,
) -> Run:  # fmt: skip
    """Write a run with the package's own writers and read it back.

    ``keep`` cuts the chain to that many rows; ``high`` is the upper end of its Higgs window.
    """
    folder.mkdir(parents=True)
    chain = chain_of(names, seed, births, regions, n_dead)
    if keep is not None:
        blobs = {name: column[-keep:] for name, column in chain.blobs.items()}
        chain = Chain(
            chain.names, chain.samples[-keep:], chain.log_likelihood[-keep:],
            chain.log_weight[-keep:], None, blobs, chain.evidence, keep, 1, "nautilus",
        )  # fmt: skip
    ranges = box(names)
    directory.write_chain(folder, chain, ranges)
    if prior:
        draws = np.random.default_rng(seed + 100).uniform(-1, 1, (4000, len(names)))
        directory.write_prior(folder, CENTRE + HALF * draws, ranges)
    content = yaml.safe_dump(resolved(names, regions, backgrounds, high))
    (folder / "resolved.yaml").write_text(content)
    parameters = {
        name: summarise(column, chain.weights)._asdict() | ({"truth": 1010.0} if truth else {})
        for name, column in zip(names, chain.samples.T, strict=True)
    }
    directory.write_json(
        folder / "summary.json",
        {
            "title": title, "sampler": chain.sampler, "log_z": chain.evidence.log_z,
            "log_z_error": chain.evidence.log_z_error, "valid_fraction": 1.0,
            "valid_fraction_error": 0.0, "n_like": chain.n_like, "n_live": chain.n_live,
            "n_eff": effective_size(chain.weights), "parameters": parameters,
            "n_observed": {
                name: number * 20.0 + b
                for number, (name, b) in enumerate(zip(regions, backgrounds, strict=True), 1)
            },
        },
    )  # fmt: skip
    manifest = {"schema": directory.SCHEMA_VERSION, "sampler": {"name": chain.sampler}}
    directory.write_manifest(folder, manifest)
    return directory.read_run(folder)
