"""Multi-task Gaussian process as a surrogate: every target is a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, Field
from threadpoolctl import threadpool_limits

from fitplugin.arrays import BoolArray, FloatArray, as_points, require_finite
from fitplugin.errors import InputError
from fitplugin.options import Options
from fitplugin.surrogates.base import Examined
from fitplugin.surrogates.dataset import Dataset, Schema
from fitplugin.surrogates.features import FeatureNames, Features
from fitplugin.surrogates.frame import Frame
from fitplugin.surrogates.framed import FramedSurrogate
from fitplugin.surrogates.multitask import (
    MultitaskProcess,
    Observations,
    TaskHyperparameters,
    maximise_evidence,
)
from fitplugin.surrogates.scaling import Standardiser

_FEWEST = 3  # values of a task
_SMALL = 1000  # values


class MultitaskOptions(Options):
    """Options of a multi-task Gaussian process."""

    features: FeatureNames = None
    length_scales: str = Field(
        "each", pattern="^(each|one)$", description="One for each feature, or one for all."
    )
    evidence_points: int = Field(
        1500, ge=10, description="Values, at most, on which hyper-parameters are found."
    )


class Tasks(NamedTuple):
    """Values of tasks where they are known.

    Attributes
    ----------
    inputs : (n_points, n_inputs) array
    values : (n_points, n_tasks) array
        NaN where a task is missing.
    error : (n_points, n_tasks) array or None
        Standard deviations of the values.
    schema : Schema
        Names of inputs and tasks, and the box of the inputs.
    """

    inputs: FloatArray
    values: FloatArray
    error: FloatArray | None
    schema: Schema


class _Fitted(NamedTuple):
    frame: Frame
    process: MultitaskProcess


class MultitaskGP(FramedSurrogate[MultitaskOptions, _Fitted]):
    """Gaussian process whose tasks share what they know: fidelities, or outputs, of one function.

    `fit` takes every target of a dataset as a task; `fit_tasks` leaves values out where a task has
    not been asked. The error is that of the function and, in quadrature, the scatter of a task
    that no known error explains.
    """

    Options: ClassVar[type[BaseModel]] = MultitaskOptions
    citations: ClassVar[tuple[str, ...]] = (
        "E. Bonilla, K. M. A. Chai and C. Williams, Multi-task Gaussian Process Prediction, "
        "NIPS 20 (2007)",
        "I. Espejo et al., Active Learning for Level Set Estimation, ATL-PHYS-PUB-2022-045",
    )

    def fit(self, dataset: Dataset, rng: np.random.Generator) -> MultitaskGP:
        """Return a process of all targets at all points; ``rng`` chooses points for the evidence.

        Raises
        ------
        InputError
            If rows repeat, a column is constant, or the covariance cannot be factorised.
        """
        self.check(dataset)
        tasks = Tasks(dataset.inputs, dataset.targets, dataset.target_error, dataset.schema)
        return self.fit_tasks(tasks, rng)

    def fit_tasks(self, tasks: Tasks, rng: np.random.Generator) -> MultitaskGP:
        """Return a process of the values that there are.

        Raises
        ------
        InputError
            If a task has fewer than three values, or what `fit` refuses.
        """
        known = _known(tasks)
        frame = self._frame(tasks, known)
        seen = _observations(tasks, known, frame)
        n_tasks = len(tasks.schema.target_names)
        rows = _rows_for_evidence(seen.tasks, self.options.evidence_points, rng)
        # small matrices: a second thread of the linear algebra only waits
        with threadpool_limits(1 if len(rows) < _SMALL else None):
            hyper = maximise_evidence(seen.take(rows), n_tasks, self.options.length_scales == "one")
        return MultitaskGP(self.options, _Fitted(frame, MultitaskProcess.of(seen, hyper)))

    def examine(self, inputs: ArrayLike) -> Examined:
        """Predict at (n_points, n_inputs) inputs; remote is what leaves the box."""
        values = as_points(inputs, self.input_names, "inputs")
        frame, process = self._fitted
        points = frame.points(values)
        found = [process.predict(points, task) for task in range(len(self.target_names))]
        mean = np.stack([mean for mean, _ in found], axis=1)
        variance = np.stack([variance for _, variance in found], axis=1)
        std = np.sqrt(variance + process.hyper.noise_std**2)
        return Examined(
            frame.targets.restore(mean), std * frame.targets.scale, self.schema.remoteness(values)
        )

    def joint(self, inputs: ArrayLike, target: str) -> tuple[FloatArray, FloatArray]:
        """Mean (n_points,) and covariance (n_points, n_points) of the function of one target."""
        values = as_points(inputs, self.input_names, "inputs")
        frame, process = self._fitted
        task = self.target_names.index(target)
        mean, covariance = process.joint(frame.points(values), task)
        shift, scale = frame.targets.shift[task], frame.targets.scale[task]
        return mean * scale + shift, covariance * scale**2

    @property
    def task_correlation(self) -> FloatArray:
        """Correlation of the tasks, (n_tasks, n_tasks)."""
        covariance = self._fitted.process.hyper.task_covariance
        width = np.sqrt(np.diagonal(covariance))
        return np.asarray(covariance / np.outer(width, width))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return points, values, hyper-parameters and the factor as plain arrays."""
        frame, process = self._fitted
        return {
            **frame.to_arrays(),
            **{f"seen_{name}": array for name, array in process.seen._asdict().items()},
            **{f"hyper_{name}": np.asarray(a) for name, a in process.hyper._asdict().items()},
        }

    @classmethod
    def from_arrays(
        cls, options: MultitaskOptions, arrays: Mapping[str, np.ndarray]
    ) -> MultitaskGP:
        """Rebuild the process that `to_arrays` came from."""
        frame = Frame.from_arrays(arrays, options.features)
        seen = Observations(*(arrays[f"seen_{name}"] for name in Observations._fields))
        length_scale, factor, trend, noise = (
            arrays[f"hyper_{name}"] for name in TaskHyperparameters._fields
        )
        hyper = TaskHyperparameters(length_scale, factor, float(trend), noise)
        return cls(options, _Fitted(frame, MultitaskProcess.of(seen, hyper)))

    def _frame(self, tasks: Tasks, known: BoolArray) -> Frame:
        chosen = self.options.features or tasks.schema.input_names
        features = Features(chosen, tasks.schema.input_names)
        inputs = Standardiser.of(features(tasks.inputs), chosen)
        names = tasks.schema.target_names
        columns = [
            Standardiser.of(column[is_known][:, np.newaxis], (name,))
            for column, is_known, name in zip(tasks.values.T, known.T, names, strict=True)
        ]
        targets = Standardiser(
            np.concatenate([column.shift for column in columns]),
            np.concatenate([column.scale for column in columns]),
        )
        return Frame(tasks.schema, features, inputs, targets)


def _known(tasks: Tasks) -> BoolArray:
    """Where there are values; what cannot be learned from is refused by name."""
    require_finite(tasks.inputs, "inputs", tasks.schema.input_names)
    known = np.isfinite(tasks.values)
    if np.isinf(tasks.values).any():
        raise InputError("values", "are infinite somewhere; a missing one is NaN")
    for name, count in zip(tasks.schema.target_names, known.sum(axis=0), strict=True):
        if count < _FEWEST:
            raise InputError(f"target {name}", f"has {count} values; {_FEWEST} at least are needed")
    return np.asarray(known)


def _observations(tasks: Tasks, known: BoolArray, frame: Frame) -> Observations:
    rows, columns = np.nonzero(known)
    values = frame.targets(np.where(known, tasks.values, 0.0))
    variance = np.zeros_like(values)
    if tasks.error is not None:
        variance = np.square(np.where(known, tasks.error, 0.0) / frame.targets.scale)
    points = frame.points(tasks.inputs)
    return Observations(points[rows], columns, values[rows, columns], variance[rows, columns])


def _rows_for_evidence(tasks: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of at most so many values, rare tasks whole as far as they get an equal share."""
    rows = rng.permutation(len(tasks))
    if len(rows) <= most:
        return np.sort(rows)
    kept: list[np.ndarray] = []
    groups = sorted((rows[tasks[rows] == task] for task in np.unique(tasks)), key=len)
    for index, group in enumerate(groups):
        share = (most - sum(map(len, kept))) // (len(groups) - index)
        kept.append(group[:share])
    return np.sort(np.concatenate(kept))
