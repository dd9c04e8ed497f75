"""The file of a loop: parameters, oracle, target, how batches are chosen, when to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import (
    Field,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from fitplugin.active.contour import Contour
from fitplugin.active.goal import Goal, StopOptions
from fitplugin.active.limits import NAMES, LimitOptions
from fitplugin.active.posterior import Posterior, PosteriorOptions
from fitplugin.components import component, validation_context
from fitplugin.errors import InputError
from fitplugin.options import Options
from fitplugin.physics.derived import named_inputs
from fitplugin.runs.problems import first_problem
from fitplugin.runs.yaml_files import read_yaml
from fitplugin.surrogates.multitask_gp import MultitaskOptions

CHOICES: dict[str, str] = {
    "entropy_discs": "high entropy, by Poisson discs (of a contour by default)",
    "entropy": "highest entropy",
    "greedy": "entropy times conditional variance, one after the other",
    "posterior": "answers that take most variance of ln L from the posterior (its default)",
    "variance": "largest conditional variance",
    "random": "at random",
    "latin": "Latin hypercube",
    "grid": "a grid",
}
Choice = Literal[
    "entropy_discs", "entropy", "greedy", "posterior", "variance", "random", "latin", "grid"
]
_OF_GOALS = (*Contour.choices, *Posterior.choices)


class TargetOptions(Options):
    """Which numbers are learned, and where their contour lies."""

    names: tuple[str, ...] = Field(
        (NAMES[1],), min_length=1, description="Contours; with `limits`: log_mu_expected, ..."
    )
    level: float = Field(0.0, description="Value of the targets on the contour.")


class WarmStartOptions(Options):
    """A cheap quantity that goes with the target: a task of its own."""

    dataset: str = Field(description="Table with the parameters and the target.")
    target: str
    points: PositiveInt = Field(500, le=1_000_000, description="Rows of it that are used, at most.")


class BatchOptions(Options):
    """How the points of a round are chosen."""

    size: PositiveInt = Field(20, le=1_000_000)
    choose: Choice | None = Field(None, description="; ".join(map(": ".join, CHOICES.items())))
    candidates: PositiveInt = Field(
        4000,
        le=10_000_000,
        description="Points that are looked at, at most; drawn anew in every round.",
    )


class LoopOptions(Options):
    """A loop of asking an oracle."""

    fitplugin: Literal[1]
    title: str = ""
    parameters: dict[str, tuple[float, float]] = Field(
        min_length=1, description="Low and high end of the box in which points are asked."
    )
    oracle: component("fitplugin.oracles")  # type: ignore[valid-type]
    limits: LimitOptions | None = Field(
        None, description="Makes upper limits out of efficiencies and cross-sections."
    )
    target: TargetOptions = TargetOptions()
    posterior: PosteriorOptions | None = Field(
        None, description="Learns for the posterior of counting regions, not for a contour."
    )
    warm_start: WarmStartOptions | None = None
    inputs: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="What the surrogate sees: parameters, or quantities derived from them; "
        "default: the parameters.",
    )
    surrogate: MultitaskOptions = MultitaskOptions()
    first: int = Field(
        20, ge=5, le=1_000_000, description="Points of the first round, spread over the box."
    )
    batch: BatchOptions = BatchOptions()
    rounds: PositiveInt = Field(4, description="After the first, at most.")
    test: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="Share of a fixed list of candidates that judges, and is never asked.",
    )
    stop: StopOptions = StopOptions()
    seed: int = Field(1, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> LoopOptions:
        for name, (low, high) in self.parameters.items():
            if not low < high:
                raise ValueError(f"parameters.{name}: [{low:g}, {high:g}] is no range")
        if self.limits is not None:
            for name in self.target.names:
                if name not in NAMES:
                    raise ValueError(
                        f"target.names: {name!r} is no limit; known: {', '.join(NAMES)}"
                    )
        if self.posterior is not None:
            for name in {"limits", "target"} & self.model_fields_set:
                raise ValueError(f"{name}: belongs to a contour; this loop has a posterior")
        if self.choice in _OF_GOALS and self.choice not in self.goal.choices:
            known = sorted(set(CHOICES) - set(_OF_GOALS) | set(self.goal.choices))
            raise ValueError(
                f"batch.choose: {self.choice!r} belongs to another goal; known here: "
                f"{', '.join(known)}"
            )
        return self

    @field_validator("inputs", mode="before")
    @classmethod
    def _spelt_out(cls, value: Any) -> Any:
        return named_inputs(value)

    @property
    def goal(self) -> Goal:
        """What the loop is after."""
        if self.posterior is not None:
            return Posterior(self.posterior)
        return Contour(self.target.names, self.target.level, self.limits)

    @property
    def choice(self) -> str:
        """How batches are chosen."""
        return self.batch.choose or self.goal.choices[0]

    def facts(self) -> dict[str, Any]:
        """What makes a loop another one; it may be given more rounds."""
        content = self.model_dump(mode="json", exclude={"title", "rounds", "stop", "oracle"})
        # on how many cores, and for how long, is no matter of what is asked
        apart = ("processes", "time_limit")
        oracle = {k: v for k, v in self.oracle.to_dict().items() if k not in apart}
        return {**content, "oracle": oracle}


def read_loop(path: Path, *, allow_code: bool = False) -> LoopOptions:
    """Read and validate a loop file; an oracle that is code is loaded only with ``allow_code``.

    Raises
    ------
    InputError
        In one line: the file, the place in it, what came, what is known.
    """
    content = read_yaml(path)
    if "luminosity" in content and "oracle" not in content:
        raise InputError(
            str(path), "is a scan, for it has a 'luminosity', and no loop; `fitplugin run` runs it"
        )
    try:
        context = validation_context(path.parent, allow_code)
        return LoopOptions.model_validate(content, context=context)
    except ValidationError as error:
        raise InputError(str(path), first_problem(error)) from error
