"""What the run of a scan cost and gave, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from fitplugin.runs.directory import Run


class Batches(NamedTuple):
    """Sizes of the batches in which a sampler's points were evaluated.

    ``median``, ``low`` and ``high`` (10 and 90 %) are over points, not over batches: half of the
    points are in batches of the median size or larger.
    """

    n_batches: int
    n_points: int
    median: int
    low: int
    high: int
    largest: int

    @classmethod
    def of(cls, sizes: np.ndarray) -> Batches:
        """Summarise (n_batches,) sizes.

        >>> Batches.of(np.array([1, 1, 1, 1, 50, 100])).median
        100
        """
        by_point = np.repeat(np.sort(sizes), np.sort(sizes))
        low, median, high = np.quantile(by_point, [0.1, 0.5, 0.9], method="higher")
        return cls(len(sizes), int(sizes.sum()), int(median), int(low), int(high), int(sizes.max()))


class Stage(NamedTuple):
    """One stage of a run: wall time, and the seconds of all workers within the likelihood."""

    wall_s: float
    likelihood_s: float | None = None
    """None where nothing is evaluated, or it was not measured."""


class RunCost(NamedTuple):
    """What a run cost and what it gave."""

    sampler: str
    n_live: int
    processes: int
    stages: Mapping[str, Stage]
    """``models``, ``prior``, ``sampler``, ``files``, as far as they took place."""
    n_like: int
    n_eff: float
    log_z: float
    """Over the valid prior, with its error; ``log_z_box`` is over the whole box."""
    log_z_error: float
    log_z_box: float
    log_z_box_error: float
    batches: Batches | None
    """None if the run was not made by this study."""
    cpu_s: float | None
    """Processor time of this process and its workers on this machine [s]; None if not measured."""
    source: str
    """Where the numbers come from, in words."""

    @property
    def wall_s(self) -> float:
        """Wall time of all stages."""
        return sum(stage.wall_s for stage in self.stages.values())

    @property
    def sampler_cpu_s(self) -> float:
        """Seconds of all processes held during the sampler's stage."""
        return self.processes * self.stages["sampler"].wall_s

    @property
    def cpu_hours(self) -> float:
        """Hours of all processes held during the run, whether they were busy or not."""
        return self.processes * self.wall_s / 3600.0

    @property
    def n_eff_per_second(self) -> float:
        """Effective samples per second of wall time, all stages included."""
        return self.n_eff / self.wall_s

    def overhead(self, *names: str) -> float | None:
        """Share of the processes' time in some stages (default: all) that is not likelihood.

        Idle workers, the way to them, the sampler's own work, journal, files; None if unknown.
        """
        chosen = [self.stages[name] for name in names or self.stages]
        if all(stage.likelihood_s is None for stage in chosen):
            return None
        busy = sum(stage.likelihood_s or 0.0 for stage in chosen)
        return 1.0 - busy / (self.processes * sum(stage.wall_s for stage in chosen))


def recorded_cost(run: Run) -> RunCost:
    """What a finished run says of its own cost; its batches and its likelihood's share are lost."""
    manifest, summary = run.manifest, run.summary
    return RunCost(
        sampler=summary["sampler"],
        n_live=summary["n_live"],
        processes=manifest["processes"],
        stages={name: Stage(seconds) for name, seconds in manifest["seconds"].items()},
        n_like=summary["n_like"],
        n_eff=summary["n_eff"],
        log_z=summary["log_z"],
        log_z_error=summary["log_z_error"],
        log_z_box=summary["log_z_box"],
        log_z_box_error=summary["log_z_box_error"],
        batches=None,
        cpu_s=None,
        source=f"as recorded by the run {run.path.name}",
    )
