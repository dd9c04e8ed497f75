"""From the answers so far to a surrogate of the targets, the cheap task beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fitplugin.active.goal import Learned, stacked
from fitplugin.active.options import LoopOptions, WarmStartOptions
from fitplugin.active.state import State
from fitplugin.arrays import FloatArray
from fitplugin.data.tables import read_table, write_table
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
    columns = {name: np.array([each[name] for each in needs], float) for name in needs[0]}
    values, errors = stacked(loop.goal, columns)
    names = loop.goal.names
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
    return Learned(model, inputs, len(loop.goal.names))


def write_points(state: State, path: Path) -> None:
    """Write parameters and answers as a table, one row per point with numbers.

    Columns are those that all answers have: a table of efficiencies and cross-sections is one that
    scans learn from.
    """
    answered = [number for number in state.asked if _is_good(state, number)]
    columns = {n: [state.asked[i].theta[n] for i in answered] for n in state.names}
    for name in _common(state, answered):
        columns[name] = [state.answers[number].values[name] for number in answered]
    card = {"source": "fitplugin learn", "rounds": state.round}
    write_table(path, {n: np.array(values) for n, values in columns.items()}, card, force=True)


def _common(state: State, answered: Sequence[int]) -> list[str]:
    """Names that every answer has."""
    every = set.intersection(*(set(state.answers[number].values) for number in answered))
    return sorted(every)


def _is_good(state: State, number: int) -> bool:
    answer = state.answers.get(number)
    return answer is not None and answer.failed is None
