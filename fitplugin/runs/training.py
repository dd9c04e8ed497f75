"""Judge the surrogates of a scan on points that they have not seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fitplugin.errors import InputError
from fitplugin.runs.build import plan
from fitplugin.runs.config import read_scan
from fitplugin.runs.models import Job
from fitplugin.runs.progress import training_bar
from fitplugin.stats.calibration import (
    Calibration,
    Classification,
    calibrate,
    classify,
    is_binary,
)
from fitplugin.surrogates import Dataset, Prediction, Surrogate


class Judged(NamedTuple):
    """One surrogate, trained without the held-out points, and its predictions of them."""

    name: str
    held_out: Dataset
    prediction: Prediction
    calibration: Mapping[str, Calibration | Classification]


def judge(path: str | Path, held_out_share: float) -> list[Judged]:
    """Train every surrogate of a scan file without a held-out part, and compare.

    The split follows from the scan's ``training_seed``; nothing enters the model cache.

    Raises
    ------
    InputError
        If the scan file or its data are not usable.
    """
    config = read_scan(path)
    try:
        jobs = plan(config, Path(path).parent)
    except InputError as error:
        raise error.at(str(path)) from error
    with training_bar(jobs) as on_train:
        judged = []
        for job in jobs:
            on_train(job.name)
            judged.append(_judge_one(job, held_out_share, config.training_seed))
    return judged


def write_report(judged: list[Judged], folder: Path) -> None:
    """Write ``calibration.json`` with the numbers of every target."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        surrogate.name: {t: c._asdict() for t, c in surrogate.calibration.items()}
        for surrogate in judged
    }
    (folder / "calibration.json").write_text(json.dumps(content, indent=2) + "\n")


def _judge_one(job: Job, share: float, seed: int) -> Judged:
    rng = np.random.default_rng(seed)
    training, held_out = job.dataset.split(max(1, round(share * job.dataset.n_points)), rng)
    model: Surrogate = job.surrogate.plugin(job.surrogate.options).fit(training, rng)
    prediction = model.predict(held_out.inputs)
    calibration = {
        target: classify(mean, truth) if is_binary(truth) else calibrate(mean, std, truth)
        for target, mean, std, truth in zip(
            held_out.target_names,
            prediction.mean.T,
            prediction.std.T,
            held_out.targets.T,
            strict=True,
        )
    }
    return Judged(job.name, held_out, prediction, calibration)
