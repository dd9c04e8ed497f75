"""Run a sampler over seeds and compare evidence, error and posterior with the truth.

Shared by the tests of the samplers and by `bench_sampler_problems.py`.
"""

from __future__ import annotations

import math
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.random import SeedSequence
from scipy import stats

from fitplugin import plugins
from fitplugin.pools.serial import SerialPool
from fitplugin.samplers.chain import Chain
from fitplugin.stats.weighted import effective_size

N_SEEDS = 8
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

OPTIONS: dict[str, dict[str, Any]] = {
    "dynesty": {"n_live": 400},
    # its own advice for a careful evidence
    "multinest": {"n_live": 400, "sampling_efficiency": 0.3},
    "ultranest": {"n_live": 400},
    "nautilus": {"n_live": 500, "n_eff": 4000},
    "prior": {"n_samples": 100_000},
}
SPECIAL: dict[tuple[str, str], dict[str, Any]] = {
    # all points of a flat likelihood weigh the same: the live ones are a hundredth of Z only when
    # there are a hundred times as many
    ("nautilus", "flat_in_a_cut"): {"f_live": 0.1},
    # Ellipsoids around peaks on a grid overlap and are not split, so that bounds stop shrinking and
    # the exploration hardly ends (nor does it with networks); ln Z needs no end of it.
    ("nautilus", "eggbox"): {"n_live": 2000, "max_calls": 60_000},
}


class Score(NamedTuple):
    """What the runs of one sampler on one problem say together."""

    sampler: str
    problem: str
    z: list[float]
    """(ln Z - truth)/error of every run, over the whole box."""
    mean_z: float
    std_z: float
    chi2_p: float
    """Share of chi-square values below sum(z^2): near 0, errors are too large; near 1, too small
    or ln Z is biased."""
    ks_p: float
    """Smallest p-value of the marginals, all runs together, times the number of parameters."""
    mean_p: float
    """The same for the posterior means, by Student's t over the runs."""
    quantile_p: float
    """The same for the probabilities below the true quantiles."""
    log_z_error: float
    n_eff: float
    n_like: float
    seconds: float


def run_one(sampler: str, problem_name: str, problem: Any, seed: int) -> Chain:
    plugin = plugins.load("fitplugin.samplers", sampler)()
    special = SPECIAL.get((sampler, problem_name), {})
    options = plugin.Options(**{**OPTIONS[sampler], **special})
    with tempfile.TemporaryDirectory() as folder:
        return plugin.run(
            problem, options, SerialPool(), SeedSequence(seed), Path(folder), lambda record: None
        )


def score(sampler: str, problem_name: str, problem: Any, truth: Any, n_seeds: int = N_SEEDS):
    """Return the `Score` of ``n_seeds`` runs."""
    start = time.perf_counter()
    chains = [run_one(sampler, problem_name, problem, seed) for seed in range(n_seeds)]
    seconds = (time.perf_counter() - start) / n_seeds
    evidences = [chain.evidence for chain in chains]
    z = [(one.log_z_box - truth.log_z) / one.log_z_box_error for one in evidences]
    weights = [_posterior_weights(chain) for chain in chains]
    pairs = list(zip(chains, weights, strict=True))
    return Score(
        sampler,
        problem_name,
        [round(value, 3) for value in z],
        float(np.mean(z)),
        float(np.std(z, ddof=1)),
        float(stats.chi2.cdf(np.square(z).sum(), n_seeds)),
        _ks_p(chains, weights, truth, problem.has_distant_peaks),
        _t_p([weight @ chain.samples for chain, weight in pairs], truth.means),
        _t_p(
            [_below_quantiles(chain, weight, truth) for chain, weight in pairs],
            np.repeat(QUANTILES, len(truth.cdfs)),
        ),
        float(np.median([one.log_z_box_error for one in evidences])),
        float(np.median([effective_size(one) for one in weights])),
        float(np.mean([chain.n_like for chain in chains])),
        seconds,
    )


def _posterior_weights(chain: Chain) -> np.ndarray:
    if chain.sampler != "prior":
        return chain.weights
    weights = np.exp(chain.log_likelihood - chain.log_likelihood.max())
    return weights / weights.sum()


def _ks_p(chains: list[Chain], weights: list[np.ndarray], truth: Any, has_peaks: bool) -> float:
    """Kolmogorov-Smirnov of all weighted points, as if of a number of independent draws."""
    pairs = zip(chains, weights, strict=True)
    n_draws = np.array([_n_draws(chain, weight, has_peaks) for chain, weight in pairs])
    samples = np.concatenate([chain.samples for chain in chains])
    shares = n_draws / n_draws.sum()
    weight = np.concatenate([one * share for one, share in zip(weights, shares, strict=True)])
    p_values = []
    for column, cdf in zip(samples.T, truth.cdfs, strict=True):
        order = np.argsort(column)
        above = np.cumsum(weight[order])
        expected = cdf(column[order])
        distance = max(np.max(above - expected), np.max(expected - (above - weight[order])))
        p_values.append(float(stats.kstwo.sf(distance, max(1, round(n_draws.sum())))))
    return min(1.0, len(p_values) * min(p_values))


def _n_draws(chain: Chain, weight: np.ndarray, has_distant_peaks: bool) -> float:
    """Return how many independent draws a chain is worth, for its marginals.

    Points of nested sampling share the uncertainty of their volumes, so they are worth no more than
    the live points. The share of a distant peak is as uncertain as the volumes down to there: ln Z
    is, and worth 1/error^2 draws.
    """
    n_eff = effective_size(weight)
    if chain.log_birth is None:
        return n_eff
    limit = chain.evidence.log_z_error**-2 if has_distant_peaks else chain.n_live
    return min(n_eff, limit)


def _below_quantiles(chain: Chain, weight: np.ndarray, truth: Any) -> np.ndarray:
    """Posterior probabilities below the true quantiles, one row per quantile, flattened."""
    columns = zip(chain.samples.T, truth.cdfs, strict=True)
    levels = np.stack([cdf(column) for column, cdf in columns], axis=1)
    return np.concatenate([weight @ (levels < quantile) for quantile in QUANTILES])


def _t_p(found: list[np.ndarray], expected: np.ndarray) -> float:
    """Smallest p-value of Student's t over the runs, times the number of quantities."""
    values = np.array(found)
    shift = (values.mean(axis=0) - expected) / values.std(axis=0, ddof=1)
    p_values = 2.0 * stats.t.sf(np.abs(shift) * math.sqrt(len(values)), len(values) - 1)
    return min(1.0, p_values.size * float(p_values.min()))
