"""Problems whose evidence and marginals are known, in closed form or by quadrature.

Shared by the tests of the samplers and by `bench_sampler_problems.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import ClassVar, NamedTuple

import numpy as np
from scipy import integrate, stats

N_GRID = 2001  # per axis; half as many change no ln Z by 1e-6


class Batch(NamedTuple):
    log_likelihood: np.ndarray
    valid: np.ndarray
    blobs: dict[str, np.ndarray]


class Truth(NamedTuple):
    log_z: float
    """Over the whole box."""
    cdfs: tuple[Callable[[np.ndarray], np.ndarray], ...]
    """The marginal posterior distribution functions."""
    means: np.ndarray


class Plane:
    """A likelihood of two parameters, uniform in a box; valid in a rectangle of it."""

    names: ClassVar[tuple[str, ...]] = ("x", "y")
    blob_names: ClassVar[tuple[str, ...]] = ("radius",)
    box: ClassVar[tuple[tuple[float, float], ...]] = ((-10.0, 10.0), (-10.0, 10.0))
    valid_in: ClassVar[tuple[tuple[float, float], ...] | None] = None
    has_distant_peaks: ClassVar[bool] = False

    def prior_transform(self, unit_cube):
        low, high = np.array(self.box).T
        return low + (high - low) * np.asarray(unit_cube)

    def log_density(self, theta):
        raise NotImplementedError

    def is_valid(self, theta):
        low, high = np.array(self.valid_in or self.box).T
        return ((theta >= low) & (theta <= high)).all(axis=1)

    def evaluate(self, theta):
        valid = self.is_valid(theta)
        log_likelihood = np.where(valid, self.log_density(theta), -np.inf)
        return Batch(log_likelihood, valid, {"radius": np.sqrt(np.square(theta).sum(axis=1))})

    def truth(self):
        """Simpson's rule on a grid over the valid rectangle."""
        axes = [np.linspace(low, high, N_GRID) for low, high in self.valid_in or self.box]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
        log_l = self.log_density(grid).reshape(N_GRID, N_GRID)
        top = log_l.max()
        values = np.exp(log_l - top)
        marginals = [
            integrate.simpson(values, x=axes[1], axis=1),
            integrate.simpson(values, x=axes[0], axis=0),
        ]
        total = integrate.simpson(marginals[0], x=axes[0])
        log_box = sum(math.log(high - low) for low, high in self.box)
        cdfs, means = [], []
        for axis, marginal in zip(axes, marginals, strict=True):
            cumulative = integrate.cumulative_simpson(marginal, x=axis, initial=0.0)
            cdfs.append(_interpolated(axis, cumulative / cumulative[-1]))
            means.append(integrate.simpson(axis * marginal, x=axis) / total)
        return Truth(math.log(total) + float(top) - log_box, tuple(cdfs), np.array(means))


def _interpolated(axis, cumulative):
    return lambda values: np.interp(values, axis, cumulative)


class Gaussian:
    """Four correlated parameters, nearly all of the density inside the box."""

    names = ("a", "b", "c", "d")
    blob_names = ("radius",)
    has_distant_peaks = False
    mean = 0.5
    covariance = 0.5 ** np.abs(np.subtract.outer(np.arange(4), np.arange(4)))

    def prior_transform(self, unit_cube):
        return 12.0 * np.asarray(unit_cube) - 6.0

    def evaluate(self, theta):
        log_l = stats.multivariate_normal([self.mean] * 4, self.covariance).logpdf(theta)
        radius = np.sqrt(np.square(theta).sum(axis=1))
        return Batch(np.reshape(log_l, len(theta)), np.ones(len(theta), dtype=bool),
                     {"radius": radius})  # fmt: skip

    def truth(self):
        normal = stats.norm(self.mean, 1.0).cdf
        return Truth(-4.0 * math.log(12.0), (normal,) * 4, np.full(4, self.mean))


class Eggbox(Plane):
    """Eighteen narrow peaks (F. Feroz et al., arXiv:0809.3437, sec. 6.1)."""

    box = ((0.0, 10.0 * math.pi), (0.0, 10.0 * math.pi))
    has_distant_peaks = True

    def log_density(self, theta):
        return (2.0 + np.cos(theta[:, 0] / 2.0) * np.cos(theta[:, 1] / 2.0)) ** 5


class Rosenbrock(Plane):
    """A narrow bent valley."""

    box = ((-5.0, 5.0), (-5.0, 5.0))

    def log_density(self, theta):
        x, y = theta.T
        return -np.square(1.0 - x) - 100.0 * np.square(y - np.square(x))


class Slab(Plane):
    """A correlated normal density, cut through its middle: half of the box is not valid."""

    valid_in = ((0.0, 10.0), (-10.0, 10.0))

    def log_density(self, theta):
        return stats.multivariate_normal([0.0, -0.5], [[1.0, 0.6], [0.6, 2.0]]).logpdf(theta)


class TwoModes(Plane):
    """Two peaks far apart, one with three times the mass of the other."""

    has_distant_peaks = True

    def log_density(self, theta):
        first = np.square(theta - np.array([-6.0, 2.0])).sum(axis=1) / (2.0 * 0.4**2)
        second = np.square(theta - np.array([5.0, -3.0])).sum(axis=1) / (2.0 * 0.4**2)
        return np.logaddexp(math.log(0.75) - first, math.log(0.25) - second)


class FlatInACut(Plane):
    """A constant where x + y > 0: the posterior is the valid prior."""

    def log_density(self, theta):
        return np.full(len(theta), 3.0)

    def is_valid(self, theta):
        return theta.sum(axis=1) > 0.0

    def truth(self):
        def cdf(values):
            return np.square((values + 10.0) / 20.0)

        return Truth(3.0 - math.log(2.0), (cdf, cdf), np.full(2, 10.0 / 3.0))


PROBLEMS = {
    "gaussian": Gaussian,
    "eggbox": Eggbox,
    "rosenbrock": Rosenbrock,
    "slab": Slab,
    "two_modes": TwoModes,
    "flat_in_a_cut": FlatInACut,
}


@cache
def truth_of(name: str) -> Truth:
    return PROBLEMS[name]().truth()
