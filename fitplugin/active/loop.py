"""Rounds of asking and telling, from the first design to the stop test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from fitplugin.active.base import Oracle, Request, Setting
from fitplugin.active.choosing import choose, design, nearest_rows
from fitplugin.active.goal import Learned, stacked
from fitplugin.active.learning import Cheap, learn, read_cheap
from fitplugin.active.options import LoopOptions, read_loop
from fitplugin.active.state import State
from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.errors import FitpluginError, InputError
from fitplugin.physics.derived import Derived

_FIRST, _CANDIDATES, _TEST = 3, 4, 5  # of seeds


class Outcome(NamedTuple):
    """Where a loop stands when it returns."""

    state: State
    model: Learned | None
    waiting: int
    """Requests whose answers are not there yet."""
    is_done: bool
    """Whether the stop tests hold; otherwise the rounds are used up, or answers are waited for."""


def open_loop(path: Path, output: Path, *, allow_code: bool = False) -> Loop:
    """Read a loop file, and begin or go on in a state folder.

    Raises
    ------
    InputError
        As `read_loop` and `Loop`; names the file.
    """
    options = read_loop(path, allow_code=allow_code)
    try:
        return Loop(options, path.parent, output, allow_code=allow_code)
    except InputError as error:
        raise error.at(str(path)) from error


class Loop:
    """A loop of one file and one state folder.

    Parameters
    ----------
    options : LoopOptions
    folder : path
        Where relative paths of the file start.
    output : path
        State folder.
    allow_code : bool
        Run code that the file names.

    Raises
    ------
    InputError
        If the oracle cannot be built, has too few candidates, or the folder is another loop's.
    """

    def __init__(
        self, options: LoopOptions, folder: Path, output: Path, *, allow_code: bool = False
    ) -> None:
        self.options = options
        self.names = tuple(options.parameters)
        self.box = np.array(list(options.parameters.values()), dtype=float)
        setting = Setting(self.names, self.box, folder, output, options.seed, allow_code)
        plugin = options.oracle.plugin
        try:
            self.oracle: Oracle = plugin(options.oracle.options, setting)
        except InputError as error:
            raise error.at("oracle") from error
        self._listed = self.oracle.candidates
        self._is_test = self._held_back()
        # a wrong name is told before anything is asked
        Derived(options.inputs or self.names, self.names)
        self._cheap: Cheap | None = None
        if options.warm_start is not None:
            self._cheap = read_cheap(options.warm_start, self.names, self.box, folder, options.seed)
        self.state = State.open(output, options.facts(), self.names)

    def run(self, on_round: Callable[[Learned], None] | None = None) -> Outcome:
        """Go on until a stop test holds, the rounds are used up, or answers are waited for.

        Parameters
        ----------
        on_round : callable, optional
            Called with the surrogate of each round when that is closed.

        Raises
        ------
        FitpluginError
            If no point of a round is answered with numbers, or no candidate is left.
        """
        state, options = self.state, self.options
        model = None
        while True:
            if not state.asked:
                self._ask(self._first_design())
            self._collect()
            if state.pending:
                return Outcome(state, model, len(state.pending), False)
            if state.rounds and self._is_closed:
                metrics, model = state.rounds[-1], model or learn(options, state, self._cheap)
            else:
                self._require_numbers()
                model = learn(options, state, self._cheap)
                metrics = self._judged(model)
                state.close_round(metrics)
                if on_round is not None:
                    on_round(model)
            is_done = options.goal.is_reached(metrics, options.stop)
            if is_done or state.round > options.rounds:
                return Outcome(state, model, 0, is_done)
            theta, cube = self.candidates()
            rows = choose(options, model, theta, cube, self._rng(_CANDIDATES, state.round))
            self._ask(theta[rows])

    @property
    def _is_closed(self) -> bool:
        """Whether nothing was asked since the last round was judged."""
        return max(self.state.round_of.values()) < self.state.round

    def candidates(self) -> tuple[FloatArray, FloatArray]:
        """Points that may be asked in the open round, and the same in units of the box."""
        rng = self._rng(_CANDIDATES, self.state.round, 1)
        most = self.options.batch.candidates
        low, high = self.box.T
        if self._listed is None:
            cube = rng.random((most, len(self.names)))
            return low + cube * (high - low), cube
        asked = {tuple(request.theta.values()) for request in self.state.asked.values()}
        is_free = np.array([tuple(point) not in asked for point in self._listed.tolist()])
        rows = np.flatnonzero(is_free & ~self._is_test)
        theta = self._listed[np.sort(rng.permutation(rows)[:most])]
        return theta, (theta - low) / (high - low)

    @cached_property
    def _test(self) -> tuple[FloatArray | None, FloatArray | None]:
        """Points of a listed oracle that are never asked, and their targets."""
        if self._listed is None or not self._is_test.any():
            return None, None
        theta = self._listed[self._is_test]
        requests = [
            Request(index, dict(zip(self.names, point, strict=True)))
            for index, point in enumerate(theta.tolist())
        ]
        answers = {a.id: a.checked(self.options.goal.needs) for a in self.oracle.answer(requests)}
        good = [n for n, answer in sorted(answers.items()) if answer.failed is None]
        if not good:
            return None, None
        goal = self.options.goal
        told = {n: np.array([answers[i].values[n] for i in good], float) for n in goal.needs}
        truth, _ = stacked(goal, told)
        return theta[good], truth

    def _held_back(self) -> BoolArray:
        if self._listed is None:
            return np.zeros(0, dtype=bool)
        n = len(self._listed)
        is_test = np.zeros(n, dtype=bool)
        rows = self._rng(_TEST).permutation(n)[: round(self.options.test * n)]
        is_test[rows] = True
        if n - len(rows) < self.options.first:
            raise InputError(
                "first", f"{self.options.first} points are more than the {n - len(rows)} there are"
            )
        return is_test

    def _first_design(self) -> FloatArray:
        rng = self._rng(_FIRST)
        wanted = design("latin", self.options.first, len(self.names), rng)
        if self._listed is None:
            low, high = self.box.T
            return np.asarray(low + wanted * (high - low))
        theta, cube = self.candidates()
        return theta[nearest_rows(wanted, cube)]

    def _ask(self, points: FloatArray) -> None:
        self.state.ask([dict(zip(self.names, point, strict=True)) for point in points.tolist()])

    def _collect(self) -> None:
        """Ask the oracle for what has no answer; each answer is kept as it comes."""
        pending = self.state.pending
        with tqdm(
            total=len(pending), desc=f"round {self.state.round}", unit="point", disable=None,
            leave=False,
        ) as bar:  # fmt: skip
            for answer in self._answers(pending):
                self.state.tell(answer.checked(self.options.goal.needs))
                bar.update()

    def _answers(self, pending: list[Request]) -> Iterator[Any]:
        return iter(self.oracle.answer(pending) if pending else ())

    def _require_numbers(self) -> None:
        """Refuse to go on when an oracle gives nothing but failures."""
        state = self.state
        numbers = [n for n, of in state.round_of.items() if of == state.round]
        failed = [n for n in numbers if state.answers[n].failed is not None]
        if numbers and len(failed) == len(numbers):
            raise FitpluginError(
                f"{state.folder}: all {len(numbers)} points of round {state.round} failed; "
                f"point {failed[0]}: {state.answers[failed[0]].failed}"
            )

    def _judged(self, model: Learned) -> dict[str, Any]:
        state = self.state
        theta, _ = self.candidates()
        test, truth = self._test
        failed = sum(answer.failed is not None for answer in state.answers.values())
        counts = {"round": state.round, "asked": len(state.asked), "failed": failed}
        if not len(theta):
            raise FitpluginError("no candidate is left: every point of the oracle was asked")
        return {**counts, **self.options.goal.judge(model, theta, test, truth)}

    def _rng(self, *of: int) -> np.random.Generator:
        return np.random.default_rng([self.options.seed, *of])
