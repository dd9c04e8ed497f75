"""Judge the surrogates of a scan on points that they have not seen."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.pools.base import available_cores
from fitplugin.runs.build import plan
from fitplugin.runs.comparison import MAX_ROWS, Candidate, candidates
from fitplugin.runs.config import read_scan
from fitplugin.runs.learning import Outcome, Task, learn_all
from fitplugin.runs.models import Job
from fitplugin.stats.calibration import Calibration, Slice, calibrate, in_slices
from fitplugin.stats.classification import Classification, classify, is_binary
from fitplugin.surrogates import Dataset, Prediction

CURVE = (1 / 8, 1 / 4, 1 / 2)
"""Shares of the training points at which the learning curve is taken, besides all of them."""

Summaries = Mapping[str, Calibration | Classification]


class Trial(NamedTuple):
    """One training and what it gave: a point of the learning curve, a line of the comparison.

    ``calibration`` is empty where ``reason`` says why nothing could be trained.
    """

    label: str
    kind: str
    options: Mapping[str, Any]
    n_training: int
    calibration: Summaries
    seconds: float
    seconds_per_point: float
    reason: str | None = None


class Judged(NamedTuple):
    """One surrogate, trained without the held-out points, and its predictions of them."""

    name: str
    held_out: Dataset
    prediction: Prediction
    calibration: Summaries
    trial: Trial | None = None
    curve: tuple[Trial, ...] = ()
    comparison: tuple[Trial, ...] = ()

    @property
    def truth_error(self) -> FloatArray | None:
        """(n_points, n_targets) standard deviations of the truths about their predictions."""
        return self.held_out.error_about(self.prediction.mean)

    def columns(self, target: str) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray | None]:
        """Mean, std, truth and error of the truth of one target, each (n_points,)."""
        column = self.held_out.target_names.index(target)
        error = self.truth_error
        return (
            self.prediction.mean[:, column],
            self.prediction.std[:, column],
            self.held_out.targets[:, column],
            None if error is None else error[:, column],
        )

    def slices(self, target: str) -> dict[str, list[Slice]]:
        """Calibrate a target in slices of every input, and of its own true values."""
        columns = self.columns(target)
        names = [*self.held_out.input_names, target]
        values = [*self.held_out.inputs.T, columns[2]]
        return {n: in_slices(v, *columns) for n, v in zip(names, values, strict=True)}


class Report(NamedTuple):
    """All surrogates of a scan, judged."""

    scan: str
    title: str
    training_seed: int
    held_out_share: float
    surrogates: list[Judged]


def judge(
    path: str | Path, held_out_share: float, comparison: bool = True, *, allow_code: bool = False
) -> Report:
    """Train every surrogate of a scan file without a held-out part, and compare.

    The split and all trainings follow from the scan's ``training_seed``; nothing enters the model
    cache. Trainings run on all cores that this process may use.

    Parameters
    ----------
    path : path
        A scan file.
    held_out_share : float
        Share of the points that is held out, in (0, 1).
    comparison : bool
        Also train on parts of the points (the learning curve), and other surrogates.
    allow_code : bool
        Run code that the scan file names.

    Raises
    ------
    InputError
        If the scan file or its data are not usable.
    """
    config = read_scan(path, allow_code=allow_code)
    folder = Path(path).parent
    try:
        jobs = plan(config, folder)
        threshold = getattr(getattr(config.spectrum, "options", None), "threshold", 0.5)
        judged = judge_jobs(
            jobs, held_out_share, config.training_seed, threshold, comparison,
            available_cores(), folder,
        )  # fmt: skip
    except InputError as error:
        raise error.at(str(path)) from error
    return Report(str(path), config.title or "", config.training_seed, held_out_share, judged)


def judge_jobs(
    jobs: list[Job],
    held_out_share: float,
    seed: int,
    threshold: float = 0.5,
    comparison: bool = True,
    processes: int = 1,
    folder: Path | None = None,
) -> list[Judged]:
    """Judge each job; see `judge`. Classes are told apart at the threshold."""
    parts = [_split(job, held_out_share, seed) for job in jobs]
    plans = [_plan(job, *part, comparison, folder) for job, part in zip(jobs, parts, strict=True)]
    tasks = [task for planned in plans for task in planned]
    outcomes = iter(learn_all(tasks, processes))
    return [
        _judged(job, held_out, threshold, comparison, [(t, next(outcomes)) for t in planned])
        for job, (_, held_out, _), planned in zip(jobs, parts, plans, strict=True)
    ]


def summarise(held_out: Dataset, prediction: Prediction, threshold: float) -> Summaries:
    """Compare predictions of held-out points with the truths and their own errors, by target."""
    judged = Judged("", held_out, prediction, {})
    found: dict[str, Calibration | Classification] = {}
    for target in held_out.target_names:
        mean, std, truth, error = judged.columns(target)
        if is_binary(truth):
            found[target] = classify(mean, truth, threshold)
        else:
            found[target] = calibrate(mean, std, truth, error)
    return found


def _split(job: Job, share: float, seed: int) -> tuple[Dataset, Dataset, np.random.Generator]:
    rng = np.random.default_rng(seed)
    n_held_out = max(1, round(share * job.dataset.n_points))
    return (*job.dataset.split(n_held_out, rng), rng)


def _plan(
    job: Job,
    training: Dataset,
    held_out: Dataset,
    rng: np.random.Generator,
    comparison: bool,
    folder: Path | None,
) -> list[Task]:
    """Return the tasks of a job: itself, its learning curve, the candidates."""
    found = candidates(job)

    def task(candidate: Candidate, n_rows: int) -> Task:
        # the split has shuffled the rows: the first ones are a random part
        rows = training.take(np.arange(min(n_rows, training.n_points)))
        options = tuple(options for _, options in candidate.variants)
        return Task(
            candidate.kind, candidate.options, rows, held_out.inputs, copy.deepcopy(rng),
            folder, options,
        )  # fmt: skip

    own = task(found[0], training.n_points)._replace(needed_by=f"surrogate of {job.name}")
    if not comparison:
        return [own]
    curve = [task(found[0], max(1, round(share * training.n_points))) for share in CURVE]
    # where all points are compared anyway, the first task has answered already
    others = found[1:] if training.n_points <= MAX_ROWS else found
    return [own, *curve, *(task(each, each.max_rows) for each in others)]


def _judged(
    job: Job,
    held_out: Dataset,
    threshold: float,
    comparison: bool,
    done: list[tuple[Task, list[Outcome]]],
) -> Judged:
    found = candidates(job)

    def trials(candidate: Candidate, task: Task, outcomes: list[Outcome]) -> Iterator[Trial]:
        labels = [(candidate.label, candidate.options), *candidate.variants]
        for (label, options), outcome in zip(labels, outcomes, strict=True):
            summaries: Summaries = {}
            if outcome.prediction is not None:
                summaries = summarise(held_out, outcome.prediction, threshold)
            yield Trial(
                label, candidate.kind, options, task.training.n_points, summaries,
                outcome.seconds, outcome.seconds_per_point, outcome.reason,
            )  # fmt: skip

    task, (outcome, *_) = done[0]
    assert outcome.prediction is not None  # it is needed: `learn` has raised otherwise
    (full,) = trials(found[0], task, [outcome])
    judged = Judged(job.name, held_out, outcome.prediction, full.calibration, full)
    if not comparison:
        return judged
    n_curve = 1 + len(CURVE)
    curve = [t for each in done[1:n_curve] for t in trials(found[0], *each)]
    rest = done[n_curve:]
    compared = [] if len(rest) == len(found) else [full]
    for candidate, each in zip(found[len(found) - len(rest) :], rest, strict=True):
        compared += trials(candidate, *each)
    return judged._replace(curve=(*curve, full), comparison=tuple(compared))
