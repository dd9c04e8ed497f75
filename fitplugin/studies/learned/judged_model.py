"""How well a stored model does at points that it has not seen: mean errors by range, and more.

The transfer test of arXiv:1703.01309, section 4.4, is the same with a table of another model, or
with another part of the parameter space, than the model has seen; there the target is chi2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from pydantic import ValidationError

from fitplugin.arrays import FloatArray
from fitplugin.components import validation_context
from fitplugin.data.tables import Table, read_table
from fitplugin.errors import InputError
from fitplugin.likelihoods.learned import LearnedOptions, chi2_dataset
from fitplugin.options import named_values, problem_of
from fitplugin.runs.models import Order, Planner, train
from fitplugin.stats.ranges import RangeError, errors_by_range, mean_error
from fitplugin.studies.learned.measures import (
    NONE_FURTHER,
    FurtherMeasures,
    measures,
    measures_text,
)
from fitplugin.surrogates import Dataset, Surrogate
from fitplugin.surrogates.base import adapted
from fitplugin.surrogates.store import inspect

EDGES = (0.0, 1.0, 4.0, 10.0, 25.0, 50.0, 95.0, 100.0)
"""Ranges of chi2 where none are asked for; the last one reaches to the largest value."""


class Errors(NamedTuple):
    """Errors of one way to predict, in chi2."""

    label: str
    mean: float
    by_range: list[RangeError]


class LearnedTest(NamedTuple):
    """A model at points that it has not seen.

    Attributes
    ----------
    n_points : int
    n_outside : int
        Those outside its training box.
    noise : float or None
        Mean error of the truths themselves, where the table knows it.
    coverage68 : float
        Share of the truths inside one predicted error (and that of the truth).
    errors : list of Errors
        The model's first.
    """

    n_points: int
    n_outside: int
    noise: float | None
    coverage68: float
    errors: list[Errors]
    target: str = "chi2"
    measures: Mapping[str, Any] = MappingProxyType({})

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, JSON-ready."""
        return {
            **self._asdict(),
            "measures": dict(self.measures),
            "errors": [
                {
                    "label": each.label,
                    "mean": each.mean,
                    "by_range": [part._asdict() for part in each.by_range],
                }
                for each in self.errors
            ],
        }


def edges_for(truth: FloatArray, edges: Sequence[float] | None = None) -> list[float]:
    """Return the edges asked for, or `EDGES` as far as the truth goes.

    >>> edges_for(np.array([0.3, 12.0]))
    [0.0, 1.0, 4.0, 10.0, 12.0]
    """
    if edges is not None:
        return list(edges)
    largest = float(truth.max())
    inner = [edge for edge in EDGES if edge < largest]
    return [*inner, largest]


def judge_stored(
    path: Path,
    table: Table,
    within: Mapping[str, tuple[float, float]],
    edges: Sequence[float] | None = None,
    training: Table | None = None,
    asked: FurtherMeasures = NONE_FURTHER,
    *,
    allow_code: bool = False,
) -> LearnedTest:
    """Judge a stored model by the points of a table.

    Parameters
    ----------
    path : path
        A stored model with one target.
    table : Table
        Its inputs and its target, and ``TARGET_error`` where that is known.
    within : mapping of str to (low, high)
        Judge by rows inside these ranges only.
    edges : sequence of float, optional
        Ranges of the target.
    training : Table, optional
        The table of the training, for the nearest neighbour in it.
    asked : FurtherMeasures
        Further measures.
    allow_code : bool
        Run the code that the model names as its kind, if it is no registered one.

    Raises
    ------
    InputError
        If the model cannot be read, or the table has other columns.
    """
    model = inspect(path, allow_code=allow_code).model
    if len(model.target_names) != 1:
        raise InputError(str(path), f"has several targets: {', '.join(model.target_names)}")
    options = LearnedOptions(
        dataset=table.name, inputs=model.input_names, target=model.target_names[0], within=within
    )
    held_out = chi2_dataset([table], options)
    others = {}
    if training is not None:
        seen = chi2_dataset([training], options.model_copy(update={"within": {}}))
        others["nearest neighbour"] = nearest_neighbour(seen, held_out.inputs)
    return judge(model, held_out, edges, others, asked)


def learn_table(
    out: Path,
    reference: str,
    inputs: Any,
    target: str,
    kind: str,
    options: Sequence[str],
    within: Mapping[str, tuple[float, float]],
    seed: int,
    force: bool = False,
    *,
    allow_code: bool = False,
) -> None:
    """Train a surrogate on a table and store it.

    Parameters
    ----------
    out : path
    reference : str
        The table, by name or path.
    inputs, target, within
        See `LearnedOptions`.
    kind : str
        The surrogate.
    options : sequence of str
        ``name=value`` for it; values are JSON, or else text.
    seed : int
        Decides splits and first weights.
    force : bool
        Replace what is there.
    allow_code : bool
        Whether the kind may be code: see `fitplugin.plugins.referred`.

    Raises
    ------
    InputError
        Before any work: if the model exists, the table cannot be learned, or an option is unknown.
    """
    if out.exists() and not force:
        raise InputError(str(out), "exists; give --force to replace it")
    values = named_values(options, "--option")
    try:
        asked = LearnedOptions.model_validate(
            {"dataset": reference, "inputs": inputs, "target": target, "within": dict(within),
             "surrogate": {"kind": kind, **values}},
            context=validation_context(None, allow_code),
        )  # fmt: skip
    except ValidationError as error:
        place, message = problem_of(error)
        raise InputError(f"--option {place}", message) from error
    planner = Planner()
    dataset = chi2_dataset([read_table(reference)], asked)
    planner(target, dataset, asked.surrogate)
    adapted(asked.surrogate.plugin(asked.surrogate.options)).require_training()
    train(Order(target, dataset, asked.surrogate.to_dict(), seed, out, None))


def judge(
    model: Surrogate,
    held_out: Dataset,
    edges: Sequence[float] | None = None,
    others: Mapping[str, FloatArray] | None = None,
    asked: FurtherMeasures = NONE_FURTHER,
) -> LearnedTest:
    """Judge a model, and other predictions, by points that it has not seen."""
    examined = model.examine(held_out.inputs)
    truth = held_out.targets[:, 0]
    ends = edges_for(truth, edges)
    known = held_out.target_error
    total = examined.std[:, 0] if known is None else np.hypot(examined.std[:, 0], known[:, 0])
    predictions = {"model": examined.mean[:, 0], **(others or {})}
    return LearnedTest(
        len(truth),
        int((examined.remoteness > 1).sum()),
        None if known is None else float(known.mean()),
        float((np.abs(examined.mean[:, 0] - truth) <= total).mean()),
        [
            Errors(label, mean_error(values, truth), errors_by_range(values, truth, ends))
            for label, values in predictions.items()
        ],
        held_out.target_names[0],
        measures(examined.mean[:, 0], total, truth, asked),
    )


def nearest_neighbour(training: Dataset, inputs: FloatArray) -> FloatArray:
    """Target of the nearest training point, (n_points,): the baseline of arXiv:1703.01309.

    Distances are in standard deviations of each input over the training points.
    """
    from sklearn.neighbors import KNeighborsRegressor

    width = training.inputs.std(axis=0)
    width[width == 0] = 1.0
    nearest = KNeighborsRegressor(n_neighbors=1).fit(
        training.inputs / width, training.targets[:, 0]
    )
    return np.asarray(nearest.predict(inputs / width))


def judgement_text(found: LearnedTest) -> str:
    """Return the test as lines of text, ranges side by side."""
    parts = found.errors[0].by_range
    head = [f"{part.low:g}-{part.high:g}" for part in parts]
    width = max(9, *(len(text) + 2 for text in head))
    lines = [
        f"{'mean error in ' + found.target:<22}{'all':>9}"
        + "".join(f"{text:>{width}}" for text in head),
        f"{'points':<22}{found.n_points:>9}" + "".join(f"{p.n_points:>{width}}" for p in parts),
    ]
    lines += [errors_line(each.label, each, width) for each in found.errors]
    lines.append(f"inside one predicted error: {found.coverage68:.1%}")
    if found.noise is not None:
        lines.append(f"mean error of the true values themselves: {found.noise:.2f}")
    if found.n_outside:
        lines.append(f"outside the training box: {found.n_outside} points")
    return "\n".join([*lines, *measures_text(found.measures)])


def errors_line(label: str, errors: Errors, width: int) -> str:
    """Return one line of a table of errors: overall, then by range."""
    parts = "".join(
        f"{part.error:>{width}.2f}" if part.n_points else f"{'-':>{width}}"
        for part in errors.by_range
    )
    return f"{label:<22}{errors.mean:>9.2f}{parts}"
