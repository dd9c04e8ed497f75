"""Proposals for dynesty in batches, where they are independent of each other.

dynesty evaluates one point at a time. Uniform draws from the unit cube or from a bound do not
depend on each other, so those for a whole queue can be evaluated together: a vectorised
likelihood then costs a fraction, and batches can be split over workers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from dynesty.internal_samplers import InternalSampler, SamplerReturn, UniformBoundSampler
from dynesty.utils import LoglOutput, get_random_generator
from numpy.random import Generator

from fitplugin.arrays import FloatArray
from fitplugin.pools.base import Pool
from fitplugin.samplers.base import Problem
from fitplugin.samplers.evaluation import evaluate_many


def batch_proposals(sampler: Any, problem: Problem, pool: Pool) -> list[BatchedProposals]:
    """Replace dynesty's independent proposals by batched ones, before a run.

    Returns those put in place: that of the unit cube always, that of the bound if the sampler
    draws uniformly from it; walks and slices advance together, see `lockstep`.
    """
    batched = [BatchedProposals(problem, pool, _from_unit_cube)]
    sampler.internal_sampler = batched[0]
    if isinstance(sampler.internal_sampler_next, UniformBoundSampler):
        batched.append(BatchedProposals(problem, pool, _from_bound))
        sampler.internal_sampler_next = batched[1]
        sampler.use_pool_evolve = False  # nothing is left for dynesty to send to workers
    return batched


class BatchedProposals(InternalSampler):  # type: ignore[misc]
    """Fill every place of dynesty's queue with a point above the likelihood contour.

    The places advance together: in each round those still empty draw one point each, and all
    these points are one batch. Every place sees the same law as dynesty's own loop.
    """

    def __init__(
        self, problem: Problem, pool: Pool, draw: Callable[[Any, int, Generator], FloatArray]
    ) -> None:
        super().__init__(ndim=len(problem.names))
        self._problem = problem
        self._pool = pool
        self._draw = draw
        self.n_like = 0
        """Points evaluated, those above the contour and the others."""

    def prepare_sampler(
        self,
        loglstar: Any = None,
        points: Any = None,
        axes: Any = None,
        seeds: Any = None,
        prior_transform: Any = None,
        loglikelihood: Any = None,
        nested_sampler: Any = None,
    ) -> list[SamplerReturn]:
        """Return one accepted point per seed; `sample` then has nothing left to do."""
        rng = get_random_generator(seeds[0])
        found: list[SamplerReturn | None] = [None] * len(seeds)
        empty = list(range(len(seeds)))
        n_rounds = 0
        while empty:
            n_rounds += 1
            unit_cube = self._draw(nested_sampler, len(empty), rng)
            theta = self._problem.prior_transform(unit_cube)
            batch = evaluate_many(self._problem, theta, self._pool)
            self.n_like += len(empty)
            above = batch.log_likelihood > float(loglstar)
            for row in np.flatnonzero(above):
                value = (float(batch.log_likelihood[row]), batch.blob_values[row])
                found[empty[row]] = SamplerReturn(
                    u=unit_cube[row],
                    v=theta[row],
                    logl=LoglOutput(value, True),
                    ncalls=n_rounds,
                    tuning_info=None,
                    evaluation_history=[],
                    proposal_stats={"n_proposals": n_rounds},
                )
            empty = [place for place, is_above in zip(empty, above, strict=True) if not is_above]
        return [one for one in found if one is not None]

    @staticmethod
    def sample(args: SamplerReturn) -> SamplerReturn:
        """Return what `prepare_sampler` has found."""
        return args


def _from_unit_cube(sampler: Any, n_points: int, rng: Generator) -> FloatArray:
    return rng.random((n_points, sampler.ndim))


def _from_bound(sampler: Any, n_points: int, rng: Generator) -> FloatArray:
    """Draw uniformly from the part of dynesty's bound that lies inside the unit cube."""
    kept: list[FloatArray] = []
    missing = n_points
    while missing > 0:
        drawn = np.atleast_2d(sampler.bound.samples(missing, rstate=rng))
        inside = drawn[((drawn > 0.0) & (drawn < 1.0)).all(axis=1)]
        kept.append(inside)
        missing -= len(inside)
    return np.concatenate(kept)
