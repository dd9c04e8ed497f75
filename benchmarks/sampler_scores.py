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
    log_z_error: float
    n_eff: float
    n_like: float
    seconds: float


def run_one(sampler: str, problem_name: str, problem: Any, seed: int) -> Chain:
    plugin = plugins.load("fitplugin.samplers", sampler)()
    options = plugin.Options(**OPTIONS[sampler], **SPECIAL.get((sampler, problem_name), {}))
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
    return Score(
        sampler,
        problem_name,
        [round(value, 3) for value in z],
        float(np.mean(z)),
        float(np.std(z, ddof=1)),
        float(stats.chi2.cdf(np.square(z).sum(), n_seeds)),
        _ks_p(chains, weights, truth),
        _mean_p(chains, weights, truth),
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


def _ks_p(chains: list[Chain], weights: list[np.ndarray], truth: Any) -> float:
    rng = np.random.default_rng(1)
    drawn = []
    for chain, weight in zip(chains, weights, strict=True):
        # Volumes are known no better than ln Z, and with them the shares of distant peaks: a
        # chain is worth no more independent draws than 1/error^2, whatever its effective size.
        error = max(chain.evidence.log_z_error, 1e-3)
        n_draws = max(1, int(min(effective_size(weight), 1.0 / error**2)))
        drawn.append(chain.samples[_systematic(weight, n_draws, rng)])
    samples = np.concatenate(drawn)
    p_values = [
        stats.kstest(column, cdf).pvalue for column, cdf in zip(samples.T, truth.cdfs, strict=True)
    ]
    return min(1.0, len(p_values) * float(min(p_values)))


def _systematic(weight: np.ndarray, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of an equal-weight draw; independent draws would add their own noise to the chain's."""
    order = rng.permutation(len(weight))
    positions = (rng.random() + np.arange(n_draws)) / n_draws
    rows = np.searchsorted(np.cumsum(weight[order]) / weight.sum(), positions)
    return order[np.minimum(rows, len(weight) - 1)]


def _mean_p(chains: list[Chain], weights: list[np.ndarray], truth: Any) -> float:
    pairs = zip(chains, weights, strict=True)
    means = np.array([weight @ chain.samples for chain, weight in pairs])
    shift = (means.mean(axis=0) - truth.means) / means.std(axis=0, ddof=1)
    p_values = 2.0 * stats.t.sf(np.abs(shift) * math.sqrt(len(chains)), len(chains) - 1)
    return min(1.0, len(p_values) * float(p_values.min()))
