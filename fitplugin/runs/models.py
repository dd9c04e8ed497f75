"""Trained models: taken from the user's cache where data and options are the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import platformdirs

from fitplugin.arrays import FloatArray
from fitplugin.plugins import Component
from fitplugin.surrogates import Dataset, Surrogate, load, save


def default_cache() -> Path:
    """Return the folder of trained models in the user's cache."""
    return Path(platformdirs.user_cache_dir("fitplugin")) / "models"


class Job(NamedTuple):
    """One surrogate that a scan needs."""

    name: str
    dataset: Dataset
    surrogate: Component

    def digest(self, seed: int) -> str:
        """SHA-256 over data, options and seed: the name of the model in the cache."""
        facts = json.dumps([self.surrogate.to_dict(), seed], sort_keys=True)
        return hashlib.sha256((facts + self.dataset.digest()).encode()).hexdigest()


class Planner:
    """Stands in for training: collects what a scan needs, so that all of it can be checked first.

    The surrogates it gives know their inputs, ranges and targets, and cannot predict.
    """

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def __call__(self, name: str, dataset: Dataset, surrogate: Component) -> Surrogate:
        """Note the job."""
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
    retrain : bool
        Train again, and replace what is in the cache.
    on_train : callable
        Told the name of a model before it is trained.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        retrain: bool = False,
        on_train: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.folder = folder
        self.seed = seed
        self.digests: dict[str, str] = {}
        self._retrain = retrain
        self.on_train = on_train

    def path(self, job: Job) -> Path:
        """Return where the model of a job is kept."""
        return self.folder / f"{job.name}-{job.digest(self.seed)[:16]}.npz"

    def __call__(self, name: str, dataset: Dataset, surrogate: Component) -> Surrogate:
        """Return the fitted surrogate of a dataset."""
        job = Job(name, dataset, surrogate)
        path = self.path(job)
        self.digests[name] = job.digest(self.seed)
        if path.exists() and not self._retrain:
            return load(path)
        self.on_train(name)
        model: Surrogate = surrogate.plugin(surrogate.options).fit(
            dataset, np.random.default_rng(self.seed)
        )
        save(
            model,
            surrogate.kind,
            surrogate.options.model_dump(mode="json"),
            path,
            training={"name": name, "seed": self.seed, "n_points": dataset.n_points,
                      "sha256": dataset.digest()},
        )  # fmt: skip
        return model
