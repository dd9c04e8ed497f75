"""What data say of one parameter: information in bits, and which ends of its range they exclude."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.errors import InputError
from fitplugin.stats.weighted import effective_size

Kind = Literal["measured", "lower limit", "upper limit", "preference", "little information"]

N_BINS = 20
_DISFAVOURED = np.exp(-0.5 * 1.645**2)  # where a Gaussian has its one-sided limit at 95 %
LITTLE = 0.25
"""Bits below which data say little: knowing a flat parameter to 84 % of its range is as much."""
_ENDS = 2  # bins that count as an end of the range


class Information(NamedTuple):
    """What data say of one parameter.

    Attributes
    ----------
    bits : float
        Kullback-Leibler divergence of the posterior from the prior, the bias of finite samples
        taken off; halving the range of a flat prior is one bit.
    low_end, high_end : float
        Posterior over prior in the tenth of the prior at either end, relative to its highest.
    kind : str
        ``measured`` if both ends are disfavoured, a limit if one is: below 0.26, as the density of
        a Gaussian at its one-sided 95 % limit is of its highest; otherwise
        ``little information`` below a quarter of a bit, and a ``preference`` above.
    """

    bits: float
    low_end: float
    high_end: float
    kind: Kind


def information(posterior: ArrayLike, weights: ArrayLike, prior: ArrayLike) -> Information:
    """Compare weighted samples of a posterior with equally weighted ones of the prior.

    Both are counted in `N_BINS` bins that are equally probable under the prior.

    Parameters
    ----------
    posterior, weights : (n_samples,) arrays
    prior : (n_prior,) array

    Raises
    ------
    InputError
        If the prior sample is too small to tell.

    >>> line = (np.arange(4000) + 0.5) / 4000
    >>> found = information(line, line > 0.5, line)
    >>> round(found.bits, 1), found.kind
    (1.0, 'lower limit')
    """
    prior = np.asarray(prior, dtype=float)
    if len(prior) < 10 * N_BINS:
        raise InputError(
            "prior", f"has {len(prior)} samples; {10 * N_BINS} at least are needed to compare with"
        )
    edges = np.quantile(prior, np.linspace(0.0, 1.0, N_BINS + 1))
    edges[0], edges[-1] = -np.inf, np.inf
    weights = np.asarray(weights, dtype=float)
    p, _ = np.histogram(np.asarray(posterior, dtype=float), edges, weights=weights)
    p = p / p.sum()
    there = p > 0
    bits = float((p[there] * np.log2(p[there] * N_BINS)).sum())
    # Miller and Madow: the entropy of a sample is too low by (bins - 1) / 2n
    bits -= (N_BINS - 1) / (2.0 * np.log(2.0)) * (1.0 / effective_size(weights) + 1.0 / len(prior))
    smooth = p.reshape(-1, _ENDS).mean(axis=1)
    low, high = (float(end / smooth.max()) for end in (smooth[0], smooth[-1]))
    bits = max(float(bits), 0.0)
    return Information(bits, low, high, _kind(bits, low, high))


def _kind(bits: float, low: float, high: float) -> Kind:
    if low < _DISFAVOURED:
        return "measured" if high < _DISFAVOURED else "lower limit"
    if high < _DISFAVOURED:
        return "upper limit"
    return "little information" if bits < LITTLE else "preference"


def ratio_beyond(
    posterior: ArrayLike, weights: ArrayLike, prior: ArrayLike, border: float
) -> float:
    """Return posterior over prior beyond a border, relative to that before it.

    One if the data do not care, below one if they disfavour what is beyond.

    >>> ratio_beyond([1.0, 2.0, 3.0], [1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 3.0], 2.5)
    0.5
    """
    values, weights = np.asarray(posterior, dtype=float), np.asarray(weights, dtype=float)
    prior = np.asarray(prior, dtype=float)
    before = _odds(np.asarray(prior > border), np.ones(len(prior)))
    return _odds(np.asarray(values > border), weights) / before


def _odds(is_beyond: BoolArray, weights: FloatArray) -> float:
    return float(weights[is_beyond].sum() / weights[~is_beyond].sum())
