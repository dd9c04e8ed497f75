"""Expected signal events: efficiency x cross-section x luminosity, with errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError


class Yields(NamedTuple):
    """Expected signal events and their error, in events."""

    n_signal: FloatArray
    error: FloatArray


def expected_signal(
    efficiency: ArrayLike,
    efficiency_error: ArrayLike,
    cross_section: ArrayLike,
    cross_section_error: ArrayLike,
    luminosity: float,
) -> Yields:
    """Expected signal events N = L sigma epsilon of one region.

    Parameters
    ----------
    efficiency, efficiency_error : (n_points,) arrays
        Acceptance x detector efficiency, in [0, 1], and its error.
    cross_section, cross_section_error : (n_points,) arrays
        Total production cross-section and its error [fb]; NaN where there is none.
    luminosity : float
        Integrated luminosity [1/fb].

    Returns
    -------
    signal : Yields
        The error is that of a product of independent factors, exactly; it stays finite where
        the efficiency goes to zero.

    Raises
    ------
    InputError
        If an efficiency lies outside [0, 1] or the luminosity is not positive.

    Source: arXiv:1611.02704, p. 1.

    >>> expected_signal([0.02], [0.002], [0.5], [0.05], 3000.0)
    Yields(n_signal=array([30.]), error=array([4.25323406]))
    """
    efficiency = np.asarray(efficiency, dtype=float)
    outside = ~((efficiency >= 0) & (efficiency <= 1))
    if outside.any():
        raise InputError("efficiency", f"{efficiency[outside].flat[0]:g} is outside [0, 1]")
    if not luminosity > 0:
        raise InputError("luminosity", f"must be positive, not {luminosity:g}")
    sigma = np.asarray(cross_section, dtype=float)
    efficiency_variance = np.square(efficiency_error)
    sigma_variance = np.square(cross_section_error)
    # E[x^2] E[y^2] - E[x]^2 E[y]^2, expanded so that nothing cancels
    variance = (
        np.square(efficiency) * sigma_variance
        + np.square(sigma) * efficiency_variance
        + efficiency_variance * sigma_variance
    )
    return Yields(luminosity * sigma * efficiency, luminosity * np.sqrt(variance))
