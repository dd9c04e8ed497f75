"""What a surrogate is: it learns a dataset and predicts a mean and an error at new inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel

from fitplugin.arrays import FloatArray
from fitplugin.surrogates.dataset import Dataset

Fitted = TypeVar("Fitted", bound="Surrogate")


class Prediction(NamedTuple):
    """Predicted mean and standard deviation of every target, each (n_points, n_targets).

    ``std`` is that of a new *observation* of the target: the error of the learned function and
    the scatter of the training targets about it (Monte Carlo or program noise), in quadrature.
    """

    mean: FloatArray
    std: FloatArray


class Surrogate(Protocol):
    """A learned map theta -> (mean, std): a plugin of the group ``fitplugin.surrogates``."""

    Options: ClassVar[type[BaseModel]]
    citations: ClassVar[tuple[str, ...]]

    def __init__(self, options: Any) -> None: ...

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs, in the order of their columns."""

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names of the targets, in the order of their columns."""

    @property
    def ranges(self) -> FloatArray:
        """(n_inputs, 2) box in which the training inputs were drawn."""

    def fit(self: Fitted, dataset: Dataset, rng: np.random.Generator) -> Fitted:
        """Return a fitted surrogate; it is immutable from then on."""

    def predict(self, inputs: ArrayLike) -> Prediction:
        """Predict at (n_points, n_inputs) inputs; a point never depends on its batch."""

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return everything a fitted surrogate needs, as plain arrays (no objects)."""

    @classmethod
    def from_arrays(cls: type[Fitted], options: Any, arrays: Mapping[str, np.ndarray]) -> Fitted:
        """Rebuild the fitted surrogate that `to_arrays` came from."""
