"""A finished run judged by a better likelihood: another scan, a plugin, or simulated points."""

from __future__ import annotations

import hashlib
import re
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from tqdm import tqdm

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.errors import InputError
from fitplugin.physics.parameters import ParameterSpace
from fitplugin.pools.base import Pool
from fitplugin.runs.build import Scan
from fitplugin.runs.directory import Run
from fitplugin.runs.resolved import config_of
from fitplugin.samplers.evaluation import Recorded, evaluate_many
from fitplugin.studies.finished import Draws, draw, reopen, require_same
from fitplugin.studies.guest import Guest
from fitplugin.studies.trust.reweighting import Reweighted, reweight
from fitplugin.studies.trust.truth_table import read_truth

_TABLES = (".csv", ".npz")
_ENOUGH, _TOO_FEW = 0.5, 0.1  # effective share of the draws
_SMALL = 0.1  # shift of a mean, in standard deviations


class Difference(NamedTuple):
    """ln L of the truth minus that of the run, at points that both accept."""

    mean: float
    std: float
    max_abs: float


class Audit(NamedTuple):
    """What a better likelihood says of a run.

    Attributes
    ----------
    truth : str
        Where the better likelihood comes from.
    kind : {"scan", "plugin", "table"}
    n_points : int
        Posterior draws, or rows of the table.
    n_refused : int
        Those that the truth refuses.
    difference : Difference
    posterior : Reweighted or None
        None where a table does not say which part of the posterior its points stand for.
    rows : (n_points,) array or None
        Of the chain; None for a table.
    log_likelihood : (n_points,) array
        Of the truth.
    ignored : tuple of str
        Columns of a table that mean nothing here.
    """

    truth: str
    kind: Literal["scan", "plugin", "table"]
    n_points: int
    n_refused: int
    difference: Difference
    posterior: Reweighted | None
    rows: IntArray | None
    log_likelihood: FloatArray
    ignored: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        if self.posterior is None:
            return (
                "the table has no column 'weight', so its points stand for no part of the "
                "posterior: their likelihoods are compared, the posterior is not reweighted"
            )
        name, shift = self.posterior.largest_shift
        share = self.posterior.n_eff / self.n_points
        moves = f"the mean of {name} moves by {shift:+.2f} of its standard deviation"
        if share < _TOO_FEW:
            return (
                f"the posterior does NOT survive: only {self.posterior.n_eff:.0f} of "
                f"{self.n_points} draws count after reweighting; run a scan with the better "
                "likelihood, or simulate more points (`--suggest`)"
            )
        if share < _ENOUGH or abs(shift) > _SMALL:
            return f"the posterior changes: {moves}; quote the reweighted one"
        return f"the posterior holds: {moves}, and no other by more"

    def to_dict(self) -> dict[str, Any]:
        """Return it ready for JSON; weights and rows stay out."""
        found = self.posterior.to_dict() if self.posterior else {}
        return {
            "truth": self.truth,
            "kind": self.kind,
            "n_points": self.n_points,
            "n_refused": self.n_refused,
            "reweighted": self.posterior is not None,
            "delta_log_likelihood": self.difference._asdict(),
            **found,
            "ignored_columns": list(self.ignored),
            "verdict": self.verdict,
        }


def audit(
    run: Run,
    truth: str,
    pool: Pool,
    journal: Path,
    n_points: int | None = None,
    cache: Path | None = None,
    seed: int = 0,
    *,
    allow_code: bool = False,
) -> Audit:
    """Judge a run by a better likelihood.

    Parameters
    ----------
    run : Run
    truth : str
        A table (``.csv``, ``.npz``) of simulated points as `truth_table.read_truth` describes it,
        a scan file (``.yaml``) with better surrogates or data, or a likelihood as
        ``package.module:object`` or ``file.py:object`` (see `Guest`).
    pool : Pool
        What evaluates a likelihood.
    journal : path
        Where its evaluations are kept, so that an interrupted audit goes on; removed at the end.
    n_points : int, optional
        Posterior draws to evaluate; by default as many as the posterior is worth.
    cache : path, optional
        Folder of trained models.
    seed : int
        Of the draws.
    allow_code : bool
        Run code that the scan of the run names, or a scan file that is the truth.

    Raises
    ------
    InputError
        If the truth is not there or is of other parameters, or the run was made with other
        models, data or code than are there.
    """
    if Path(truth).suffix in _TABLES:
        return _by_table(run, Path(truth), cache, allow_code)
    config = config_of(run, allow_code=allow_code)
    space = ParameterSpace(config.free, config.fixed)
    guest = Guest(truth, space, None if cache is None else str(cache), allow_code=allow_code)
    draws = draw(run, len(run.posterior.weights) if n_points is None else n_points, seed)
    ours = reopen(run, cache, allow_code=allow_code).joint.evaluate(draws.theta)
    require_same(run, draws, ours.log_likelihood)
    values = _evaluate(guest, draws, pool, journal)
    kind: Literal["scan", "plugin"] = (
        "scan" if Path(truth).suffix in (".yaml", ".yml") else "plugin"
    )
    change = values - draws.log_likelihood
    found = reweight(space.names, draws.theta, change)
    return Audit(
        truth, kind, len(change), int(np.isneginf(change).sum()), _difference(change), found,
        draws.rows, values,
    )  # fmt: skip


def name_of(truth: str) -> str:
    """Return a file name for what an audit against a truth leaves behind.

    >>> name_of("better/scan.yaml")[:5]
    'scan-'
    """
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(truth.rpartition(":")[2] or truth).stem).strip("-")
    return f"{stem}-{hashlib.sha256(truth.encode()).hexdigest()[:6]}"


def _by_table(run: Run, path: Path, cache: Path | None, allow_code: bool) -> Audit:
    config = config_of(run, allow_code=allow_code)
    scan: Scan = reopen(run, cache, allow_code=allow_code)
    exact = reopen(run, cache, 0.0, allow_code=allow_code).joint
    table = read_truth(path, scan.joint, exact, config.luminosity)
    ours = scan.joint.evaluate(table.theta)
    if not ours.valid.any():
        raise InputError(str(path), "has no point that is valid in this scan")
    there = ours.valid
    change = table.log_likelihood[there] - ours.log_likelihood[there]
    found = None
    if table.weights is not None:
        found = reweight(scan.joint.names, table.theta[there], change, table.weights[there])
    return Audit(
        str(path), "table", len(change), int(np.isneginf(change).sum()), _difference(change),
        found, None, table.log_likelihood[there], table.ignored,
    )  # fmt: skip


def _evaluate(guest: Guest, draws: Draws, pool: Pool, journal: Path) -> FloatArray:
    """Evaluate the draws, in steps that a progress bar can show and an interruption can keep."""
    step = max(pool.points_per_task * pool.size, 1)
    values: list[FloatArray] = []
    with (
        closing(Recorded(guest, journal)) as recorded,
        tqdm(total=len(draws.theta), desc="audit", unit="point", disable=None, leave=False) as bar,
    ):
        for start in range(0, len(draws.theta), step):
            theta = draws.theta[start : start + step]
            values.append(evaluate_many(recorded, theta, pool).log_likelihood)
            bar.update(len(theta))
    journal.unlink(missing_ok=True)
    return np.concatenate(values)


def _difference(change: FloatArray) -> Difference:
    both = change[np.isfinite(change)]
    if not len(both):
        return Difference(float("nan"), float("nan"), float("nan"))
    return Difference(float(both.mean()), float(both.std()), float(np.abs(both).max()))
