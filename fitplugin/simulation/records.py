"""The lines of a campaign's file: what all points have in common, and then point by point."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from fitplugin.options import Options
from fitplugin.simulation.base import Counts


class Header(Options):
    """First line: what all points of the file have in common."""

    fitplugin_simulation: Literal[1] = 1
    simulator: dict[str, Any]
    """Its kind and all its options."""
    versions: dict[str, str]
    events: int
    seed: int
    processes: tuple[str, ...]
    regions: tuple[str, ...]
    cross_section: str
    """Where cross-sections come from."""
    cross_section_sha256: str = ""
    """Of the table, or of the file of the function."""
    machine: dict[str, Any] = Field({})
    """What the seconds were measured on; may differ when a campaign goes on."""
    citations: tuple[str, ...] = ()


class RegionCounts(Options):
    """What passed one region: expected events, their variance, and the efficiency."""

    passed: float = Field(ge=0)
    variance: float = Field(ge=0)
    efficiency: float = Field(ge=0, le=1)
    efficiency_error: float = Field(ge=0)


class ProcessRecord(Options):
    """One production process of one point."""

    cross_section_fb: float = Field(gt=0)
    cross_section_rel_error: float = Field(ge=0)
    n_generated: int = Field(gt=0)
    regions: dict[str, RegionCounts]

    @model_validator(mode="after")
    def _possible(self) -> ProcessRecord:
        problem = self.counts().problem()
        if problem is not None:
            raise ValueError(problem)
        return self

    def counts(self) -> Counts:
        """Return what was counted."""
        passed = {region: found.passed for region, found in self.regions.items()}
        variance = {region: found.variance for region, found in self.regions.items()}
        return Counts(self.n_generated, passed, variance)


class PointRecord(Options):
    """A point that is done."""

    name: str
    sha256: str
    """Of its SLHA file."""
    seed: int
    parameters: dict[str, float]
    masses: dict[str, float]
    branching: dict[str, float]
    processes: dict[str, ProcessRecord]
    seconds: float | None = Field(None, ge=0)
    """Wall time of its simulation."""
    time: str
    chain: str | None = None
    """Who simulated it, where that was not this program."""

    def efficiency(self, region: str) -> float:
        """Return the efficiency of a region, weighed over processes by cross-section."""
        total = sum(process.cross_section_fb for process in self.processes.values())
        return sum(
            process.cross_section_fb / total * process.regions[region].efficiency
            for process in self.processes.values()
        )


class FailedRecord(Options):
    """A point that could not be simulated, and why."""

    name: str
    sha256: str | None
    failed: str
    time: str
