"""How much of the prior is valid, from the shells that nautilus has drawn in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.samplers.evidence import ValidFraction


def valid_fraction(sampler: Any) -> ValidFraction:
    """Estimate how much of the unit cube is valid, from all points in all shells.

    The sum over shells of volume times share of valid points, f = sum(V p)/sum(V). Both are
    counts of draws: the error has a term V^2 p(1 - p)/n for each shell's share and one
    V^2 (p - f)^2 var(ln V) for its volume. Points of the exploration count even where the
    posterior discards them, since the outermost shells may have few others.
    """
    shells = [
        (bound, log_likelihood, int(n_in_bound))
        for bound, log_likelihood, n_in_bound in zip(
            sampler.bounds, sampler.log_l, sampler.shell_n_sample, strict=True
        )
        if len(log_likelihood)
    ]
    share = np.array([np.mean(log_likelihood > -np.inf) for _, log_likelihood, _ in shells])
    if (share == 1.0).all():
        return ValidFraction(1.0, 0.0)
    size: IntArray = np.array([len(log_likelihood) for _, log_likelihood, _ in shells])
    n_drawn: IntArray = np.array([n_in_bound for _, _, n_in_bound in shells])
    volume = np.exp([bound.log_v for bound, _, _ in shells]) * size / n_drawn
    volume /= volume.sum()
    bound_variance = np.array([_log_volume_variance(bound) for bound, _, _ in shells])
    log_volume_variance = bound_variance + _log_share_variance(size, n_drawn)
    value = volume @ share
    variance = share * (1.0 - share) / size + np.square(share - value) * log_volume_variance
    return ValidFraction(float(value), math.sqrt(np.square(volume) @ variance))


def _log_volume_variance(bound: Any) -> float:
    """Variance of the log of a bound's volume, which nautilus measures by rejection, twice."""
    if not hasattr(bound, "outer_bound"):
        return 0.0  # the unit cube
    parts = (bound, bound.outer_bound)
    n_drawn = np.array([part.n_sample for part in parts])
    n_kept = n_drawn - np.array([part.n_reject for part in parts])
    return float(_log_share_variance(n_kept, n_drawn).sum())


def _log_share_variance(n_kept: IntArray, n_drawn: IntArray) -> FloatArray:
    """Binomial variance of ln(n_kept/n_drawn)."""
    return (1.0 - n_kept / n_drawn) / n_kept
