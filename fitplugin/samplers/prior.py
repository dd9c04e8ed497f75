"""Draw directly from the valid part of the prior, and measure how large that part is.

A nested sampler on a flat likelihood is the wrong tool for this: it stops at once or never.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.random import Generator, SeedSequence

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.errors import InputError
from fitplugin.pools.base import Pool
from fitplugin.samplers.base import Problem
from fitplugin.samplers.contract import PlainEvaluation
from fitplugin.samplers.evaluation import evaluate_many
from fitplugin.samplers.evidence import ValidFraction

# A sampler whose valid prior is smaller than this would spend its time looking for it.
_LEAST_FRACTION = 1e-4

_SMALLEST_BATCH = 64
_LARGEST_BATCH = 2048


class Validity:
    """The problem whose likelihood is one wherever another problem is valid.

    Parameters
    ----------
    problem : Problem
        With a method ``is_valid``, (n_points, n_dim) theta to (n_points,) booleans.
    """

    blob_names: ClassVar[tuple[str, ...]] = ()

    def __init__(self, problem: Any) -> None:
        self._problem = problem
        self.names = tuple(problem.names)

    def prior_transform(self, unit_cube: FloatArray) -> FloatArray:
        """Map (n_points, n_dim) or (n_dim,) from the unit cube to theta."""
        theta: FloatArray = self._problem.prior_transform(unit_cube)
        return theta

    def evaluate(self, theta: FloatArray) -> PlainEvaluation:
        """Evaluate (n_points, n_dim) points."""
        valid = self._problem.is_valid(theta)
        return PlainEvaluation(np.zeros(len(theta)), valid, {})


@dataclass(frozen=True)
class PriorSample:
    """Points drawn from the valid part of the prior.

    Attributes
    ----------
    samples : (n_valid, n_dim) array
    n_draws : int
        Draws up to the last point kept, from which ``valid_fraction`` is estimated.
    n_valid : int
        Fewer than asked for if ``max_draws`` came first.
    valid_fraction : ValidFraction
    """

    samples: FloatArray
    n_draws: int
    n_valid: int
    valid_fraction: ValidFraction


def sample_prior(
    problem: Problem,
    n_valid: int,
    pool: Pool,
    seed: SeedSequence,
    max_draws: int = 1_000_000,
    progress: Callable[[int], None] = lambda n_found: None,
) -> PriorSample:
    """Draw ``n_valid`` points from the valid part of the prior, by rejection.

    Parameters
    ----------
    problem : Problem
        Often a `Validity`, which is cheaper than the whole problem.
    n_valid : int
        Number of valid points wanted.
    pool : Pool
        Batches are split over its workers; the result does not depend on their number.
    seed : SeedSequence
    max_draws : int
        Give up after this many.
    progress : callable
        Told the number of valid points found so far, after each batch.

    Raises
    ------
    InputError
        If none of ``max_draws`` points is valid.
    """
    rng = np.random.default_rng(seed)
    n_found = 0

    def draw(n_points: int) -> tuple[BoolArray, FloatArray]:
        nonlocal n_found
        theta = problem.prior_transform(rng.random((n_points, len(problem.names))))
        valid = evaluate_many(problem, theta, pool).valid
        n_found += int(valid.sum())
        progress(min(n_found, n_valid))
        return valid, theta

    drawn = _reject(draw, n_valid, max_draws)
    return PriorSample(drawn.table, drawn.n_draws, len(drawn.table), drawn.fraction)


class LivePoints(NamedTuple):
    """The first live points of a nested sampler, all of them valid."""

    unit_cube: FloatArray
    theta: FloatArray
    log_likelihood: FloatArray
    blob_values: FloatArray
    valid_fraction: ValidFraction
    """Share of the prior with a likelihood above zero."""
    n_like: int
    """Likelihood calls, those for rejected points included."""


def draw_live_points(
    problem: Problem,
    n_live: int,
    pool: Pool,
    rng: Generator,
    progress: Callable[[int], None] = lambda n_like: None,
) -> LivePoints:
    """Draw ``n_live`` points of the prior with a likelihood above zero.

    Raises
    ------
    InputError
        If less than about one draw in ten thousand is valid.
    """
    n_dim = len(problem.names)
    n_like = 0

    def draw(n_points: int) -> tuple[BoolArray, FloatArray]:
        nonlocal n_like
        unit_cube = rng.random((n_points, n_dim))
        theta = problem.prior_transform(unit_cube)
        batch = evaluate_many(problem, theta, pool)
        n_like += n_points
        progress(n_like)
        columns = (unit_cube, theta, batch.log_likelihood[:, np.newaxis], batch.blob_values)
        return batch.log_likelihood > -np.inf, np.hstack(columns)

    drawn = _reject(draw, n_live, least_fraction=_LEAST_FRACTION)
    unit_cube, theta, log_likelihood, blobs = np.split(
        drawn.table, [n_dim, 2 * n_dim, 2 * n_dim + 1], axis=1
    )
    return LivePoints(unit_cube, theta, log_likelihood[:, 0], blobs, drawn.fraction, n_like)


def require_valid_fraction(
    n_valid: int, n_draws: int, least_fraction: float = _LEAST_FRACTION
) -> None:
    """Stop a search in which hardly any draw is valid.

    Raises
    ------
    InputError
        If fewer than about ``least_fraction`` of the draws so far are valid.
    """
    if n_valid + 1 <= least_fraction * n_draws:
        raise _too_few_valid(n_valid, n_draws)


def _too_few_valid(n_valid: int, n_draws: int) -> InputError:
    return InputError(
        "prior",
        f"{n_valid or 'none'} of {n_draws} points drawn from it are valid; "
        "narrow the parameter ranges or loosen the constraints",
    )


class _Drawn(NamedTuple):
    """Rows kept by rejection, and how many draws they took."""

    table: FloatArray
    n_draws: int
    stopped_at_valid: bool

    @property
    def fraction(self) -> ValidFraction:
        return ValidFraction.measured(len(self.table), self.n_draws, self.stopped_at_valid)


def _reject(
    draw: Callable[[int], tuple[BoolArray, FloatArray]],
    n_wanted: int,
    max_draws: int = sys.maxsize,
    least_fraction: float = 0.0,
) -> _Drawn:
    """Call ``draw(n_points) -> (valid, rows)`` until ``n_wanted`` rows are valid.

    Draws after the last row kept are not counted: stopping within a batch would be a bias.
    """
    kept: list[FloatArray] = []
    n_kept = n_draws = 0
    while n_kept < n_wanted and n_draws < max_draws:
        size = min(_batch_size(n_wanted - n_kept, n_kept, n_draws), max_draws - n_draws)
        valid, rows = draw(size)
        accepted = np.flatnonzero(valid)[: n_wanted - n_kept]
        kept.append(rows[accepted])
        n_kept += len(accepted)
        n_draws += size if n_kept < n_wanted else int(accepted[-1]) + 1
        require_valid_fraction(n_kept, n_draws, least_fraction)
    if n_kept == 0:
        raise _too_few_valid(0, n_draws)
    return _Drawn(np.concatenate(kept), n_draws, n_kept == n_wanted)


def _batch_size(n_missing: int, n_kept: int, n_draws: int) -> int:
    """Guess how many draws will give the missing points; a function of past draws alone."""
    draws_per_valid = n_draws / n_kept if n_kept else 1.0
    guess = int(1.05 * n_missing * draws_per_valid)
    return min(max(guess, _SMALLEST_BATCH), _LARGEST_BATCH)
