"""A finished run with its likelihood built again: where every question about trust starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.errors import InputError
from fitplugin.runs.build import Scan
from fitplugin.runs.digests import EVALUATION_CODE
from fitplugin.runs.directory import Run
from fitplugin.runs.loading import load_scan
from fitplugin.runs.resolved import folder_of
from fitplugin.stats.weighted import effective_size, equal_weight_rows

# The likelihood of a chain's points, stored with eleven digits and computed again.
_LARGEST_DIFFERENCE = 1e-4


class Draws(NamedTuple):
    """Equally weighted draws from the posterior of a run.

    Attributes
    ----------
    rows : (n_draws,) array of int
        Of the chain.
    theta : (n_draws, n_dim) array
    log_likelihood : (n_draws,) array
        As the chain has it.
    """

    rows: IntArray
    theta: FloatArray
    log_likelihood: FloatArray


def reopen(
    run: Run,
    cache: Path | None = None,
    surrogate_error: float | None = None,
    *,
    allow_code: bool = False,
) -> Scan:
    """Build the scan of a finished run again, with the counts that the run was compared with.

    Parameters
    ----------
    run : Run
    cache : path, optional
        Folder of trained models.
    surrogate_error : float, optional
        Another factor on the errors of the surrogates than that of the run.
    allow_code : bool
        Run code that the scan of the run names.

    Raises
    ------
    InputError
        If models, data or tables are not those of the run; changed code is no reason, as long
        as `require_same` holds.
    """
    changes: dict[str, Any] = {"mock": None, "observed": dict(run.summary["n_observed"])}
    if surrogate_error is not None:
        changes["surrogate_error"] = surrogate_error
    scan = load_scan(
        run.path / "resolved.yaml", cache, changes=changes, folder=folder_of(run),
        allow_code=allow_code,
    )  # fmt: skip
    if surrogate_error is None:
        _require_digests(run, scan.digests)
    return scan


def draw(run: Run, n_draws: int, seed: int = 0) -> Draws:
    """Draw equally weighted points from the posterior of a run, at most its effective size.

    Systematic resampling: no row is drawn twice before the weights demand it.

    Raises
    ------
    InputError
        If the posterior is a single sample, or no draw is asked for.
    """
    if n_draws < 1:
        raise InputError("draws", f"must be at least 1, not {n_draws}")
    weights = run.posterior.weights
    n_eff = effective_size(weights)
    if n_eff < 2:
        raise InputError(
            str(run.path),
            f"holds {len(weights)} valid samples that count as {n_eff:.1f}: no posterior to judge; "
            "run it with more live points",
        )
    rows = equal_weight_rows(weights, np.random.default_rng(seed), min(n_draws, int(n_eff)))
    columns = run.posterior.columns
    theta = np.stack([columns[name][rows] for name in run.ranges], axis=1)
    return Draws(rows, theta, run.posterior.log_likelihood[rows])


def require_same(run: Run, draws: Draws, log_likelihood: FloatArray) -> None:
    """Refuse to judge a chain by another likelihood than made it.

    Raises
    ------
    InputError
        If (n_draws,) values, computed again, are not those of the chain.
    """
    difference = np.abs(log_likelihood - draws.log_likelihood)
    if not (difference < _LARGEST_DIFFERENCE).all():
        raise InputError(
            str(run.path),
            f"was made with another version: ln L of its points differs by up to "
            f"{np.nanmax(difference):.2g} today; run the scan again",
        )


def _require_digests(run: Run, now: Mapping[str, str]) -> None:
    before = run.manifest["digests"]
    changed = [
        name
        for name in {**before, **now}
        if before.get(name) != now.get(name) and name != EVALUATION_CODE
    ]
    if changed:
        raise InputError(
            str(run.path),
            f"was made with something else: {', '.join(changed)} changed since; run the scan again",
        )
