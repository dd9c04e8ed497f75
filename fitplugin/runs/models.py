"""Trained models: taken from the user's cache where data and options are the same."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import platformdirs
from threadpoolctl import threadpool_limits

from fitplugin import plugins
from fitplugin.arrays import FloatArray
from fitplugin.components import Component, validation_context
from fitplugin.errors import InputError
from fitplugin.runs.learning import each
from fitplugin.runs.progress import training_bar
from fitplugin.surrogates import Dataset, Surrogate, load, save
from fitplugin.surrogates.base import adapted
from fitplugin.surrogates.card import SCHEMA_VERSION


def default_cache() -> Path:
    """Return the folder of trained models in the user's cache."""
    return Path(platformdirs.user_cache_dir("fitplugin")) / "models"


def model_path(folder: Path, name: str, digest: str) -> Path:
    """Return where a cache keeps the model of a name and digest."""
    return folder / f"{file_name(name)}-{file_name(digest[:16])}.npz"


def file_name(name: str) -> str:
    """Return a name, which may come from anywhere, as one that stays in its folder.

    >>> file_name("efficiency-SR/1")
    'efficiency-SR_1'
    """
    return re.sub(r"[/\\\0]", "_", name)


class Job(NamedTuple):
    """One surrogate that a scan needs."""

    name: str
    dataset: Dataset
    surrogate: Component

    def digest(self, seed: int) -> str:
        """SHA-256 over data, options, seed and a guest's code: its name in the cache."""
        facts = json.dumps([self.surrogate.to_dict(), seed, SCHEMA_VERSION], sort_keys=True)
        content = facts + self.dataset.digest() + self.surrogate.code
        return hashlib.sha256(content.encode()).hexdigest()


class Planner:
    """Stands in for training: collects what a scan needs, so that all of it can be checked first.

    The surrogates it gives know their inputs, ranges and targets, and cannot predict.
    """

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def __call__(self, name: str, dataset: Dataset, surrogate: Component) -> Surrogate:
        """Check that the dataset can be learned, and note the job."""
        try:
            adapted(surrogate.plugin(surrogate.options)).check(dataset)
        except InputError as error:
            raise error.at(f"surrogate of {name}") from error
        self.jobs.append(Job(name, dataset, surrogate))
        return _Untrained(dataset)  # type: ignore[return-value]


class _Untrained:
    def __init__(self, dataset: Dataset) -> None:
        self.input_names: tuple[str, ...] = dataset.input_names
        self.target_names: tuple[str, ...] = dataset.target_names
        self.ranges: FloatArray = dataset.ranges


class ModelCache:
    """Fitted surrogates, trained at most once per data, options and seed.

    Parameters
    ----------
    folder : path
        Where models are kept; made when the first one is stored.
    seed : int
        Seed of the training.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self.digests: dict[str, str] = {}

    def path(self, job: Job) -> Path:
        """Return where the model of a job is kept."""
        return model_path(self.folder, job.name, job.digest(self.seed))

    def __call__(self, name: str, dataset: Dataset, surrogate: Component) -> Surrogate:
        """Return the fitted surrogate of a dataset, trained if it is not there."""
        job = Job(name, dataset, surrogate)
        path = self.path(job)
        self.digests[name] = job.digest(self.seed)
        if not path.exists():
            train(self._order(job, None))
        # on one thread, as in a worker: the factors of a model have the same digits everywhere
        with threadpool_limits(1):
            return adapted(load(path, plugin=surrogate.plugin))

    def train_missing(
        self, jobs: Sequence[Job], folder: Path, processes: int = 1, retrain: bool = False
    ) -> None:
        """Train what is not there (or everything), side by side, with a progress bar.

        Parameters
        ----------
        jobs : sequence of Job
        folder : path
            Where a surrogate that is a file of the user's starts.
        processes : int
            How many at a time.
        retrain : bool
            Train again, and replace what is in the cache.
        """
        missing = [job for job in jobs if retrain or not self.path(job).exists()]
        for job in missing:
            adapted(job.surrogate.plugin(job.surrogate.options)).require_training()
        # the largest first: no process waits long for the last one
        order = sorted(range(len(missing)), key=lambda index: -_work(missing[index]))
        with training_bar([job.name for job in missing], sum(map(_work, missing))) as done:
            each(
                train,
                [self._order(job, folder) for job in missing],
                order,
                processes,
                lambda index, _: done(index, _work(missing[index])),
            )

    def _order(self, job: Job, folder: Path | None) -> Order:
        return Order(
            job.name, job.dataset, job.surrogate.to_dict(), self.seed, self.path(job), folder
        )


class Order(NamedTuple):
    """A model to be trained and stored: what another process needs to do it."""

    name: str
    dataset: Dataset
    surrogate: dict[str, Any]
    seed: int
    path: Path
    folder: Path | None


def train(order: Order) -> None:
    """Train a model and store it."""
    options = dict(order.surrogate)
    kind = options.pop("kind")
    # whoever gives the order has loaded it already, with the user's word if it is code
    plugin = plugins.load("fitplugin.surrogates", kind, order.folder, allow_code=True)
    context = validation_context(order.folder, True)
    # small matrices: a second thread of the linear algebra makes training slower, not faster
    with threadpool_limits(1):
        blank = adapted(plugin(plugin.Options.model_validate(options, context=context)))
        # where it is long, what an interruption leaves is beside the model that it becomes
        blank = blank.resumable(order.path.with_suffix(".training.npz"))
        model = blank.fit(order.dataset, np.random.default_rng(order.seed))
    save(
        model,
        kind,
        options,
        order.path,
        training={"name": order.name, "seed": order.seed, "n_points": order.dataset.n_points,
                  "sha256": order.dataset.digest()},
        calibration=adapted(model).calibration_facts() or None,
    )  # fmt: skip


def _work(job: Job) -> int:
    """A measure of the time a training takes, for its order and its ETA."""
    return job.dataset.n_points * len(job.dataset.target_names)
