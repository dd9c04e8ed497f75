"""One mock experiment: a point of the prior, its counts, their posterior, ranks of the truth."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.random import SeedSequence
from threadpoolctl import threadpool_limits

from fitplugin.arrays import FloatArray
from fitplugin.components import Component, validation_context
from fitplugin.errors import FitpluginError, InputError
from fitplugin.likelihoods.joint import JointLikelihood, Recipe
from fitplugin.likelihoods.signal_region import SignalRegion
from fitplugin.pools.serial import SerialPool
from fitplugin.runs.config import ScanConfig
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.prior import Validity, sample_prior
from fitplugin.stats.uniformity import positions, rank
from fitplugin.stats.weighted import effective_size

LOG_LIKELIHOOD = "log_likelihood"
"""The quantity besides parameters and observables: it sees what no parameter alone shows."""
# Runs of a scan have the spawn keys 0 (prior) and 1 (sampler).
_SPAWN_KEY = 2
_N_POOL = 4096
_LEAST_POOL_SIZE = 200.0
_MOST_TRIES = 1000


class Task(NamedTuple):
    """A mock to be made: what a worker process needs, small when pickled."""

    number: int
    """From 0; with the seed of the scan it decides all random numbers."""
    joint: JointLikelihood
    config_json: str
    folder: Path
    """Where relative paths in the scan file start."""
    n_live: int
    n_draws: int
    quantities: tuple[str, ...]
    allow_code: bool
    """Whether code that the scan names may run, as the user has said."""


class Mock(NamedTuple):
    """One mock experiment, done.

    ``truth``, ``rank`` and ``position`` are by quantity; a rank counts the posterior draws below
    the truth, a position spreads it over (0, 1).
    """

    number: int
    counts: dict[str, float]
    truth: dict[str, float]
    rank: dict[str, int]
    position: dict[str, float]
    n_like: int
    n_eff: float


def make(task: Task) -> Mock:
    """Make a mock in this process, on one thread; the errors are those of `mock_of`."""
    try:
        config = _config(task.config_json, str(task.folder), task.allow_code)
        sampler = mock_sampler(config.sampler, task.n_live)
        seed = SeedSequence(config.seed, spawn_key=(_SPAWN_KEY, task.number))
        # a second thread of the linear algebra would change the last digits, and gain nothing
        with threadpool_limits(1):
            return mock_of(task.number, task.joint, sampler, seed, task.n_draws, task.quantities)
    except InputError as error:
        raise error.at(f"mock {task.number}") from error
    except FitpluginError as error:
        raise type(error)(f"mock {task.number}: {error}") from error


def mock_of(
    number: int,
    joint: JointLikelihood,
    sampler: Component,
    seed: SeedSequence,
    n_draws: int,
    quantities: Sequence[str],
) -> Mock:
    """Draw a point and its counts, sample their posterior, and rank the point in it.

    Parameters
    ----------
    number : int
    joint : JointLikelihood
        Its own counts play no part; its combination has a method ``draw``.
    sampler : Component
    seed : SeedSequence
    n_draws : int
        Posterior draws among which the truth is ranked.
    quantities : sequence of str
        Scanned parameters, blobs, and `LOG_LIKELIHOOD`.

    Raises
    ------
    InputError
        If the soft terms leave too few points of the prior, or the posterior has fewer effective
        draws than are asked for.
    LikelihoodError
        If the likelihood breaks its contract.
    """
    prior_seed, sampler_seed, ranks_seed = seed.spawn(3)
    theta, counts = _experiment(joint, prior_seed)
    joint = with_counts(joint, counts)
    with tempfile.TemporaryDirectory(prefix="mock-") as scratch:
        chain: Chain = sampler.plugin().run(
            joint, sampler.options, SerialPool(), sampler_seed, Path(scratch), lambda progress: None
        )
    batch = joint.evaluate(theta)
    columns = {
        **dict(zip(joint.names, theta.T, strict=True)),
        **{name: batch.blobs[name] for name in joint.blob_names},
        LOG_LIKELIHOOD: batch.log_likelihood,
    }
    truth = {name: float(columns[name][0]) for name in quantities}
    rng = np.random.default_rng(ranks_seed)
    draws = _draws(chain, quantities, n_draws, rng)
    ranks = {name: rank(truth[name], draws[name], rng) for name in quantities}
    spread = positions(list(ranks.values()), n_draws, rng).tolist()
    names = [region.name for region in joint.regions]
    return Mock(
        number,
        counts=dict(zip(names, counts, strict=True)),
        truth=truth,
        rank=ranks,
        position=dict(zip(ranks, spread, strict=True)),
        n_like=int(chain.n_like),
        n_eff=effective_size(chain.weights),
    )


def with_counts(joint: JointLikelihood, counts: Sequence[float]) -> JointLikelihood:
    """Return the same likelihood of other counts, in the order of the regions.

    It pickles to the recipe of the one it comes from, and the counts.
    """
    regions = [
        SignalRegion(region.options.model_copy(update={"n_observed": float(count)}))  # type: ignore[attr-defined]
        for region, count in zip(joint.regions, counts, strict=True)
    ]
    combination: Any = joint.combination
    facts = json.dumps([joint.digest(), [float(count) for count in counts]])
    digest = hashlib.sha256(facts.encode()).hexdigest()
    return JointLikelihood(
        joint.space, joint.theory, regions, combination.observing(regions), joint.terms,
        joint.constraints, Recipe(with_counts, (joint, tuple(counts)), digest),
    )  # fmt: skip


def mock_sampler(sampler: Component, n_live: int) -> Component:
    """Return the sampler of a scan with other live points, as one run in one process."""
    fields = type(sampler.options).model_fields
    wanted = {name: value for name, value in (("n_live", n_live), ("runs", 1)) if name in fields}
    return Component(sampler.kind, sampler.plugin, sampler.options.model_copy(update=wanted))


def _experiment(joint: JointLikelihood, seed: SeedSequence) -> tuple[FloatArray, list[float]]:
    """Draw a point of the prior, (1, n_dim), and counts for which there is a likelihood."""
    combination: Any = joint.combination
    for _ in range(_MOST_TRIES):
        theta_seed, counts_seed = seed.spawn(2)
        theta = _point_of_prior(joint, theta_seed)
        blobs = joint.evaluate(theta).blobs
        counts = combination.draw(blobs, np.random.default_rng(counts_seed))[0]
        # a choice by the data alone leaves every posterior as it is, and so the ranks uniform
        if (counts >= combination.least_count).all():
            return theta, counts.tolist()
    raise InputError(
        "nuisances.background_covariance",
        f"has a likelihood from {combination.least_count} events per region on, and hardly any "
        "mock has as many",
    )


def _point_of_prior(joint: JointLikelihood, seed: SeedSequence) -> FloatArray:
    """Draw (1, n_dim) from the prior: valid points, weighed by all terms that keep their data."""
    n_points = _N_POOL if joint.terms else 1
    points_seed, choice_seed = seed.spawn(2)
    theta = sample_prior(Validity(joint), n_points, SerialPool(), points_seed).samples
    if not joint.terms:
        return theta
    log_weight = joint.log_terms(theta)
    weights = np.exp(log_weight - log_weight.max())
    if not effective_size(weights) >= _LEAST_POOL_SIZE:
        raise InputError(
            "prior",
            f"the terms besides the counts leave {effective_size(weights):.0f} effective points "
            f"of {len(theta)}; too few to draw from. Narrow the parameter ranges",
        )
    chosen = np.random.default_rng(choice_seed).choice(len(theta), p=weights / weights.sum())
    return np.asarray(theta[chosen : chosen + 1])


def _draws(
    chain: Chain, quantities: Sequence[str], n_draws: int, rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Draw (n_draws,) values of every quantity from the posterior."""
    rows = chain.equal_weight(rng)
    if len(rows) < n_draws:
        raise InputError(
            "n_draws",
            f"is {n_draws}, and the posterior has {len(rows)} effective draws; ask for more live "
            "points",
        )
    # some of the equal-weight rows, none twice: as independent as the sampler's points are
    rows = rng.choice(rows, n_draws, replace=False)
    columns = {
        **dict(zip(chain.names, chain.samples.T, strict=True)),
        **chain.blobs,
        LOG_LIKELIHOOD: chain.log_likelihood,
    }
    return {name: columns[name][rows] for name in quantities}


@lru_cache(maxsize=4)
def _config(config_json: str, folder: str, allow_code: bool) -> ScanConfig:
    context = validation_context(Path(folder), allow_code)
    return ScanConfig.model_validate_json(config_json, context=context)
