"""What a surrogate is: it learns a dataset and predicts a mean and an error at new inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.surrogates.dataset import Dataset, Schema

Fitted = TypeVar("Fitted", bound="Surrogate")
Array = TypeVar("Array", bound="ArraySurrogate")


class Prediction(NamedTuple):
    """Predicted mean and standard deviation of every target, each (n_points, n_targets).

    ``std`` is that of the quantity itself: the error of the learned function and, in quadrature,
    whatever scatter of the training targets no known error explains (a spectrum program's own
    numerics, say). Errors that the dataset declares (``target_error``, Monte Carlo statistics)
    belong to those training points alone and are not part of it, unless a surrogate is told to
    fit its noise.
    """

    mean: FloatArray
    std: FloatArray


class Examined(NamedTuple):
    """A prediction, and how far from the training points it was asked.

    ``remoteness`` is (n_points,): at most 1 where the surrogate was trained, larger outside.
    """

    mean: FloatArray
    std: FloatArray
    remoteness: FloatArray


class Surrogate(ABC):
    """A learned map theta -> (mean, std): a plugin of the group ``fitplugin.surrogates``.

    One whose `fit` learns nothing but arrays is an `ArraySurrogate`, which asks for less.
    """

    Options: ClassVar[type[BaseModel]]
    """What a scan file may say beside ``kind``; a subclass of `fitplugin.options.Options`."""
    citations: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __init__(self, options: Any) -> None: ...

    @property
    @abstractmethod
    def schema(self) -> Schema:
        """Names and box of what was learned; `InputError` before `fit`."""

    def check(self, dataset: Dataset) -> None:
        """Refuse, with `InputError`, a dataset that `fit` would refuse, before work starts."""
        dataset.require_distinct_rows()

    @classmethod
    def require_training(cls) -> None:
        """Refuse, with `MissingExtraError`, to train where a library for it is missing."""
        return None

    def resumable(self: Fitted, path: Path) -> Fitted:
        """Return one whose `fit` keeps its state in a file, where that is worth it; or itself."""
        return self

    @abstractmethod
    def fit(self: Fitted, dataset: Dataset, rng: np.random.Generator) -> Fitted:
        """Return a fitted surrogate, a new object that is immutable from then on.

        It calls `check` first; all that is random in it comes from ``rng``.
        """

    @abstractmethod
    def examine(self, inputs: ArrayLike) -> Examined:
        """Predict at (n_points, n_inputs) inputs, and say how remote they are.

        Mean and error are (n_points, n_targets), the error positive; a point never depends on
        its batch. `fitplugin.arrays.as_points` checks inputs, `Schema.remoteness` is a distance.
        """

    @abstractmethod
    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return everything a fitted surrogate needs, as plain arrays (no objects)."""

    @classmethod
    @abstractmethod
    def from_arrays(cls: type[Fitted], options: Any, arrays: Mapping[str, np.ndarray]) -> Fitted:
        """Rebuild the fitted surrogate that `to_arrays` came from."""

    def predict(self, inputs: ArrayLike) -> Prediction:
        """Predict the targets.

        Parameters
        ----------
        inputs : (n_points, n_inputs) or (n_inputs,) array
            Raw inputs, in their physical units.

        Returns
        -------
        Prediction
            ``mean`` and ``std``, each (n_points, n_targets), in the units of the targets.

        Raises
        ------
        InputError
            If the shape is wrong or a value is not finite.
        """
        mean, std, _ = self.examine(inputs)
        return Prediction(mean, std)

    def calibration_facts(self) -> dict[str, Any]:
        """What its errors were corrected by, for the card of the stored model (JSON-ready)."""
        return {}

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs, in the order of their columns."""
        return self.schema.input_names

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names of the targets, in the order of their columns."""
        return self.schema.target_names

    @property
    def ranges(self) -> FloatArray:
        """(n_inputs, 2) box in which the training inputs were drawn."""
        return self.schema.ranges


class ArraySurrogate(Surrogate):
    """A surrogate that is its options and arrays by name: `fit` and `examine` are all it needs.

    `fit` returns ``type(self)(self.options, {**dataset.schema.to_arrays(), ...})``, and `examine`
    reads ``self.arrays``: see `fitplugin.templates.surrogate`.
    """

    def __init__(self, options: Any, arrays: Mapping[str, np.ndarray] | None = None) -> None:
        self.options = options
        self._arrays = arrays

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """What `fit` has learned, names and box among it; `InputError` before `fit`."""
        arrays: Mapping[str, np.ndarray] = require_fitted(self._arrays)
        return arrays

    @property
    def schema(self) -> Schema:
        """Names and box of what was learned; `InputError` before `fit`."""
        return Schema.from_arrays(self.arrays)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays."""
        return dict(self.arrays)

    @classmethod
    def from_arrays(cls: type[Array], options: Any, arrays: Mapping[str, np.ndarray]) -> Array:
        """Rebuild the fitted surrogate that `to_arrays` came from."""
        return cls(options, arrays)


def require_fitted(fitted: Any) -> Any:
    """Return what `fit` left behind, or say that it has not been called."""
    if fitted is None:
        raise InputError("surrogate", "is not fitted yet; call fit(dataset, rng) first")
    return fitted


def adapted(model: Any) -> Surrogate:
    """Return a surrogate as it is, and a guest that only predicts as a surrogate.

    A guest needs ``fit``, ``predict``, ``to_arrays``, ``from_arrays``, ``input_names``,
    ``target_names`` and ``ranges``; it is remote where it leaves its box.
    """
    return model if isinstance(model, Surrogate) else _Guest(model)


class _Guest(Surrogate):
    """Asks a guest, and adds what it does not say."""

    def __init__(self, options: Any) -> None:
        self._guest = options

    @property
    def schema(self) -> Schema:
        guest = self._guest
        return Schema(guest.input_names, guest.target_names, np.asarray(guest.ranges))

    def fit(self, dataset: Dataset, rng: np.random.Generator) -> _Guest:
        return _Guest(self._guest.fit(dataset, rng))

    def examine(self, inputs: ArrayLike) -> Examined:
        mean, std = self._guest.predict(inputs)
        points = np.atleast_2d(np.asarray(inputs, dtype=float))
        return Examined(mean, std, self.schema.remoteness(points))

    def to_arrays(self) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = self._guest.to_arrays()
        return arrays

    @classmethod
    def from_arrays(cls, options: Any, arrays: Mapping[str, np.ndarray]) -> _Guest:
        return cls(type(options).from_arrays(options, arrays))
