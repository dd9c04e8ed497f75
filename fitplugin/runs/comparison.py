"""What a scan's surrogate is compared with: other ways to combine experts, and baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from fitplugin.runs.models import Job
from fitplugin.stats.classification import is_binary

MAX_ROWS = 4000
"""Training points of the comparison, at most: all candidates learn the same ones."""
_EXACT_ROWS = 1000
_EXACT_ROWS_MANY = 300  # an exact process finds its kernel anew for each of several targets
_SAME = ("noise", "transform", "features", "expert_size")
_RULES = ("poe", "gpoe", "bcm", "rbcm")


class Candidate(NamedTuple):
    """One line of the comparison, or several that share a training.

    ``variants`` are pairs of a label and options: see `learning.Task`. ``max_rows`` is less than
    `MAX_ROWS` for what would take too long.
    """

    label: str
    kind: str
    options: Mapping[str, Any]
    max_rows: int = MAX_ROWS
    variants: tuple[tuple[str, Mapping[str, Any]], ...] = ()


def candidates(job: Job) -> list[Candidate]:
    """Return what is to be trained on the data of a job; the scan's own surrogate comes first.

    Distributed processes take noise, transform, features and expert size from the scan's own,
    if that is one.
    """
    own = Candidate("this scan's surrogate", job.surrogate.kind, _options(job))
    if is_binary(job.dataset.targets):
        return [own, *_classifiers()]
    return [own, *_processes(job), *_baselines(len(job.dataset.target_names))]


def _options(job: Job) -> dict[str, Any]:
    return {k: v for k, v in job.surrogate.to_dict().items() if k != "kind"}


def _processes(job: Job) -> list[Candidate]:
    same = {}
    if job.surrogate.kind == "dgp":
        own = _options(job)
        same = {name: own[name] for name in _SAME if own.get(name) is not None}
    paper = {**same, "mode": "paper"}
    found = [
        Candidate(f"dgp local, recalibration {method}", "dgp", {**same, "calibration": method})
        for method in ("none", "scale", "conformal", "coverage")
    ]
    found += [
        Candidate(f"dgp local, noise {noise}", "dgp", {**same, "noise": noise})
        for noise in ("fitted", "monte_carlo", "both")
        if noise != same.get("noise", "fitted")
    ]
    rules = tuple((f"dgp random, {rule}", {**paper, "combination": rule}) for rule in _RULES)
    found.append(Candidate("dgp mode paper", "dgp", paper, variants=rules))
    # its experts share a block of points, so they are others
    found.append(Candidate("dgp random, grbcm", "dgp", {**paper, "combination": "grbcm"}))
    return found


def _baselines(n_targets: int) -> list[Candidate]:
    exact_rows = _EXACT_ROWS if n_targets == 1 else _EXACT_ROWS_MANY
    process = {
        "estimator": "gaussian_process.GaussianProcessRegressor",
        "parameters": {"kernel": ["RBF", "WhiteKernel"]},
    }
    boosting = {"estimator": "ensemble.HistGradientBoostingRegressor"}
    neighbours = {"estimator": "neighbors.KNeighborsRegressor"}
    return [
        Candidate("network", "network", {}),
        Candidate(f"exact GP, at most {exact_rows} points", "sklearn", process, exact_rows),
        Candidate("gradient boosting", "sklearn", boosting),
        Candidate("nearest neighbours", "sklearn", neighbours),
    ]


def _classifiers() -> list[Candidate]:
    boosting = {"estimator": "ensemble.HistGradientBoostingClassifier"}
    neighbours = {"estimator": "neighbors.KNeighborsClassifier"}
    return [
        Candidate("network", "network", {}),
        Candidate("gradient boosting", "sklearn", boosting),
        Candidate("nearest neighbours", "sklearn", neighbours),
    ]
