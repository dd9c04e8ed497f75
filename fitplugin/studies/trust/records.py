"""What the questions about a run leave beside it: trust, audits, tables of points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.data.json_files import read_object
from fitplugin.data.tables import write_csv
from fitplugin.errors import InputError
from fitplugin.runs.directory import Run, write_json
from fitplugin.runs.resolved import config_of
from fitplugin.runs.sample_files import write_samples
from fitplugin.runs.seal import is_sealed, with_seal
from fitplugin.runs.summary import symbols_of
from fitplugin.studies.finished import draw
from fitplugin.studies.trust.audit import Audit, name_of
from fitplugin.studies.trust.claimed_errors import Trust
from fitplugin.studies.trust.truth_table import WEIGHT

_TRUST = "trust.json"
_AUDITS = "audits"


def write_trust(run: Run, trust: Trust) -> Path:
    """Write ``trust.json`` into the run directory; the same run always gives the same."""
    path = run.path / _TRUST
    write_json(path, with_seal({"of": run.manifest["seal"], **trust.to_dict()}))
    return path


def read_trust(run: Run) -> dict[str, Any] | None:
    """Return what `write_trust` wrote of this very run, or None."""
    return _read(run.path / _TRUST, run)


def draws_table(run: Run, n_draws: int, *, allow_code: bool = False) -> dict[str, FloatArray]:
    """Return draws from the posterior, to be simulated: all parameters, masses, and a weight."""
    config = config_of(run, allow_code=allow_code)
    draws = draw(run, n_draws)
    parameters = {name: np.full(len(draws.rows), value) for name, value in config.fixed.items()}
    parameters |= dict(zip(run.ranges, draws.theta.T, strict=True))
    masses = {
        name: column[draws.rows]
        for name, column in run.posterior.columns.items()
        if name.startswith("m_") and not name.endswith("_error")
    }
    return {
        **{name: parameters[name] for name in config.parameters},
        **masses,
        WEIGHT: np.ones(len(draws.rows)),
    }


def audit_path(run: Run, truth: str, force: bool) -> Path:
    """Return where the audit of a run by a truth is written.

    Raises
    ------
    InputError
        If it is there already, without ``force``.
    """
    path = run.path / _AUDITS / f"{name_of(truth)}.json"
    if path.exists() and not force:
        raise InputError(str(path), "exists; give --force to replace it")
    path.parent.mkdir(exist_ok=True)
    return path


def write_audit(run: Run, audit: Audit, path: Path) -> list[Path]:
    """Write an audit and, if the chain was reweighted, its draws as a chain of the same name."""
    write_json(path, with_seal({"of": run.manifest["seal"], **audit.to_dict()}))
    if audit.posterior is None or audit.rows is None:
        return [path]
    posterior, rows = run.posterior, audit.rows
    kept = audit.posterior.weights > 0
    columns = np.stack([column[rows][kept] for column in posterior.columns.values()], axis=1)
    root = path.with_suffix("")
    write_samples(
        root,
        audit.posterior.weights[kept],
        audit.log_likelihood[kept],
        list(posterior.columns),
        columns,
        run.ranges,
        symbols_of(run.summary),
    )
    return [path, root.with_name(f"{root.name}.txt")]


def read_audits(run: Run) -> list[dict[str, Any]]:
    """Return the audits of this very run, by name."""
    found = [_read(path, run) for path in sorted((run.path / _AUDITS).glob("*.json"))]
    return [audit for audit in found if audit is not None]


def write_points(path: Path, columns: Mapping[str, FloatArray], force: bool) -> None:
    """Write a table of parameter points as CSV, every digit kept.

    Raises
    ------
    InputError
        If the file exists, without ``force``.
    """
    if path.exists() and not force:
        raise InputError(str(path), "exists; give --force to replace it, or another --output")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_csv(path, columns)


def _read(path: Path, run: Run) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    remedy = "remove it, and make it again"
    content = read_object(path, remedy)
    if not is_sealed(content):
        raise InputError(str(path), f"has been changed since it was written; {remedy}")
    return content if content["of"] == run.manifest["seal"] else None
