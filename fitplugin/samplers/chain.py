"""The result of a scan: weighted points, evidence, and the blobs of every point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.samplers.evidence import Evidence
from fitplugin.stats.weighted import equal_weight_rows


@dataclass(frozen=True)
class Chain:
    """Weighted posterior samples of one scan.

    Attributes
    ----------
    names : tuple of str
        The scanned parameters, in the order of the columns of ``samples``.
    samples : (n_samples, n_dim) array
        Parameter points, in their physical units, in order of death.
    log_likelihood : (n_samples,) array
    log_weight : (n_samples,) array
        Natural log of the posterior weight, normalised to ``sum(exp(log_weight)) = 1``.
    log_birth : (n_samples,) array or None
        Likelihood contour within which each point was born (``-inf`` for the prior), where
        the sampler records it.
    blobs : mapping of str to (n_samples,) array
    evidence : Evidence
        Over the valid prior and over the whole box.
    n_like : int
        Likelihood calls, rejected points included.
    n_live : int
    sampler : str
    details : mapping of str to float
        What else the sampler has to say of the run, such as whether it ``converged``.
    """

    names: tuple[str, ...]
    samples: FloatArray
    log_likelihood: FloatArray
    log_weight: FloatArray
    log_birth: FloatArray | None
    blobs: Mapping[str, FloatArray]
    evidence: Evidence
    n_like: int
    n_live: int
    sampler: str
    details: Mapping[str, float] = field(default_factory=dict)

    @property
    def weights(self) -> FloatArray:
        """Posterior weights, (n_samples,), summing to one."""
        return np.exp(self.log_weight)

    def equal_weight(self, rng: np.random.Generator) -> IntArray:
        """Return row indices of an equal-weight draw, by systematic resampling.

        The number of draws is the Kish effective sample size, so that repeated rows stay few.
        """
        return equal_weight_rows(self.weights, rng)
