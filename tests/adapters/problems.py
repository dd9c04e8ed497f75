"""A joint likelihood in two dimensions with known answers: a normal density, cut by half."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import norm

from fitplugin.likelihoods.joint import Batch
from fitplugin.physics.parameters import ParameterSpace

X_MEAN, Y_MEAN, Y_STD = 1.0, 2.0, 0.5
# E[x] of a unit normal above its mean
X_POSTERIOR_MEAN = X_MEAN + math.sqrt(2.0 / math.pi)


@dataclass(frozen=True)
class HalfNormal:
    """x ~ N(1, 1), y ~ N(2, 0.5), and only x > 1 is valid; the interface of JointLikelihood."""

    space: ParameterSpace = field(
        default_factory=lambda: ParameterSpace({"x": (-5.0, 5.0), "y": (-3.0, 7.0)}, {"z": 20.0})
    )
    blob_names: tuple[str, ...] = ("sum", "product[x-y]")
    fails_above: float = math.inf

    names = ("x", "y")
    n_dim = 2
    valid_fraction = 0.4
    log_z = math.log(norm.cdf(4.0) - 0.5) - math.log(4.0 * 10.0)
    log_z_box = log_z + math.log(valid_fraction)

    def digest(self):
        return "half-normal"

    def prior_transform(self, unit_cube):
        return self.space.prior_transform(unit_cube)

    def is_valid(self, theta):
        return np.atleast_2d(theta)[:, 0] > X_MEAN

    def evaluate(self, theta):
        x, y = np.atleast_2d(np.asarray(theta, dtype=float)).T
        valid = x > X_MEAN
        density = norm.logpdf(x, X_MEAN) + norm.logpdf(y, Y_MEAN, Y_STD)
        if (density[valid] > self.fails_above).any():
            raise ZeroDivisionError("no vacuum")
        blobs = {"sum": x + y, "product[x-y]": x * y, "reason": np.where(valid, "", "too small")}
        return Batch(np.where(valid, density, -np.inf), valid, blobs)

    def log_likelihood(self, theta):
        values = self.evaluate(theta).log_likelihood
        return float(values[0]) if np.ndim(theta) == 1 else values
