"""A sampler: it draws points, has them evaluated, and weights them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.random import SeedSequence
from pydantic import Field

from fitplugin.options import Options
from fitplugin.pools.base import Pool
from fitplugin.samplers.base import Problem, ProgressCallback
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.evaluation import named_blobs
from fitplugin.samplers.evidence import Evidence
from fitplugin.samplers.prior import draw_live_points


class YourPluginOptions(Options):
    """What a scan file may say beside ``kind: your_plugin``."""

    n_samples: int = Field(2000, gt=1, description="Valid points wanted.")


class YourPlugin:
    """Draws from the prior, weighted by their likelihood."""

    Options = YourPluginOptions

    def require(self, options: YourPluginOptions, n_dim: int) -> None:
        """Refuse nothing."""

    def run(
        self,
        problem: Problem,
        options: YourPluginOptions,
        pool: Pool,
        seed: SeedSequence,
        directory: Path,
        progress: ProgressCallback,
    ) -> Chain:
        """Sample ``problem``; nothing is written to ``directory``."""
        n = options.n_samples
        drawn = draw_live_points(problem, n, pool, np.random.default_rng(seed))
        log_sum = np.logaddexp.reduce(drawn.log_likelihood)
        log_weight = drawn.log_likelihood - log_sum
        # relative error of a mean of n likelihoods
        error = np.sqrt(np.exp(2.0 * log_weight).sum() - 1.0 / n)
        evidence = Evidence(
            log_sum - np.log(n), error, over_box=False, fraction=drawn.valid_fraction
        )
        return Chain(
            names=tuple(problem.names),
            samples=drawn.theta,
            log_likelihood=drawn.log_likelihood,
            log_weight=log_weight,
            log_birth=None,
            blobs=named_blobs(drawn.blob_values, problem.blob_names),
            evidence=evidence,
            n_like=drawn.n_like,
            n_live=n,
            sampler="your_plugin",
        )
