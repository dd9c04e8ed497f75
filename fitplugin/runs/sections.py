"""The sections of a scan file, each with the defaults that are written nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    Strict,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from fitplugin.components import component
from fitplugin.errors import InputError, one_of
from fitplugin.likelihoods.workspace import read_channel
from fitplugin.options import Options, located_error
from fitplugin.physics.natural_susy import BENCHMARKS
from fitplugin.stats.counts import Mode


class PriorConfig(Options):
    """Prior of a free parameter."""

    uniform: tuple[float, float] = Field(description="Lower and upper end.")

    @field_validator("uniform")
    @classmethod
    def _ends_in_order(cls, ends: tuple[float, float]) -> tuple[float, float]:
        if ends[0] >= ends[1]:
            raise ValueError(f"the range [{ends[0]:g}, {ends[1]:g}] is inverted or empty")
        return ends


class FreeParameter(Options):
    """A parameter that is scanned."""

    prior: PriorConfig
    label: str | None = Field(
        None, min_length=1, description="LaTeX for figures, without dollars; default: the name."
    )
    unit: str | None = Field(None, description="Its unit, for figures and tables.")

    @field_validator("label")
    @classmethod
    def _is_latex(cls, label: str | None) -> str | None:
        if label is not None and ("$" in label or label.count("{") != label.count("}")):
            raise ValueError(f"{label!r} must be LaTeX without dollars, every brace closed")
        return label


# a number, never a string or a boolean that looks like one
FiniteNumber = Annotated[float, Strict()]

FORMS = ("section", "value")
"""Tags of what may be either: told apart by form, so that an error speaks of the one meant."""


def _form(value: Any) -> str:
    return "section" if isinstance(value, dict | FreeParameter) else "value"


Parameter = Annotated[
    Annotated[FreeParameter, Tag("section")] | Annotated[FiniteNumber, Tag("value")],
    Discriminator(_form),
]
Benchmark = Annotated[
    Annotated[dict[str, float], Tag("section")] | Annotated[str, Tag("value")],
    Discriminator(_form),
]


class CrossSectionConfig(Options):
    """Which table, and which processes make up the total cross-section."""

    table: str = "natural_susy/cross_sections_14TeV"
    processes: tuple[str, ...] = Field(("stop1", "stop2", "sbottom1"), min_length=1)


class EfficiencyConfig(Options):
    """Where the simulated efficiencies of a region come from."""

    dataset: str = "natural_susy/efficiencies"
    region: str = Field(description="Name of the region in that table.")
    inputs: Literal["process", "parameters"] = Field(
        "process",
        description="process: mass and decays of the produced squarks, all of them pooled. "
        "parameters: the theory's own, as in arXiv:1611.02704.",
    )


class WorkspaceConfig(Options):
    """A channel of a HistFactory workspace (pyhf JSON) that gives the data of a region."""

    file: str
    channel: str


class RegionConfig(Options):
    """One counting region: its data, and what learns its efficiency."""

    name: str = Field(min_length=1)
    workspace: WorkspaceConfig | None = Field(
        None, description="Read n_observed, background and background_error from there."
    )
    n_observed: float | None = Field(
        None, ge=0, description="Observed events; or under 'observed', or from a 'mock'."
    )
    background: float = Field(gt=0, description="Expected background [events].")
    background_error: float = Field(gt=0, description="Its error [events].")
    mode: Mode = Field("mean", description="What the lognormal nuisances keep.")
    efficiency: EfficiencyConfig
    surrogate: component("fitplugin.surrogates") = Field(  # type: ignore[valid-type]
        {
            "kind": "dgp",
            "noise": "monte_carlo",
            "transform": {"kind": "sqrt", "offset": 3e-4},
            "expert_size": 130,
        },
        validate_default=True,
        description="What learns the efficiency.",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_workspace(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("workspace"), dict):
            return data
        place = WorkspaceConfig.model_validate(data["workspace"])
        path = (info.context or {}).get("folder", Path()) / place.file
        try:
            found = read_channel(path, place.channel)
        except InputError as error:
            raise located_error(("workspace",), data["workspace"], str(error)) from error
        # what stands in the scan file has the last word
        return {**found._asdict(), **data}


class MockConfig(Options):
    """Mock data: what a parameter point gives, in expectation or as a draw."""

    benchmark: Benchmark = Field(description="A named point, or all parameters.")
    counts: Literal["asimov", "poisson"] = Field(
        "asimov", description="The expected counts themselves, or Poisson counts drawn from them."
    )
    seed: int = Field(1, ge=0, description="Seed of the Poisson counts.")

    @field_validator("benchmark")
    @classmethod
    def _known(cls, benchmark: str | dict[str, float]) -> str | dict[str, float]:
        if isinstance(benchmark, str) and benchmark not in BENCHMARKS:
            raise ValueError(one_of(benchmark, BENCHMARKS, "a benchmark"))
        return benchmark

    @property
    def point(self) -> dict[str, float]:
        """All parameters of the benchmark by name."""
        named = self.benchmark
        return dict(BENCHMARKS[named]) if isinstance(named, str) else dict(named)
