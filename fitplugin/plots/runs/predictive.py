"""What a posterior predicts of a counting region: expected events, and counts seen next time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.plots.runs.asked import Region
from fitplugin.stats.draws import draw_counts
from fitplugin.stats.weighted import quantile

N_DRAWS = 20_000
_PROBABILITIES = (0.025, 0.15865525, 0.5, 0.84134475, 0.975)


class Predicted(NamedTuple):
    """What the posterior predicts of a region, in events."""

    total: FloatArray
    """Quantiles of background plus signal, both without their errors: 2.5, 16, 50, 84, 97.5 %."""
    counts: FloatArray
    """(n_draws,) counts of the same experiment done again."""
    p_value: float
    """Probability of a count at least as far out in its tail as the observed one, two-sided."""


def predict(
    n_signal: FloatArray,
    signal_error: FloatArray,
    weights: FloatArray,
    region: Region,
    n_observed: float,
    rng: np.random.Generator,
    n_draws: int = N_DRAWS,
) -> Predicted:
    """Predict a region from the posterior.

    Each draw takes a point of the posterior, signal and background from their errors anew, and a
    Poisson count: the generative model of `fitplugin.stats.counts`. The observed counts have
    shaped the posterior, so that p-values lean towards the middle: a small one means something, a
    large one little (X.-L. Meng, Ann. Stat. 22 (1994) 1142).

    Parameters
    ----------
    n_signal, signal_error : (n_samples,) arrays
        Expected signal and its error [events].
    weights : (n_samples,) array
        Of the posterior.
    region : Region
    n_observed : float
        Need not be an integer.
    rng : Generator
    n_draws : int
    """
    rows = rng.choice(len(weights), n_draws, p=weights / weights.sum())
    counts = draw_counts(
        rng, n_signal[rows], signal_error[rows],
        region.background, region.background_error, region.mode,
    )  # fmt: skip
    tails = float(np.mean(counts <= n_observed)), float(np.mean(counts >= n_observed))
    total = quantile(region.background + n_signal, weights, _PROBABILITIES)
    return Predicted(total, counts, min(1.0, 2.0 * min(tails)))


def p_text(p_value: float) -> str:
    """Return a p-value as a figure shows it.

    >>> p_text(0.234), p_text(0.0004), p_text(0.0)
    ('0.23', '0.0004', '< 0.0002')
    """
    if p_value < 4.0 / N_DRAWS:
        return f"< {4.0 / N_DRAWS:g}"
    return f"{p_value:.2f}" if p_value >= 0.095 else f"{p_value:.1g}"
