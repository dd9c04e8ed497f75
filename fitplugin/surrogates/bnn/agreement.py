"""Whether Markov chains agree on what they predict."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.surrogates.bnn.options import SamplingOptions

_QUANTILE = 0.9


class Agreement(NamedTuple):
    """How well chains agree on predictions, (n_predictions,) each.

    ``r_hat`` is the split potential scale reduction (1 if they agree), ``effective`` the number
    of independent draws that all chains are worth.
    """

    r_hat: FloatArray
    effective: FloatArray

    def is_enough(self, options: SamplingOptions) -> bool:
        """Stop rule: nine tenths of the predictions have both as asked for."""
        return bool(
            np.quantile(self.r_hat, _QUANTILE) < options.r_hat
            and np.quantile(self.effective, 1 - _QUANTILE) > options.effective
        )


def agreement(predictions: FloatArray) -> Agreement:
    """Compare chains: (n_chains, n_draws, n_predictions), at least 4 draws.

    Source: A. Gelman et al., Bayesian Data Analysis, 3rd ed. (2013), sections 11.4, 11.5; computed
    by numpyro.
    """
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

    values = np.asarray(predictions, dtype=float)
    # what no draw changes agrees
    moving = values.std(axis=(0, 1)) > 0
    r_hat, effective = np.ones(moving.size), np.full(moving.size, float(np.prod(values.shape[:2])))
    if moving.any():
        r_hat[moving] = split_gelman_rubin(values[..., moving])
        effective[moving] = effective_sample_size(values[..., moving])
    return Agreement(r_hat, effective)
