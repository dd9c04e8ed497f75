"""Problems with a known evidence, importable by worker processes."""

from __future__ import annotations

import math
import os
import signal
import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Batch(NamedTuple):
    log_likelihood: np.ndarray
    valid: np.ndarray
    blobs: dict


MEAN = np.array([1.0, -0.5])
COVARIANCE = np.array([[1.0, 0.6], [0.6, 2.0]])


@dataclass(frozen=True)
class Gaussian:
    """A correlated normal density, normalised, in a box of half-width 10."""

    names: tuple[str, ...] = ("x", "y")
    blob_names: tuple[str, ...] = ("sum", "radius")
    half_width: float = 10.0

    log_z = -2.0 * math.log(20.0)

    def prior_transform(self, unit_cube):
        return self.half_width * (2.0 * np.asarray(unit_cube) - 1.0)

    def log_density(self, theta):
        shift = theta - MEAN
        chi2 = np.einsum("ni,ij,nj->n", shift, np.linalg.inv(COVARIANCE), shift)
        return -0.5 * chi2 - 0.5 * math.log(np.linalg.det(2.0 * np.pi * COVARIANCE))

    def is_valid(self, theta):
        return np.ones(len(theta), dtype=bool)

    def evaluate(self, theta):
        valid = self.is_valid(theta)
        log_likelihood = np.where(valid, self.log_density(theta), -np.inf)
        blobs = {"sum": theta.sum(axis=1), "radius": np.hypot(*theta.T)}
        return Batch(log_likelihood, valid, blobs)


@dataclass(frozen=True)
class Slab(Gaussian):
    """The same, cut in two through its mean: half the prior (nearly) and half of Z are left."""

    log_z = -2.0 * math.log(20.0) - math.log(2.0)
    valid_fraction = 0.45  # x > 1 in [-10, 10]

    def is_valid(self, theta):
        return theta[:, 0] > MEAN[0]


@dataclass(frozen=True)
class Flat(Gaussian):
    """A constant likelihood in half of the box: the posterior is the valid prior."""

    log_z = math.log(0.45)
    valid_fraction = 0.45

    def log_density(self, theta):
        return np.zeros(len(theta))

    def is_valid(self, theta):
        return theta[:, 0] > 1.0


@dataclass(frozen=True)
class NothingValid(Gaussian):
    def is_valid(self, theta):
        return np.zeros(len(theta), dtype=bool)


@dataclass(frozen=True)
class Broken(Gaussian):
    """Breaks its contract in one way, where the density is high: after the first live points."""

    how: str = "raise"
    above: float = -4.0

    def evaluate(self, theta):
        good = super().evaluate(theta)
        bad = good.log_likelihood > self.above
        if not bad.any():
            return good
        if self.how == "raise":
            raise ZeroDivisionError("no vacuum")
        if self.how == "exit":
            raise SystemExit(0)
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "shape":
            return good._replace(log_likelihood=good.log_likelihood[:, np.newaxis])
        if self.how == "blobs":
            return good._replace(blobs={"sum": good.blobs["sum"]})
        value = {"nan": np.nan, "inf": np.inf}[self.how]
        return good._replace(log_likelihood=np.where(bad, value, good.log_likelihood))


@dataclass(frozen=True)
class Slow(Gaussian):
    """One millisecond a point, and no work for the processor."""

    def evaluate(self, theta):
        time.sleep(0.001 * len(theta))
        return super().evaluate(theta)
