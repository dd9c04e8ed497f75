"""Train surrogates side by side, only to see what they predict of points they have not seen."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from pydantic import ValidationError
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from fitplugin import plugins
from fitplugin.arrays import FloatArray
from fitplugin.components import validation_context
from fitplugin.errors import InputError
from fitplugin.options import problem_of
from fitplugin.pools.processes import ProcessPool
from fitplugin.surrogates import Dataset, Prediction

Item = TypeVar("Item")
Result = TypeVar("Result")

_REPEATS = 2  # the faster of so many predictions counts: the first one warms caches


class Task(NamedTuple):
    """A surrogate to be trained, and the (n_points, n_inputs) inputs to be predicted.

    ``variants`` are further options under which the fitted arrays of the first are read again:
    other combinations of the same experts need no other training. ``folder`` is where a ``kind``
    that is a file starts. ``needed_by`` names what cannot go on without an answer.
    """

    kind: str
    options: Mapping[str, Any]
    training: Dataset
    inputs: FloatArray
    rng: np.random.Generator
    folder: Path | None = None
    variants: tuple[Mapping[str, Any], ...] = ()
    needed_by: str | None = None


class Outcome(NamedTuple):
    """What came of it: a prediction, or the reason why there is none.

    ``seconds`` is the time of the training, ``seconds_per_point`` that of a prediction in a batch.
    """

    prediction: Prediction | None
    seconds: float = float("nan")
    seconds_per_point: float = float("nan")
    reason: str | None = None


def learn(task: Task) -> list[Outcome]:
    """Train and predict: one outcome for the options, and one for each variant.

    Raises
    ------
    InputError
        If it cannot be trained although it is needed.
    """
    try:
        # small matrices: a second thread of the linear algebra makes a network seven times slower
        with threadpool_limits(1), _quiet():
            # whoever gives the task has loaded it already, with the user's word if it is code
            plugin = plugins.load("fitplugin.surrogates", task.kind, task.folder, allow_code=True)
            context = validation_context(task.folder, True)
            start = time.perf_counter()
            model = plugin(plugin.Options.model_validate(task.options, context=context))
            model = model.fit(task.training, task.rng)
            seconds = time.perf_counter() - start
            outcomes = [_asked(model, task.inputs, seconds)]
            for options in task.variants:
                read = plugin.Options.model_validate(options, context=context)
                other = plugin.from_arrays(read, model.to_arrays())
                outcomes.append(_asked(other, task.inputs, seconds))
            return outcomes
    except (InputError, ValidationError) as error:
        if task.needed_by is not None:
            raise InputError(task.needed_by, _one_line(error)) from error
        return [Outcome(None, reason=_one_line(error))] * (1 + len(task.variants))


def learn_all(tasks: Sequence[Task], processes: int) -> list[list[Outcome]]:
    """Do the tasks on ``processes`` processes, with a progress bar; in the order of the tasks."""
    sizes = [task.training.n_points for task in tasks]
    done: list[list[Outcome]] = [[] for _ in tasks]
    # the largest first: no process waits long for the last one
    order = sorted(range(len(tasks)), key=lambda index: -sizes[index])
    with tqdm(
        total=sum(sizes), desc="training", unit="row", unit_scale=True, disable=None, leave=False
    ) as bar:

        def note(index: int, outcomes: list[Outcome]) -> None:
            done[index] = outcomes
            bar.update(sizes[index])

        each(learn, tasks, order, processes, note)
    return done


def each(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    order: Sequence[int],
    processes: int,
    note: Callable[[int, Result], None],
) -> None:
    """Call a function of every item, in that order, on some processes; tell of each that is done.

    ``note`` is given the index and the result, in this process.
    """
    size = min(processes, len(items))
    if size <= 1:
        for index in order:
            note(index, function(items[index]))
        return
    with ProcessPool(size) as pool, ThreadPoolExecutor(size) as threads:
        pool.map(abs, range(size))  # starts the workers before the threads could
        # one thread per worker hands it an item at a time, so that progress can be seen
        futures = {
            threads.submit(lambda item: pool.map(function, [item])[0], items[index]): index
            for index in order
        }
        try:
            for future in as_completed(futures):
                note(futures[future], future.result())
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _asked(model: Any, inputs: FloatArray, seconds: float) -> Outcome:
    laps = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        prediction = model.predict(inputs)
        laps.append(time.perf_counter() - start)
    return Outcome(prediction, seconds, min(laps) / len(inputs))


@contextmanager
def _quiet() -> Any:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # a baseline with default settings may end at a bound of its kernel
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _one_line(error: InputError | ValidationError) -> str:
    if isinstance(error, ValidationError):
        return ": ".join(filter(None, problem_of(error)))
    return " ".join(str(error).split())
