"""nautilus: importance nested sampling in shells of the unit cube."""

from __future__ import annotations

import importlib.util
import math
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.random import SeedSequence
from pydantic import BaseModel, Field

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError, MissingExtraError
from fitplugin.options import Options
from fitplugin.pools.base import Pool
from fitplugin.samplers.base import (
    Problem,
    Progress,
    ProgressCallback,
    require_enough_live_points,
)
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.evaluation import named_blobs
from fitplugin.samplers.evidence import Evidence
from fitplugin.samplers.nautilus_shells import valid_fraction
from fitplugin.samplers.prior import require_valid_fraction
from fitplugin.samplers.remembered import Remembered

_SECONDS_BETWEEN_RECORDS = 0.1

# By how much a bound may exceed the volume of the live points before it is split further. The
# library's own choice leaves the rest to the networks; without them a bent valley takes three
# times as many calls.
_WITH_NETWORKS, _WITHOUT_NETWORKS = 100.0, 2.0


class NautilusOptions(Options):
    """Options of the sampler `nautilus`."""

    n_live: int = Field(default=2000, gt=0)
    """Points that a new bound is drawn around; at least twice the number of parameters."""
    f_live: float = Field(default=0.01, gt=0.0, lt=1.0)
    """Explore until the live points hold no more than this share of Z."""
    n_eff: int = Field(default=10_000, ge=0)
    """Then sample until there are as many effective samples; ln Z has an error 1/sqrt(n_eff)."""
    n_networks: int = Field(default=0, ge=0)
    """Neural networks (nautilus' own choice is 4) that tighten the bounds. Their training takes
    ten seconds or so: worth it where the likelihood takes tenths of a second a point, or in ten
    dimensions and more; pointless for milliseconds."""
    n_batch: int = Field(default=256, gt=0)
    """Points evaluated at a time; a multiple of the number of workers, and of the points they are
    given at a time."""
    discard_exploration: bool = False
    """Use only points drawn after all bounds are fixed. The others have a small bias, since the
    bounds were drawn around them: it can be seen where ``n_eff`` is much larger than the default
    or ``n_live`` much smaller."""
    max_calls: int | None = Field(default=None, gt=0)
    """Stop after about this many likelihood calls, converged or not."""


class Nautilus:
    """Importance nested sampling with nautilus.

    Every point is weighed by its likelihood and the volume of its shell, so none is lost; but
    there are no births, so that runs cannot be merged. Where the likelihood is flat the
    exploration takes n_live/f_live points: that is work for the sampler `prior`.
    """

    Options: ClassVar[type[BaseModel]] = NautilusOptions

    citations: ClassVar[tuple[str, ...]] = (
        "J. U. Lange, nautilus: boosting Bayesian importance nested sampling with deep learning, "
        "MNRAS 525 (2023) 3181, arXiv:2306.16923",
        "J. Skilling, Nested sampling for general Bayesian computation, "
        "Bayesian Analysis 1 (2006) 833, doi:10.1214/06-BA127",
    )

    def require(self, options: NautilusOptions, n_dim: int) -> None:
        """Refuse too few live points or parameters, and say what to install if it is missing."""
        require_enough_live_points(options.n_live, n_dim)
        if n_dim < 2:
            raise InputError(
                "sampler.kind", "nautilus needs two parameters or more; use another sampler"
            )
        if importlib.util.find_spec("nautilus") is None:
            raise MissingExtraError(
                "the sampler nautilus", "nautilus-sampler", "pip install 'fitplugin[nautilus]'"
            )

    def run(
        self,
        problem: Problem,
        options: NautilusOptions,
        pool: Pool,
        seed: SeedSequence,
        directory: Path,
        progress: ProgressCallback,
    ) -> Chain:
        """Sample ``problem``; nothing is written to ``directory``.

        Raises
        ------
        MissingExtraError
            If nautilus is not installed.
        InputError
            If there are too few live points or parameters, or almost none of the prior is valid.
        LikelihoodError
            If the likelihood breaks its contract; names theta.
        """
        self.require(options, len(problem.names))
        from nautilus import Sampler

        remembered = Remembered(problem, pool)

        def log_likelihood(unit_cube: FloatArray) -> FloatArray:
            values = remembered(unit_cube)
            # Without valid points nautilus would draw from the whole cube forever. Later there
            # are bounds around valid points, and their share only grows.
            require_valid_fraction(remembered.n_valid, remembered.n_like)
            return values

        with warnings.catch_warnings():
            # such as those of the logarithm of nothing, while no point is valid yet
            warnings.filterwarnings("ignore", module=r"nautilus(\.|$)")
            sampler = Sampler(
                lambda unit_cube: unit_cube,
                log_likelihood,
                n_dim=len(problem.names),
                n_live=options.n_live,
                n_networks=options.n_networks,
                n_batch=options.n_batch,
                split_threshold=_WITH_NETWORKS if options.n_networks else _WITHOUT_NETWORKS,
                vectorized=True,
                seed=int(seed.generate_state(1, np.uint64)[0]),
            )
            report = _report_from(sampler, progress, remembered)
            converged = sampler.run(
                f_live=options.f_live,
                n_eff=options.n_eff,
                n_like_max=options.max_calls or np.inf,
                discard_exploration=options.discard_exploration,
            )
            chain = _chain(problem, options, sampler, remembered, bool(converged))
            report()
        return chain


def _report_from(
    sampler: Any, progress: ProgressCallback, remembered: Remembered
) -> Callable[[], None]:
    """Pass on a record now and then, between two batches; return what passes one on at once."""
    add_samples = sampler.add_samples
    next_time = 0.0

    def report() -> None:
        log_z, f_live = sampler.log_z, sampler.f_live
        if not np.isfinite(log_z):
            remaining = np.inf
        elif f_live is None:  # explored
            remaining = 0.0
        else:
            remaining = -math.log1p(-f_live) if f_live < 1.0 else np.inf
        progress(Progress(len(sampler.bounds), remembered.n_like, float(log_z), remaining))

    def add_samples_and_report(shell: int, verbose: bool = False) -> Any:
        nonlocal next_time
        n_above = add_samples(shell, verbose)
        if time.monotonic() > next_time:
            next_time = time.monotonic() + _SECONDS_BETWEEN_RECORDS
            report()
        return n_above

    sampler.add_samples = add_samples_and_report
    return report


def _chain(
    problem: Problem,
    options: NautilusOptions,
    sampler: Any,
    remembered: Remembered,
    converged: bool,
) -> Chain:
    if not np.isfinite(sampler.log_z):
        raise InputError(
            "sampler.max_calls",
            f"none of the first {remembered.n_like} points is valid; allow more",
        )
    unit_cube, log_weight, log_likelihood = sampler.posterior()
    is_there = log_likelihood > -np.inf
    order = np.flatnonzero(is_there)[np.argsort(log_likelihood[is_there], kind="stable")]
    found = remembered.find(unit_cube[order])
    log_weight = np.asarray(log_weight, dtype=float)[order]
    n_eff = float(sampler.n_eff)
    return Chain(
        names=tuple(problem.names),
        samples=found.theta,
        log_likelihood=found.log_likelihood,
        log_weight=log_weight - np.logaddexp.reduce(log_weight),
        log_birth=None,
        blobs=named_blobs(found.blob_values, problem.blob_names),
        evidence=Evidence(
            log_measured=float(sampler.log_z),
            log_measured_error=1.0 / math.sqrt(n_eff),
            over_box=True,
            fraction=valid_fraction(sampler),
        ),
        n_like=remembered.n_like,
        n_live=options.n_live,
        sampler="nautilus",
        details={
            "converged": float(converged),
            "n_eff": n_eff,
            "n_shells": float(len(sampler.bounds)),
        },
    )
