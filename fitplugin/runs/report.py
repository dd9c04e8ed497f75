"""The calibration report as a folder: numbers in one JSON file, and never overwritten unasked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import fitplugin
from fitplugin.data.folders import refuse_other, replacing
from fitplugin.runs.directory import write_json
from fitplugin.runs.training import Judged, Report, Summaries, Trial
from fitplugin.stats.calibration import Calibration, Slice
from fitplugin.stats.classification import Classification, best_threshold, threshold_curve

SCHEMA_VERSION = 1
NUMBERS = "calibration.json"


@contextmanager
def writing(target: Path, force: bool) -> Iterator[Path]:
    """Give a scratch folder that becomes ``target`` when the block ends well.

    Raises
    ------
    InputError
        If ``target`` exists and ``force`` is not given, or is no report.
    """
    refuse_existing(target, force)
    with replacing(target) as scratch:
        yield scratch


def refuse_existing(target: Path, force: bool) -> None:
    """Refuse to overwrite: a report without ``--force``, anything that is no report always."""
    refuse_other(target, NUMBERS, "is not a report", force, "--report")


def write_numbers(report: Report, folder: Path) -> None:
    """Write ``calibration.json``: everything that the page shows, and more."""
    write_json(folder / NUMBERS, content(report))


def content(report: Report) -> dict[str, Any]:
    """Return the report as plain values; numbers that are not finite become null."""
    found: dict[str, Any] = _plain(
        {
            "schema": SCHEMA_VERSION,
            "fitplugin": fitplugin.__version__,
            "scan": report.scan,
            "title": report.title,
            "training_seed": report.training_seed,
            "held_out_share": report.held_out_share,
            "surrogates": {judged.name: _surrogate(judged) for judged in report.surrogates},
        }
    )
    return found


def nominal_error(level: float, n_points: int) -> float:
    """Binomial standard deviation of the coverage of n points, if the level is right."""
    return math.sqrt(level * (1.0 - level) / n_points)


def _surrogate(judged: Judged) -> dict[str, Any]:
    facts = _trial(judged.trial) if judged.trial else {}
    return {
        **{k: v for k, v in facts.items() if k not in ("label", "targets", "reason")},
        "n_held_out": judged.held_out.n_points,
        "inputs": list(judged.held_out.input_names),
        "targets": {target: _target(judged, target) for target in judged.calibration},
        "learning_curve": [_trial(trial) for trial in judged.curve],
        "comparison": [row for trial in judged.comparison for row in _rows(trial, judged)],
    }


def _target(judged: Judged, target: str) -> dict[str, Any]:
    summary = judged.calibration[target]
    mean, _, truth, _ = judged.columns(target)
    if isinstance(summary, Classification):
        curve = threshold_curve(mean, truth)
        return {
            **summary._asdict(),
            "threshold_of_least_cost": best_threshold(mean, truth),
            "curve": curve._asdict(),
        }
    slices = judged.slices(target)
    return {
        **_with_errors(summary),
        "slices": {quantity: [_slice(s) for s in found] for quantity, found in slices.items()},
    }


def _slice(part: Slice) -> dict[str, Any]:
    return {"low": part.low, "high": part.high, **_with_errors(part.calibration)}


def _with_errors(summary: Calibration) -> dict[str, float]:
    levels = {"coverage68": 0.6827, "coverage95": 0.95, "coverage997": 0.9973}
    errors = {f"{k}_error": nominal_error(v, summary.n_points) for k, v in levels.items()}
    # the variance of a squared standard normal is 2
    errors["chi2_per_point_error"] = math.sqrt(2.0 / summary.n_points)
    return {**summary._asdict(), **errors}


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "label": trial.label,
        "kind": trial.kind,
        "options": dict(trial.options),
        "n_training": trial.n_training,
        "seconds": trial.seconds,
        "microseconds_per_point": 1e6 * trial.seconds_per_point,
        "reason": trial.reason,
        "targets": _summaries(trial.calibration),
    }


def _rows(trial: Trial, judged: Judged) -> Iterator[dict[str, Any]]:
    """One row per target, also where there is nothing but a reason."""
    facts = _trial(trial)
    label, summaries = facts.pop("label"), facts.pop("targets")
    for target in judged.calibration:
        yield {"candidate": label, "target": target, **facts, **summaries.get(target, {})}


def _summaries(found: Summaries) -> dict[str, Any]:
    return {target: summary._asdict() for target, summary in found.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
