"""What networks that train for long share: a kept state, transformed targets, corrected errors."""

from __future__ import annotations

import copy
import hashlib
import json
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from fitplugin.arrays import FloatArray, as_points
from fitplugin.errors import InputError
from fitplugin.surrogates.base import Examined
from fitplugin.surrogates.dataset import Dataset
from fitplugin.surrogates.frame import transformed
from fitplugin.surrogates.framed import FittedParts, FramedSurrogate
from fitplugin.surrogates.networks.checkpoint import Checkpoint
from fitplugin.surrogates.recalibration import MIN_POINTS
from fitplugin.surrogates.transforms import TransformOptions


class ResumableOptions(Protocol):
    """Options of such a network, at least."""

    @property
    def transform(self) -> TransformOptions:
        """What is done to the targets."""

    @property
    def held_out(self) -> float:
        """Share of the points that corrects the errors."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """All of them, as JSON."""


class FittedNetworks(FittedParts, Protocol):
    """What is left of a training, at least."""

    @property
    def factor(self) -> FloatArray:
        """(n_targets,) corrections of the errors."""


TheOptions = TypeVar("TheOptions", bound=ResumableOptions)
TheFitted = TypeVar("TheFitted", bound=FittedNetworks)
Network = TypeVar("Network", bound="ResumableNetwork[Any, Any]")


class ResumableNetwork(FramedSurrogate[TheOptions, TheFitted]):
    """Networks whose training keeps its state, and whose errors held-out points correct."""

    def __init__(self, options: TheOptions | None = None, fitted: TheFitted | None = None) -> None:
        super().__init__(options, fitted)
        self._state_file: Path | None = None

    def resumable(self: Network, path: Path) -> Network:
        """Return one whose `fit` keeps its state in a file, and goes on from there."""
        other = copy.copy(self)
        other._state_file = path
        return other

    def check(self, dataset: Dataset) -> None:
        """Refuse what `fit` would refuse: too few points, targets out of the domain."""
        super().check(dataset)
        n_held_out = int(np.ceil(self.options.held_out * dataset.n_points))
        if n_held_out < MIN_POINTS:
            raise InputError(
                "held_out",
                f"{self.options.held_out:g} of {dataset.n_points} points are {n_held_out}; "
                f"errors need {MIN_POINTS}",
            )
        self._transformed(dataset)

    def examine(self, inputs: ArrayLike) -> Examined:
        """Predict at (n_points, n_inputs) inputs; remote is what leaves the box."""
        values = as_points(inputs, self.input_names, "inputs")
        fitted = self._fitted
        mean, std = self._moments(fitted, values)
        return Examined(mean, std * fitted.factor, fitted.frame.schema.remoteness(values))

    @abstractmethod
    def _moments(self, fitted: TheFitted, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and error of the targets, the latter before its correction."""

    def _transformed(self, dataset: Dataset) -> Dataset:
        return transformed(dataset, self.options.transform)

    def _checkpoint(self, dataset: Dataset, seeds: int | list[int]) -> Checkpoint:
        """Return the state of this very training: these options, points and seeds."""
        facts = json.dumps([self.options.model_dump(mode="json"), dataset.digest(), seeds])
        return Checkpoint(self._state_file, hashlib.sha256(facts.encode()).hexdigest())


def require_units(found: Sequence[int], wanted: Sequence[int]) -> None:
    """Refuse networks of a stored model that are not those of its options."""
    if tuple(found) != tuple(wanted):
        raise InputError(
            "hidden",
            f"the file holds networks of {'-'.join(map(str, found))} units, its options ask for "
            f"{'-'.join(map(str, wanted))}: another architecture; train it again",
        )
