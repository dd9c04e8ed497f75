"""dynesty's static nested sampler, on live points that are all valid."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.random import Generator, SeedSequence
from pydantic import BaseModel, Field

from fitplugin.arrays import FloatArray
from fitplugin.options import Options
from fitplugin.pools.base import Pool
from fitplugin.samplers.base import (
    Problem,
    Progress,
    ProgressCallback,
    require_enough_live_points,
)
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.evaluation import PointLikelihood, named_blobs
from fitplugin.samplers.evidence import Evidence
from fitplugin.samplers.prior import LivePoints, draw_live_points
from fitplugin.stats.nested import nested_weights

if TYPE_CHECKING:
    from fitplugin.samplers.dynesty_batches import BatchedProposals

_SECONDS_BETWEEN_RECORDS = 0.1
# A queued point must beat the contour that has risen while it waited: with a sixteenth of the
# live points waiting, about one in thirty does not.
_LIVE_PER_QUEUED = 16


class DynestyOptions(Options):
    """Options of the sampler `dynesty`."""

    n_live: int = Field(default=500, gt=0)
    """Live points; at least twice the number of parameters."""
    tolerance: float = Field(default=0.5, gt=0.0)
    """Stop when the live points could add no more than this to ln Z."""
    bootstrap: int | None = Field(default=None, ge=0)
    """Resamplings that decide how much the bound is enlarged (by default dynesty's choice, 5 for
    uniform draws); 0 enlarges by a fixed quarter, which is faster and enough for many points."""
    bound: Literal["none", "single", "multi", "balls", "cubes"] = "multi"
    sample: Literal["auto", "unif", "rwalk", "slice", "rslice"] = "auto"
    queue_size: int | None = Field(default=None, gt=0)
    """Points proposed at a time (by default n_live/16), evaluated in batches. Another value,
    another chain of the same quality."""
    look_ahead: int = Field(default=4, gt=0)
    """Queues of independent draws evaluated in one batch. What is left of a batch when the bound
    changes was for nothing, a sixth to a third of all calls: 1 suits likelihoods slower than
    milliseconds."""
    max_calls: int | None = Field(default=None, gt=0)
    """Stop after about this many likelihood calls, converged or not."""


class Dynesty:
    """Static nested sampling with dynesty, in one process or many."""

    Options: ClassVar[type[BaseModel]] = DynestyOptions

    citations: ClassVar[tuple[str, ...]] = (
        "J. S. Speagle, dynesty: a dynamic nested sampling package for estimating Bayesian "
        "posteriors and evidences, MNRAS 493 (2020) 3132, arXiv:1904.02180",
        "S. Koposov et al., dynesty, Zenodo, doi:10.5281/zenodo.3348367",
        "J. Skilling, Nested sampling for general Bayesian computation, "
        "Bayesian Analysis 1 (2006) 833, doi:10.1214/06-BA127",
    )

    def require(self, options: DynestyOptions, n_dim: int) -> None:
        """Refuse too few live points."""
        require_enough_live_points(options.n_live, n_dim)

    def run(
        self,
        problem: Problem,
        options: DynestyOptions,
        pool: Pool,
        seed: SeedSequence,
        directory: Path,
        progress: ProgressCallback,
    ) -> Chain:
        """Sample ``problem``; nothing is written to ``directory``.

        The chain depends on the seed, the options and the queue size, not on the number of
        workers.

        Raises
        ------
        InputError
            If there are too few live points, or almost none of the prior is valid.
        LikelihoodError
            If the likelihood breaks its contract; names theta.
        """
        self.require(options, len(problem.names))
        queue_size = options.queue_size or max(1, options.n_live // _LIVE_PER_QUEUED)
        rng = np.random.default_rng(seed)
        live = draw_live_points(
            problem, options.n_live, pool, rng, lambda n: progress(Progress.of_search(n))
        )
        with _quiet_dynesty():
            sampler, batched = _new_sampler(problem, options, pool, queue_size, rng, live)
            sampler.run_nested(
                dlogz=options.tolerance,
                maxcall=options.max_calls and max(0, options.max_calls - live.n_like),
                print_func=_Reporter(progress, live),
                save_bounds=False,
            )
            results = sampler.results
        remaining = _remaining(results, options.n_live)
        converged = remaining < options.tolerance
        # dynesty does not count the points that were evaluated but left in its queue
        n_like = max(int(sampler.ncall), live.n_like + sum(one.n_like for one in batched))
        chain = _chain(problem, results, live, n_like, queue_size, converged)
        progress(Progress(int(results.niter), chain.n_like, chain.evidence.log_z_box, remaining))
        return chain


def _new_sampler(
    problem: Problem,
    options: DynestyOptions,
    pool: Pool,
    queue_size: int,
    rng: Generator,
    live: LivePoints,
) -> tuple[Any, list[BatchedProposals]]:
    from dynesty import NestedSampler
    from dynesty.utils import LogLikelihood

    from fitplugin.samplers.dynesty_batches import LockstepPool, batch_proposals

    n_dim = len(problem.names)
    log_likelihood = PointLikelihood(problem)
    sampler = NestedSampler(
        log_likelihood,
        problem.prior_transform,
        n_dim,
        nlive=options.n_live,
        bound=options.bound,
        bootstrap=options.bootstrap,
        sample=options.sample,
        rstate=rng,
        blob=True,
        # dynesty replaces these arrays in place
        live_points=[
            np.array(part)
            for part in (live.unit_cube, live.theta, live.log_likelihood, live.blob_values)
        ],
        # a queue of one needs no company
        pool=LockstepPool(problem, pool, queue_size) if queue_size > 1 else None,
        queue_size=queue_size if queue_size > 1 else None,
        use_pool={"update_bound": False, "prior_transform": False, "loglikelihood": False},
    )
    # Without dynesty's wrappers, which print every exception and copy every point.
    sampler.prior_transform = problem.prior_transform
    sampler.loglikelihood = LogLikelihood(log_likelihood, n_dim, blob=True)
    sampler.ncall = live.n_like
    return sampler, batch_proposals(sampler, problem, pool, options.look_ahead)


@contextmanager
def _quiet_dynesty() -> Iterator[None]:
    """Silence warnings issued in dynesty's modules, and no others."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"dynesty(\.|$)")
        yield


class _Reporter:
    """dynesty's ``print_func``: pass on a record now and then."""

    def __init__(self, progress: ProgressCallback, live: LivePoints) -> None:
        self._progress = progress
        self._log_fraction = float(np.log(live.valid_fraction.value))
        self._next = 0.0

    def __call__(self, result: Any, iteration: int, n_like: int, **other: Any) -> None:
        now = time.monotonic()
        # at the end dynesty reports its live points one by one, as if they were calls
        if now < self._next or "add_live_it" in other:
            return
        self._next = now + _SECONDS_BETWEEN_RECORDS
        log_z = float(result.logz) + self._log_fraction
        self._progress(Progress(int(iteration), int(n_like), log_z, float(result.delta_logz)))


def _remaining(results: Any, n_live: int) -> float:
    """Return the most that the last live points could have added to ln Z, before they did."""
    n_dead = len(results.logl) - n_live
    if n_dead == 0:
        return 0.0 if np.ptp(results.logl) == 0.0 else np.inf
    log_max, log_volume = float(results.logl[-1]), float(results.logvol[n_dead - 1])
    log_found = float(results.logz[n_dead - 1])
    return float(np.logaddexp(0.0, log_max + log_volume - log_found))


def _chain(
    problem: Problem,
    results: Any,
    live: LivePoints,
    n_like: int,
    queue_size: int,
    converged: bool,
) -> Chain:
    log_likelihood: FloatArray = np.array(results.logl, dtype=float)
    log_weight: FloatArray = np.array(results.logwt, dtype=float)
    log_birth = _log_birth(log_likelihood, np.asarray(results.samples_it))
    return Chain(
        names=tuple(problem.names),
        samples=np.array(results.samples, dtype=float),
        log_likelihood=log_likelihood,
        log_weight=log_weight - np.logaddexp.reduce(log_weight),
        log_birth=log_birth,
        blobs=named_blobs(
            np.reshape(np.array(results.blob, dtype=float), (len(log_likelihood), -1)),
            problem.blob_names,
        ),
        evidence=Evidence(
            log_measured=float(results.logz[-1]),
            # dynesty's own error is about twice the scatter of ln Z between seeds
            log_measured_error=nested_weights(log_likelihood, log_birth).log_z_error,
            over_box=False,
            fraction=live.valid_fraction,
        ),
        n_like=n_like,
        n_live=int(results.nlive),
        sampler="dynesty",
        details={"queue_size": float(queue_size), "converged": float(converged)},
    )


def _log_birth(log_likelihood: FloatArray, iteration: Any) -> FloatArray:
    """Return the contour within which each point was proposed.

    A point proposed in iteration i (from 1; 0 for the first live points) replaced dead point
    i - 1, so it was born above the likelihood of that one.
    """
    contour = log_likelihood[np.maximum(iteration, 1) - 1]
    return np.where(iteration > 0, contour, -np.inf)
