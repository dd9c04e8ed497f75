"""Points for dynesty in batches, where it would ask for one at a time.

A vectorised likelihood then costs a fraction, and batches can be split over workers. Uniform draws
from the unit cube or from a bound do not depend on each other, so those for a whole queue are
evaluated together; walks and slices of a queue advance side by side.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from dynesty.bounding import MultiEllipsoid
from dynesty.internal_samplers import InternalSampler, SamplerReturn, UniformBoundSampler
from dynesty.utils import LoglOutput, get_random_generator
from numpy.random import Generator

from fitplugin.arrays import FloatArray
from fitplugin.pools.base import Pool
from fitplugin.samplers.base import Problem
from fitplugin.samplers.evaluation import evaluate_many
from fitplugin.samplers.lockstep import Ask, advance_together


def batch_proposals(
    sampler: Any, problem: Problem, pool: Pool, look_ahead: int
) -> list[BatchedProposals]:
    """Replace dynesty's independent proposals by batched ones, before a run.

    Returns those put in place: that of the unit cube always, that of the bound if the sampler
    draws uniformly from it; walks and slices come by way of a `LockstepPool`.
    """
    batched = [BatchedProposals(problem, pool, _from_unit_cube, look_ahead)]
    sampler.internal_sampler = batched[0]
    if isinstance(sampler.internal_sampler_next, UniformBoundSampler):
        batched.append(BatchedProposals(problem, pool, _from_bound, look_ahead))
        sampler.internal_sampler_next = batched[1]
        sampler.use_pool_evolve = False  # nothing is left for dynesty to send to workers
    return batched


class _Draw(NamedTuple):
    """A point that has been drawn and evaluated, above a contour or not."""

    unit_cube: FloatArray
    theta: FloatArray
    log_likelihood: float
    blob_values: FloatArray


class BatchedProposals(InternalSampler):  # type: ignore[misc]
    """Fill every place of dynesty's queue with a point above the likelihood contour.

    Points are drawn and looked at one after the other, as in dynesty's own loop; only their
    likelihoods are evaluated ahead, ``look_ahead`` times as many as the queue has places. Those
    that a full queue leaves over are the first to be looked at when it is filled again, unless
    dynesty has another bound by then. So batches never shrink, and the law of the points is
    that of drawing one by one.
    """

    def __init__(
        self,
        problem: Problem,
        pool: Pool,
        draw: Callable[[Any, int, Generator], FloatArray],
        look_ahead: int = 1,
    ) -> None:
        super().__init__(ndim=len(problem.names))
        self._problem = problem
        self._pool = pool
        self._draw = draw
        self._look_ahead = look_ahead
        self._ahead: deque[_Draw] = deque()
        self._bound: int | None = None
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
        if nested_sampler.nbound != self._bound:
            self._bound = nested_sampler.nbound
            self._ahead.clear()
        contour, n_ahead = float(loglstar), self._look_ahead * len(seeds)
        return [
            self._next_above(contour, lambda: self._draw(nested_sampler, n_ahead, rng))
            for _ in seeds
        ]

    @staticmethod
    def sample(args: SamplerReturn) -> SamplerReturn:
        """Return what `prepare_sampler` has found."""
        return args

    def _next_above(self, contour: float, draw: Callable[[], FloatArray]) -> SamplerReturn:
        n_calls = 0
        while True:
            if not self._ahead:
                self._evaluate(draw())
            one = self._ahead.popleft()
            n_calls += 1
            if one.log_likelihood > contour:
                return SamplerReturn(
                    u=one.unit_cube,
                    v=one.theta,
                    logl=LoglOutput((one.log_likelihood, one.blob_values), True),
                    ncalls=n_calls,
                    tuning_info=None,
                    evaluation_history=[],
                    proposal_stats={"n_proposals": n_calls},
                )

    def _evaluate(self, unit_cube: FloatArray) -> None:
        theta = self._problem.prior_transform(unit_cube)
        batch = evaluate_many(self._problem, theta, self._pool)
        self.n_like += len(theta)
        values = batch.log_likelihood.tolist()
        self._ahead.extend(map(_Draw, unit_cube, theta, values, batch.blob_values))


def _from_unit_cube(sampler: Any, n_points: int, rng: Generator) -> FloatArray:
    return rng.random((n_points, sampler.ndim))


def _from_bound(sampler: Any, n_points: int, rng: Generator) -> FloatArray:
    """Draw uniformly from the part of dynesty's bound that lies inside the unit cube."""
    is_union = isinstance(sampler.bound, MultiEllipsoid)
    kept: list[FloatArray] = []
    missing = n_points
    while missing > 0:
        if is_union:
            drawn = draw_from_union(sampler.bound, missing, rng)
        else:
            drawn = np.atleast_2d(sampler.bound.samples(missing, rstate=rng))
        inside = drawn[((drawn > 0.0) & (drawn < 1.0)).all(axis=1)]
        kept.append(inside)
        missing -= len(inside)
    return np.concatenate(kept)


def draw_from_union(bound: MultiEllipsoid, n_points: int, rng: Generator) -> FloatArray:
    """Draw at most (n_points, n_dim) points uniformly from a union of ellipsoids.

    Of a point in q ellipsoids one draw in q is kept. dynesty does so point by point, which
    takes a tenth of the time of a fast likelihood.
    """
    share = np.exp(bound.logvol_ells - bound.logvol)
    chosen = np.minimum(np.searchsorted(share.cumsum(), rng.random(n_points)), len(share) - 1)
    n_dim = bound.ctrs.shape[1]
    direction = rng.standard_normal((n_points, n_dim))
    radius = rng.random((n_points, 1)) ** (1.0 / n_dim)
    ball = direction * (radius / np.linalg.norm(direction, axis=1, keepdims=True))
    # any root of the covariance maps the ball to the ellipsoid
    axes = np.linalg.cholesky(bound.covs)[chosen]
    points = bound.ctrs[chosen] + (axes @ ball[..., np.newaxis])[..., 0]
    # (n_ellipsoids, n_points, n_dim), in which every ellipsoid is a unit ball
    away = (points - bound.ctrs[:, np.newaxis]) @ np.linalg.cholesky(bound.ams)
    n_inside = (np.square(away).sum(axis=2) < 1.0).sum(axis=0)
    # rounding may put a point at the edge outside of its own
    return np.asarray(points[rng.random(n_points) * np.maximum(n_inside, 1) < 1.0])


class LockstepPool:
    """A pool as dynesty knows it: maps walks and slices, their points evaluated in batches."""

    def __init__(self, problem: Problem, pool: Pool, queue_size: int) -> None:
        self._problem = problem
        self._pool = pool
        self.size = queue_size

    def map(self, sample: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Call ``sample`` for every item; the likelihood of an item asks for its point."""
        items = list(items)
        if not hasattr(items[0], "loglikelihood"):  # proposed already, by `BatchedProposals`
            return [sample(item) for item in items]

        def walk(item: Any) -> Callable[[Ask], Any]:
            return lambda ask: sample(item._replace(loglikelihood=ask))

        return advance_together([walk(item) for item in items], self._evaluate)

    def _evaluate(self, theta: FloatArray) -> list[Any]:
        batch = evaluate_many(self._problem, theta, self._pool)
        pairs = zip(batch.log_likelihood.tolist(), batch.blob_values, strict=True)
        return [LoglOutput(pair, True) for pair in pairs]
