"""Expected upper limits on signal events."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from fitplugin.arrays import FloatArray
from fitplugin.stats.counts import Mode, q_mu

_STEPS = 60


def expected_limit(
    background: ArrayLike,
    background_error: ArrayLike,
    mode: Mode = "mean",
    confidence: float = 0.95,
) -> FloatArray:
    """Median expected CLs upper limit on signal events if there is none (asymptotic).

    The signal S at which the observation of the background alone would be excluded:
    q(n = B, S) = Phi^-1(1 - alpha/2)^2 with alpha = 1 - confidence, without signal error.

    Parameters
    ----------
    background, background_error : arrays that broadcast
        Expected background and its error [events], > 0.

    Returns
    -------
    limit : array
        S95_expected [events].

    Source: Cowan, Cranmer, Gross, Vitells, arXiv:1007.1727, eqs. 87-89 (CLs, Asimov data).

    >>> float(expected_limit(1e4, 1e-6).round(1))     # about 1.96 sqrt(B) for large counts
    197.3
    """
    b, error = np.broadcast_arrays(np.asarray(background, float), np.asarray(background_error))
    target = float(ndtri(1.0 - 0.5 * (1.0 - confidence))) ** 2
    low = np.zeros(b.shape)
    # far beyond any limit: q grows at least like 2 (S - B ln(1 + S/B)) without errors, and a
    # lognormal background costs no more than the same number of its own deviations
    high = 50.0 + 50.0 * np.sqrt(b) + 50.0 * error
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        excluded = np.asarray(q_mu(b, middle, 0.0, b, error, mode=mode)) > target
        low, high = np.where(excluded, low, middle), np.where(excluded, middle, high)
    return np.asarray(0.5 * (low + high))
