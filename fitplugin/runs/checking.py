"""Look into a scan file without running it: whether it is usable, its speed, its valid share."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.data.tables import read_table
from fitplugin.likelihoods.joint import JointLikelihood
from fitplugin.physics.gate import Gate
from fitplugin.physics.own_theory import unread_columns
from fitplugin.pools.base import POINTS_PER_TASK
from fitplugin.runs.advice import advise
from fitplugin.runs.config import ScanConfig
from fitplugin.runs.loading import load_scan

# Nobody waits for a third digit of a speed.
_ENOUGH_S = 0.1
_SLOW_S = 0.01
_N_ALONE, _N_VALID = 100, 2000


def check_scan(
    path: str | Path, cache: str | Path | None = None, *, allow_code: bool = False
) -> dict[str, Any]:
    """Check a scan: validity, time per point, valid fraction of the prior box, what pool to use.

    Parameters
    ----------
    path : path
        A scan file.
    cache : path, optional
        Folder of trained models; default: the user's cache.
    allow_code : bool
        Run code that the scan file names.

    Returns
    -------
    dict
        ``names``, ``n_observed``, ``digest``, ``valid_fraction`` and its error,
        ``seconds_per_point`` one at a time and ``seconds_per_point_in_batch``, ``advice``,
        ``table`` of an own theory, ``gate`` if there is one.

    Raises
    ------
    InputError
        Before anything is computed, if the file or its data are not usable.
    """
    scan = load_scan(path, cache, allow_code=allow_code)
    joint = scan.joint
    rng = np.random.default_rng(scan.config.seed)

    def draw(n_points: int) -> FloatArray:
        return joint.prior_transform(rng.random((n_points, joint.n_dim)))

    # all drawn before any is timed: the fraction may not depend on how fast this machine is
    one_by_one, task, judged = draw(_N_ALONE), draw(POINTS_PER_TASK), draw(_N_VALID)
    alone, n_alone = _time_alone(joint, one_by_one)
    together = _time_together(joint, task if alone < _SLOW_S else task[:n_alone])
    fraction = float(joint.is_valid(judged).mean())
    return {
        "names": list(joint.names),
        "n_observed": dict(scan.n_observed),
        "digest": joint.digest(),
        "valid_fraction": fraction,
        "valid_fraction_error": float(np.sqrt(fraction * (1 - fraction) / _N_VALID)),
        "seconds_per_point": alone,
        "seconds_per_point_in_batch": together,
        "table": _table_facts(scan.config, Path(path).parent),
        "gate": _gate_facts(joint.theory.gate),
        "advice": advise(scan.config, alone, together),
    }


def _time_alone(joint: JointLikelihood, theta: FloatArray) -> tuple[float, int]:
    """Return seconds per point, asked for one at a time, and how many were: never for long."""
    joint.log_likelihood(theta[0])  # the first call warms caches
    n_done, start = 0, time.perf_counter()
    elapsed = 0.0
    for point in theta:
        joint.log_likelihood(point)
        n_done, elapsed = n_done + 1, time.perf_counter() - start
        if elapsed > _ENOUGH_S:
            break
    return elapsed / n_done, n_done


def _time_together(joint: JointLikelihood, theta: FloatArray) -> float:
    """Return seconds per point as samplers ask: a whole task, and only as far as it is valid."""
    laps: list[float] = []
    while len(laps) < 3 and sum(laps) < _ENOUGH_S:
        start = time.perf_counter()
        joint.evaluate_valid(theta)
        laps.append(time.perf_counter() - start)
    return min(laps) / len(theta)


def _table_facts(config: ScanConfig, folder: Path) -> dict[str, Any] | None:
    """Of the table of an own theory: its size, and the columns that nobody reads."""
    if config.theory is None:
        return None
    table = read_table(config.theory.dataset, folder)
    read = {region.efficiency.region for region in config.regions}
    return {
        "name": table.name,
        "n_points": len(next(iter(table.columns.values()))),
        "not_read": list(unread_columns(table, config.parameters, read)),
    }


def _gate_facts(gate: Gate | None) -> dict[str, Any] | None:
    """What a gate decides by, and the measured cost of its mistakes."""
    if gate is None:
        return None
    found = gate.mistakes()
    facts: dict[str, Any] = {"threshold": gate.options.threshold, "cut": gate.options.cut}
    if found is None:
        return facts
    return {
        **facts,
        "lost": found.lost,
        "passed": found.passed,
        "n_judged": found.n_valid + found.n_invalid,
    }
