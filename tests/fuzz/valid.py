"""Valid documents to start from, the files that they name, and what reads them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from fitplugin.active.loop import open_loop
from fitplugin.active.options import read_loop
from fitplugin.data.tables import write_table
from fitplugin.errors import InputError
from fitplugin.runs.build import plan
from fitplugin.runs.config import read_scan
from fitplugin.runs.models import Job
from tests.conftest import SCANS

LOOPS, RESONANCE = SCANS.parent / "loops", SCANS.parent / "resonance"
_RING = "def ring(x, y):\n    return {'depth': x * x + y * y - 0.4}\n"
_WORKSPACE = {
    "channels": [{"name": "SR", "samples": [{
        "name": "background", "data": [12.2],
        "modifiers": [{"name": "jets", "type": "normsys", "data": {"hi": 1.3, "lo": 0.7}},
                      {"name": "lumi", "type": "lumi", "data": None}],
    }]}],
    "observations": [{"name": "SR", "data": [33]}],
    "measurements": [{"name": "fit", "config": {
        "poi": "mu", "parameters": [{"name": "lumi", "sigmas": [0.02]}],
    }}],
    "version": "1.0.0",
}  # fmt: skip
_POINT = {"mu": 200, "mQ3": 900, "mtR": 900, "tan_beta": 20, "M3": 2000, "At": -2000}


def scans(folder: Path) -> tuple[dict[str, Any], ...]:
    """Return the shipped scans and two that ask for what those do not; also with every default."""
    paths = [*sorted(SCANS.glob("*.yaml")), RESONANCE / "zprime.yaml"]
    shipped = {path.stem: _yaml(path.read_text()) for path in paths}
    smoke = shipped["smoke"]
    first, second = smoke["regions"]
    choosy = {
        **smoke,
        "mock": {"benchmark": _POINT, "counts": "poisson", "seed": 3},
        "regions": [
            {**first, "workspace": {"file": "workspace.json", "channel": "SR"}},
            {
                **second,
                "efficiency": {**second["efficiency"], "dataset": "natural_susy/efficiencies"},
            },
        ],
        "nuisances": {"background_covariance": [[15.0, 1.0], [1.0, 35.0]]},
        "gate": {
            "dataset": "natural_susy/spectra",
            "inputs": ["mu", "mQ3", "mtR"],
            "surrogate": {"kind": "bnn", "posterior": "ensemble", "n_networks": 3},
        },
        "spectrum": {
            "kind": "learned",
            "inputs": ["mu", "mQ3", "abs_mu", "leading_m_stop1"],
            "surrogate": {"kind": "sklearn", "estimator": "ensemble.RandomForestRegressor"},
        },
        "constraints": [
            {"kind": "gaussian", "observable": "m_higgs", "value": 125.2, "theory_error": 2.0},
            {"kind": "interval", "observable": "m_stop1", "low": 100, "hard": True},
        ],
        "sampler": {"kind": "nautilus", "n_live": 500},
        "pool": {"kind": "dask"},
        "processes": 2,
    }
    counted = {name: value for name, value in smoke.items() if name != "mock"} | {
        "observed": {"0-lepton": 33.2, "1-lepton": 68.9},
        "combination": {"kind": "best_set", "overlap": [[1, 0], [0, 1]]},
        "sampler": {"kind": "ultranest"},
    }
    chosen = [*shipped.values(), choosy, counted]
    return (*chosen, *(_complete(scan, folder) for scan in chosen[-4:]))


def _complete(scan: dict[str, Any], folder: Path) -> Any:
    path = folder / "base.yaml"
    path.write_text(yaml.safe_dump(scan))
    complete = _yaml(read_scan(path).to_yaml())
    path.unlink()
    return complete


def loops() -> tuple[dict[str, Any], ...]:
    """Return the shipped loops, one with every default, and one for every other oracle."""
    shipped = [_yaml(path.read_text()) for path in sorted(LOOPS.glob("*.yaml"))]
    complete = read_loop(LOOPS / "exclusion.yaml").model_dump(mode="json")
    ring: dict[str, Any] = {
        "fitplugin": 1,
        "parameters": {"x": [-1.0, 1.0], "y": [-1.0, 1.0]},
        "oracle": {"kind": "function", "function": "mine.py:ring"},
        "target": {"names": ["depth"]},
        "first": 8,
        "batch": {"size": 6, "candidates": 500},
        "rounds": 2,
    }
    warm = {"dataset": "ring.csv", "target": "depth", "points": 50}
    table = {**ring, "oracle": {"kind": "table", "dataset": "ring.csv"}, "warm_start": warm}
    return (*shipped, _yaml(yaml.safe_dump(complete)), ring, table, {**ring, "oracle": "folder"})


def _yaml(text: str) -> Any:
    return yaml.safe_load(text)


def put_files(folder: Path) -> None:
    """Write what the documents name."""
    (folder / "mine.py").write_text(_RING)
    (folder / "spheno.py").write_text((LOOPS / "spheno.py").read_text())
    (folder / "zprime.csv").write_bytes((RESONANCE / "zprime.csv").read_bytes())
    shutil.copytree(RESONANCE, folder.parent / RESONANCE.name)  # beside, as the loops have it
    (folder / "workspace.json").write_text(json.dumps(_WORKSPACE))
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (2, 60))
    write_table(folder / "ring.csv", {"x": x, "y": y, "depth": x * x + y * y - 0.4}, {})
    term = read_scan(SCANS / "learned_chi2.yaml").likelihoods[0].options
    names = (*term.inputs, term.target)
    columns = rng.uniform(0, 1, (len(names), 300))
    write_table(folder / term.dataset, dict(zip(names, columns, strict=True)), {})


def checked_scan(path: Path) -> list[Job]:
    """Do what `fitplugin check` does before it trains; return what would be trained."""
    config = read_scan(path, allow_code=True)
    try:
        return plan(config, path.parent)
    except InputError as error:
        raise error.at(str(path)) from error


def checked_loop(path: Path) -> None:
    """Do what `fitplugin learn` does before it asks anything."""
    open_loop(path, path.parent / "state", allow_code=True)
