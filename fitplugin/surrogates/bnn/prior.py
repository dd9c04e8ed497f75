"""Prior of the weights of a Bayesian network: one scale per layer, itself with a prior.

Written once for NumPy and for jax: the array module is an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from fitplugin.options import Options


class PriorOptions(Options):
    """Hierarchical prior of weights and biases.

    The weights of a layer with n inputs have a scale s, and s has a half-Cauchy prior of scale
    ``weight_scale`` / sqrt(n); its biases one of ``bias_scale``.
    """

    family: Literal["cauchy", "normal"] = Field(
        "cauchy", description="Of weights and biases about zero, given their scale."
    )
    weight_scale: float = Field(1.0, gt=0, description="Of the scales, times sqrt(n_in).")
    bias_scale: float = Field(1.0, gt=0, description="Of the scales of the biases.")


def log_prior(
    weights: Sequence[Any],
    biases: Sequence[Any],
    log_scales: Any,
    prior: PriorOptions,
    xp: Any = np,
) -> Any:
    """Return the log prior density of networks and the logarithms of their scales.

    Parameters
    ----------
    weights : sequence of (..., n_in, n_out) arrays
    biases : sequence of (..., n_out) arrays
    log_scales : (..., n_layers, 2) array
        Of the weights and of the biases of each layer.
    prior : PriorOptions
    xp : module
        numpy or jax.numpy.

    Returns
    -------
    (...) array
        Nats; a density in weights, biases and the *logarithms* of the scales.

    Source: R. Neal, Bayesian Learning for Neural Networks (1996); Cauchy as in arXiv:2007.04506,
    section 2.2; half-Cauchy scales: A. Gelman, Bayesian Analysis 1 (2006) 515.

    >>> nothing = [np.zeros((1, 1))], [np.zeros(1)], np.zeros((1, 2))
    >>> round(float(log_prior(*nothing, PriorOptions())), 3)  # 4 ln(1/pi)
    -4.579
    """
    total: Any = 0.0
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        n_in = weight.shape[-2]
        flat = weight.reshape((*weight.shape[:-2], -1))
        for values, width, column in (
            (flat, prior.weight_scale / n_in**0.5, 0),
            (bias, prior.bias_scale, 1),
        ):
            log_scale = log_scales[..., layer, column]
            unit = values * xp.exp(-log_scale)[..., None]
            total = total + _log_density(unit, prior.family, xp).sum(-1)
            total = total - values.shape[-1] * log_scale
            total = total + log_half_cauchy(log_scale, width, xp)
    return total


def log_half_cauchy(log_scale: Any, width: float, xp: Any = np) -> Any:
    """Log density of ln s for s with a half-Cauchy prior of that width (Jacobian included)."""
    return xp.log(2.0 / (xp.pi * width)) + log_scale - xp.log1p(xp.exp(2.0 * log_scale) / width**2)


def _log_density(unit: Any, family: str, xp: Any) -> Any:
    if family == "cauchy":
        return -xp.log1p(xp.square(unit)) - xp.log(xp.pi)
    return -0.5 * xp.square(unit) - 0.5 * xp.log(2.0 * xp.pi)
