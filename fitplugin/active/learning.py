"""From the answers so far to a surrogate of the targets, the cheap task beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fitplugin.active.options import LoopOptions, WarmStartOptions
from fitplugin.active.state import State
from fitplugin.arrays import FloatArray
from fitplugin.data.tables import read_table
from fitplugin.errors import FitpluginError, InputError
from fitplugin.physics.derived import Derived
from fitplugin.surrogates.dataset import Schema
from fitplugin.surrogates.multitask_gp import MultitaskGP, Tasks

FEWEST = 5
"""Answers that a surrogate needs."""


class Cheap(NamedTuple):
    """Points and values of a warm start."""

    theta: FloatArray
    values: FloatArray


def read_cheap(
    options: WarmStartOptions, names: Sequence[str], box: FloatArray, folder: Path, seed: int
) -> Cheap:
    """Read the table of a warm start: rows inside the box, at most as many as asked for.

    Raises
    ------
    InputError
        If a column is missing or no row is left.
    """
    table = read_table(options.dataset, folder)
    theta = table.numbers(names)
    values = table.numbers([options.target])[:, 0]
    low, high = box.T
    inside = np.flatnonzero(((theta >= low) & (theta <= high)).all(axis=1) & np.isfinite(values))
    if len(inside) < FEWEST:
        raise InputError(
            f"warm_start: {table.name}", f"has {len(inside)} points inside the box of the loop"
        )
    rows = np.random.default_rng([seed, 1]).permutation(inside)[: options.points]
    return Cheap(theta[rows], values[rows])


def targets_of(
    loop: LoopOptions, answers: Sequence[Mapping[str, float]]
) -> tuple[FloatArray, FloatArray]:
    """Targets (n_points, n_targets) of answers, and their errors (0 where unknown)."""
    columns = {name: np.array([each[name] for each in answers], float) for name in answers[0]}
    found = columns if loop.limits is None else loop.limits.log_limits(columns)
    names, zeros = loop.target.names, np.zeros(len(answers))
    values = np.stack([found[name] for name in names], axis=1)
    return values, np.stack([found.get(f"{name}_error", zeros) for name in names], axis=1)


class Learned(NamedTuple):
    """A surrogate of the targets, asked by parameters."""

    model: MultitaskGP
    inputs: Derived
    n_contours: int

    def examine(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and error of the targets, (n_points, n_targets) each, without the cheap task."""
        mean, std, _ = self.model.examine(self.inputs(theta))
        return mean[:, : self.n_contours], std[:, : self.n_contours]

    def joint(self, theta: FloatArray, target: str) -> tuple[FloatArray, FloatArray]:
        """Mean (n_points,) and covariance (n_points, n_points) of one target."""
        return self.model.joint(self.inputs(theta), target)


def learn(loop: LoopOptions, state: State, cheap: Cheap | None) -> Learned:
    """Return a surrogate of all answers; the last task is the cheap one, if there is one.

    Raises
    ------
    FitpluginError
        If there are too few answers.
    """
    answered = [number for number in state.asked if _is_good(state, number)]
    if len(answered) < FEWEST:
        raise FitpluginError(
            f"{state.folder}: only {len(answered)} requests have an answer with numbers; "
            f"{FEWEST} at least are needed (reasons: answers.jsonl)"
        )
    theta = np.array([list(state.asked[number].theta.values()) for number in answered])
    # an oracle may say more of some points than it must
    needs = [{n: state.answers[i].values[n] for n in _common(state, answered)} for i in answered]
    values, errors = targets_of(loop, needs)
    names = loop.target.names
    if cheap is not None:
        n_own, n_cheap = len(theta), len(cheap.values)
        theta = np.vstack([theta, cheap.theta])
        column = np.concatenate([np.full(n_own, np.nan), cheap.values])
        values = np.vstack([values, np.full((n_cheap, len(names)), np.nan)])
        values = np.column_stack([values, column])
        errors = np.vstack([errors, np.zeros((n_cheap, len(names)))])
        errors = np.column_stack([errors, np.zeros(len(column))])
        names = (*names, "cheap")
    inputs = Derived(loop.inputs or tuple(loop.parameters), tuple(loop.parameters))
    points = inputs(theta)
    box = np.stack([points.min(axis=0), points.max(axis=0)], axis=1)
    schema = Schema(inputs.names, names, box)
    rng = np.random.default_rng([loop.seed, 2, state.round])
    model = MultitaskGP(loop.surrogate).fit_tasks(Tasks(points, values, errors, schema), rng)
    return Learned(model, inputs, len(loop.target.names))


def _common(state: State, answered: Sequence[int]) -> list[str]:
    """Names that every answer has."""
    every = set.intersection(*(set(state.answers[number].values) for number in answered))
    return sorted(every)


def _is_good(state: State, number: int) -> bool:
    answer = state.answers.get(number)
    return answer is not None and answer.failed is None
