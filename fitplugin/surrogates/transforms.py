"""Named transforms of the targets: a surrogate learns z(y), and answers with moments of y.

A positive target with errors in proportion to it is simpler as a logarithm, a Poisson-like one
(an efficiency from simulated events) as a square root, a probability as a logit. Predictions
come back as the exact mean and standard deviation of y under a Gaussian z, and not as y at the
mean of z, which would be the median.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import ArrayLike
from pydantic import BeforeValidator, Field, model_validator
from scipy.special import expit, logit

from fitplugin.arrays import BoolArray, FloatArray, require_finite
from fitplugin.errors import InputError
from fitplugin.options import Options

_LARGEST = float(np.finfo(float).max)
# exp of the rounded logarithm overflows
_LARGEST_LOG = float(np.nextafter(np.log(_LARGEST), 0.0))
# the poles of the logistic function at i pi / s slow convergence: 32 nodes miss by 9e-5 at s = 3
_N_NODES = 128

_DOMAINS = {
    "log": "log needs values above -offset; give a larger offset or another transform",
    "logit": "logit needs values between 0 and 1, ends excluded; use another transform",
    "sqrt": "sqrt needs values of at least -offset; give a larger offset or another transform",
}
_FLAT = {
    "log": "give a larger offset or another transform",
    "logit": "use another transform",
    "sqrt": "give a larger offset, of the size of the error there, or another transform",
}


class TransformOptions(Options):
    """Which function of a target is learned; ``offset`` moves the edge of log and sqrt.

    >>> TransformOptions(kind="sqrt", offset=3e-4)
    TransformOptions(kind='sqrt', offset=0.0003)
    """

    kind: Literal["none", "log", "logit", "sqrt"] = Field(
        "none", description="z = y, ln(y + offset), ln(y / (1 - y)) or sqrt(y + offset)."
    )
    offset: float = Field(0.0, ge=0, description="Added to y under log and sqrt [unit of y].")

    @model_validator(mode="after")
    def _offset_is_used(self) -> TransformOptions:
        if self.offset and self.kind not in ("log", "sqrt"):
            raise ValueError(f"offset is for log and sqrt, not for {self.kind}; leave it out")
        return self


def _as_section(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


# in a scan file: ``transform: sqrt`` or ``transform: {kind: sqrt, offset: 3.0e-4}``
Transform = Annotated[
    TransformOptions,
    BeforeValidator(_as_section),
    Field(description="Of the targets: none, log, logit or sqrt, with an offset."),
]
"""An option of surrogates."""


def forward(
    values: ArrayLike, error: ArrayLike | None = None, *, options: TransformOptions, name: str
) -> tuple[FloatArray, FloatArray | None]:
    """Transform the values of one target, and their errors to first order.

    Parameters
    ----------
    values : array of any shape, (n_points,) as a rule
        The target, in its own unit.
    error : array of the shape of values, or None
        Standard deviation of each value, >= 0.
    options : TransformOptions
    name : str
        Name of the target, for messages.

    Returns
    -------
    z, z_error : arrays of the shape of values; the second is None if no errors came
        z = y, ln(y + offset), ln(y / (1 - y)) or sqrt(y + offset); z_error = |dz/dy| error.

    Raises
    ------
    InputError
        If a value or an error is not finite, an error is negative or of another shape, a value
        is outside the domain, or has an error where the slope is infinite (sqrt at zero).

    >>> forward([0.0, 5.0], [2.0, 0.5], options=TransformOptions(kind="sqrt", offset=4.0), name="n")
    (array([2., 3.]), array([0.5       , 0.08333333]))
    """
    y = np.asarray(values, dtype=float)
    require_finite(np.atleast_1d(y), name)
    kind, shifted = options.kind, y + options.offset
    if kind == "log":
        _refuse(~(shifted > 0), y, name, f"is outside the domain; {_DOMAINS[kind]}")
    elif kind == "logit":
        _refuse(~((y > 0) & (y < 1)), y, name, f"is outside the domain; {_DOMAINS[kind]}")
    elif kind == "sqrt":
        _refuse(~(shifted >= 0), y, name, f"is outside the domain; {_DOMAINS[kind]}")

    z, inverse_slope = y.copy(), np.ones_like(y)
    if kind == "log":
        z, inverse_slope = np.log(shifted), shifted
    elif kind == "logit":
        z, inverse_slope = logit(y), y * (1.0 - y)
    elif kind == "sqrt":
        z = np.sqrt(shifted)
        inverse_slope = 2.0 * z
    if error is None:
        return np.asarray(z), None

    known = _require_errors(error, y, name)
    with np.errstate(all="ignore"):  # what overflows is refused below
        z_error = known / inverse_slope
    if kind != "none":
        steep = f"has an error and lies where {kind} is too steep to carry it; {_FLAT[kind]}"
        _refuse(~np.isfinite(z_error), y, name, steep)
    return np.asarray(z), np.asarray(z_error)


def backward(
    mean_z: ArrayLike, std_z: ArrayLike, options: TransformOptions
) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of y for Gaussian z.

    Parameters
    ----------
    mean_z, std_z : arrays of any shapes that broadcast
        Moments of z; finite, std_z >= 0.
    options : TransformOptions

    Returns
    -------
    mean_y, std_y : arrays of the broadcast shape
        Exact to rounding for none, log and sqrt. For logit by quadrature at 128 nodes: within
        1e-8 up to std_z = 3, 1e-5 up to 5, 2e-3 up to 10 (absolute, y being in [0, 1]); it
        takes 1 kB of memory per value. Never NaN and std_y never negative; what exceeds the
        largest float becomes it, to rounding: a surrogate that knows nothing of ln y
        has said so already.

    Source: with m, s the moments of z,
    log: E = exp(m + s^2/2) - offset, Var = exp(2m + s^2) (exp(s^2) - 1), the lognormal;
    sqrt: E = m^2 + s^2 - offset, Var = 2 s^4 + 4 m^2 s^2, the noncentral chi-square;
    logit: Gauss-Hermite quadrature (Abramowitz and Stegun 25.4.46), Var from the second central
    moment.

    >>> backward(3.0, 0.5, TransformOptions(kind="sqrt", offset=4.0))[0]
    np.float64(5.25)
    """
    mean, std = np.asarray(mean_z, dtype=float), np.asarray(std_z, dtype=float)
    if mean.shape != std.shape:
        mean, std = np.broadcast_arrays(mean, std)
    if options.kind == "none":
        return mean.copy(), std.copy()
    with np.errstate(over="ignore", under="ignore"):
        if options.kind == "log":
            return _lognormal(mean, std, options.offset)
        if options.kind == "sqrt":
            return _squared(mean, std, options.offset)
        return _logistic(mean, std)


def _lognormal(mean: FloatArray, std: FloatArray, offset: float) -> tuple[FloatArray, FloatArray]:
    variance = np.square(std)
    # exp(s^2) - 1 alone overflows at s = 27 although exp(m) may be tiny: one exponent for both
    low = np.exp(np.minimum(mean + 0.5 * variance, _LARGEST_LOG))
    high = np.exp(np.minimum(mean + variance, _LARGEST_LOG))
    return low - offset, high * np.sqrt(-np.expm1(-variance))


def _squared(mean: FloatArray, std: FloatArray, offset: float) -> tuple[FloatArray, FloatArray]:
    # s hypot(2 m, sqrt(2) s) and not the root of the variance, which overflows long before
    spread = std * np.hypot(2.0 * mean, np.sqrt(2.0) * std)
    second = np.square(mean) + np.square(std)
    return np.minimum(second, _LARGEST) - offset, np.minimum(spread, _LARGEST)


def _logistic(mean: FloatArray, std: FloatArray) -> tuple[FloatArray, FloatArray]:
    nodes, weights = _gauss_hermite()
    # y near 1 as 1 - y near 0, where floats are dense: the moments keep their digits
    middle = -np.abs(mean)
    base = expit(middle)
    # moments about y at the mean: exact at std = 0, and no cancellation for small std
    away = expit(middle[..., np.newaxis] + std[..., np.newaxis] * nodes) - base[..., np.newaxis]
    shift = away @ weights
    first = base + shift
    std_y = np.sqrt(np.square(away - shift[..., np.newaxis]) @ weights)
    return np.where(mean > 0, 1.0 - first, first), np.asarray(std_y)


@cache
def _gauss_hermite() -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of the standard normal."""
    nodes, weights = hermegauss(_N_NODES)
    return nodes, weights / weights.sum()


def _require_errors(error: ArrayLike, y: FloatArray, name: str) -> FloatArray:
    known = np.asarray(error, dtype=float)
    if known.shape != y.shape:
        raise InputError(
            name, f"has errors of shape {known.shape} for values of shape {y.shape}; give one each"
        )
    require_finite(np.atleast_1d(known), f"error of {name}")
    _refuse(known < 0, known, f"error of {name}", "is negative; give standard deviations")
    return known


def _refuse(bad: BoolArray, values: FloatArray, name: str, what: str) -> None:
    where = np.argwhere(np.atleast_1d(bad))
    if len(where):
        value = np.atleast_1d(values)[tuple(where[0])]
        raise InputError(name, f"{value:g} in row {where[0][0]} {what}")
