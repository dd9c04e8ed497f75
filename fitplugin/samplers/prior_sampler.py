"""The valid prior itself, drawn directly, with the likelihood of every point."""

from __future__ import annotations

import math
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.random import SeedSequence
from pydantic import BaseModel, Field

from fitplugin.arrays import FloatArray
from fitplugin.options import Options
from fitplugin.pools.base import Pool
from fitplugin.samplers.base import Problem, Progress, ProgressCallback
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.evaluation import named_blobs
from fitplugin.samplers.evidence import Evidence
from fitplugin.samplers.prior import draw_live_points


class PriorOptions(Options):
    """Options of the sampler `prior`."""

    n_samples: int = Field(default=10_000, gt=1)
    """Valid points wanted."""


class PriorSampler:
    """Independent draws from the valid prior, by rejection.

    The chain is the prior, not the posterior: all weights are equal. Multiplied by
    ``exp(log_likelihood)`` they become those of the posterior, which is as good as its effective
    size, ``n_eff_posterior`` in ``details``. The evidence is the mean likelihood of the draws;
    its error is right while ``n_eff_posterior`` is large, some hundreds. There are no births.
    """

    Options: ClassVar[type[BaseModel]] = PriorOptions

    citations: ClassVar[tuple[str, ...]] = ()

    def require(self, options: PriorOptions, n_dim: int) -> None:
        """Refuse nothing."""

    def run(
        self,
        problem: Problem,
        options: PriorOptions,
        pool: Pool,
        seed: SeedSequence,
        directory: Path,
        progress: ProgressCallback,
    ) -> Chain:
        """Sample the prior of ``problem``; nothing is written to ``directory``.

        Raises
        ------
        InputError
            If almost none of the prior is valid.
        LikelihoodError
            If the likelihood breaks its contract; names theta.
        """
        n_samples = options.n_samples
        drawn = draw_live_points(
            problem, n_samples, pool, np.random.default_rng(seed),
            lambda n: progress(Progress.of_search(n)),
        )  # fmt: skip
        log_mean, log_error, n_eff = _mean_likelihood(drawn.log_likelihood)
        evidence = Evidence(log_mean, log_error, over_box=False, fraction=drawn.valid_fraction)
        progress(Progress(n_samples, drawn.n_like, evidence.log_z_box, 0.0))
        return Chain(
            names=tuple(problem.names),
            samples=drawn.theta,
            log_likelihood=drawn.log_likelihood,
            log_weight=np.full(n_samples, -math.log(n_samples)),
            log_birth=None,
            blobs=named_blobs(drawn.blob_values, problem.blob_names),
            evidence=evidence,
            n_like=drawn.n_like,
            n_live=n_samples,
            sampler="prior",
            details={"converged": 1.0, "n_eff_posterior": n_eff},
        )


def _mean_likelihood(log_likelihood: FloatArray) -> tuple[float, float, float]:
    """Return ln of the mean likelihood, its standard error, and the effective size behind it."""
    n_samples = len(log_likelihood)
    log_sum = np.logaddexp.reduce(log_likelihood)
    share = np.exp(log_likelihood - log_sum)
    n_eff = 1.0 / float(np.square(share).sum())
    # Var(L)/(n <L>^2) = (n/n_eff - 1)/n
    variance = max(0.0, n_samples / n_eff - 1.0) / (n_samples - 1)
    return float(log_sum) - math.log(n_samples), math.sqrt(variance), n_eff
