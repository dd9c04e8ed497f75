"""What a sampler is asked and what it is given: callables in, a `Chain` out.

A sampler knows nothing of physics: it sees a unit cube, a prior transform and a batch
evaluation. Any object with these attributes can be sampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from numpy.random import SeedSequence
from pydantic import BaseModel

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.errors import InputError
from fitplugin.pools.base import Pool
from fitplugin.samplers.chain import Chain


class Evaluation(Protocol):
    """Log-likelihoods of a batch of points, with everything computed on the way."""

    @property
    def log_likelihood(self) -> FloatArray:
        """(n_points,) natural logarithms; ``-inf`` where ``valid`` is False."""

    @property
    def valid(self) -> BoolArray:
        """(n_points,) False where physics or a hard bound refuses the point."""

    @property
    def blobs(self) -> Mapping[str, FloatArray]:
        """Extra outputs by name, each (n_points,)."""


class Problem(Protocol):
    """A prior on the unit cube and a likelihood, evaluated in batches.

    It must pickle to something small, since it travels to worker processes.
    """

    @property
    def names(self) -> Sequence[str]:
        """Names of the scanned parameters, in the order of theta's columns."""

    @property
    def blob_names(self) -> Sequence[str]:
        """Names of the numeric blobs, in a fixed order; `evaluate` may give others besides."""

    def prior_transform(self, unit_cube: FloatArray) -> FloatArray:
        """Map (n_points, n_dim) or (n_dim,) from the unit cube to theta."""

    def evaluate(self, theta: FloatArray) -> Evaluation:
        """Evaluate (n_points, n_dim) parameter points."""

    # One that can refuse a point for less has besides `evaluate_valid(theta) -> Evaluation`: the
    # same, but blobs of points that are not valid may be NaN. Samplers then ask that.


class Progress(NamedTuple):
    """One record of a running scan, for bars, logs and `status`."""

    iteration: int
    n_like: int
    log_z: float
    """So far, over the whole box."""
    remaining: float
    """Evidence still in the live points, as ln(Z_total / Z_found); stops at the tolerance."""

    @classmethod
    def of_search(cls, n_like: int = 0) -> Progress:
        """Return what is known while the first valid points are still sought: the calls."""
        return cls(0, n_like, -math.inf, math.inf)


ProgressCallback = Callable[[Progress], None]


class Sampler(Protocol):
    """A sampler: a plugin of the group ``fitplugin.samplers``, a class called without arguments.

    It need not inherit from anything, and may besides have ``citations``, a tuple of texts.
    `fitplugin.templates.sampler` is a small one.
    """

    Options: ClassVar[type[BaseModel]]
    """The options a scan file may set, with their defaults; validated before anything runs."""

    # A sampler that starts processes of its own has besides
    # `for_processes(options, processes) -> options`: what its options are on so many.

    def require(self, options: Any, n_dim: int) -> None:
        """Refuse, before anything is computed, what cannot run here.

        Raises
        ------
        InputError
            If a library is missing or the options do not fit the number of parameters.
        """

    def run(
        self,
        problem: Problem,
        options: Any,
        pool: Pool,
        seed: SeedSequence,
        directory: Path,
        progress: ProgressCallback,
    ) -> Chain:
        """Sample ``problem``; scratch files, if any, go below ``directory``.

        Points are evaluated by `fitplugin.samplers.evaluation.evaluate_many`, which checks the
        likelihood, keeps the journal for ``--resume`` and uses the pool; `draw_live_points` of
        `fitplugin.samplers.prior` draws the first ones with it. All that is random comes from
        ``seed``. ``progress`` is told a `Progress` now and then; its last one is the result.

        Raises
        ------
        InputError
            If hardly any of the prior is valid.
        LikelihoodError
            If the likelihood breaks its contract; names theta.
        """


_MOST_LIVE_POINTS = 10_000_000  # of a machine with a terabyte


def require_enough_live_points(n_live: int, n_dim: int, n_runs: int = 1) -> None:
    """Refuse fewer live points than an ellipsoid around them needs, in each run, or absurdly many.

    Raises
    ------
    InputError
    """
    if n_live > _MOST_LIVE_POINTS:
        raise InputError("sampler.n_live", f"is {n_live}; at most {_MOST_LIVE_POINTS} are possible")
    if n_live // n_runs < 2 * n_dim:
        shared = f" for {n_runs} runs" if n_runs > 1 else ""
        each = " each" if n_runs > 1 else ""
        raise InputError(
            "sampler.n_live",
            f"is {n_live}{shared}; {n_dim} parameters need at least {2 * n_dim} live points{each}",
        )


def even_shares(total: int, n_runs: int) -> list[int]:
    """Divide points among independent runs as evenly as they go.

    >>> even_shares(10, 4)
    [3, 3, 2, 2]
    """
    return [total // n_runs + (index < total % n_runs) for index in range(n_runs)]
