"""How well predicted errors describe actual ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from fitplugin.arrays import FloatArray


class Calibration(NamedTuple):
    """Summary of predictions against truths on held-out points.

    ``coverageXX`` is the share of truths inside the central XX % of the predicted Gaussian;
    ``log_score`` the mean log density (nats per point, larger is better).
    """

    n_points: int
    rmse: float
    mean_relative_error: float
    chi2_per_point: float
    coverage68: float
    coverage95: float
    coverage997: float
    log_score: float


def pulls(mean: ArrayLike, std: ArrayLike, truth: ArrayLike) -> FloatArray:
    """Return (mean - truth) / std: standard normal if the errors are right."""
    return np.asarray((np.asarray(mean) - np.asarray(truth)) / np.asarray(std), dtype=float)


def calibrate(mean: ArrayLike, std: ArrayLike, truth: ArrayLike) -> Calibration:
    """Compare (n_points,) Gaussian predictions with the truths.

    >>> c = calibrate([0.0, 0.0], [1.0, 1.0], [0.5, -1.5])
    >>> c.chi2_per_point, c.coverage68, c.coverage95
    (1.25, 0.5, 1.0)
    """
    mean, std, truth = (np.asarray(values, dtype=float) for values in (mean, std, truth))
    pull = np.abs(pulls(mean, std, truth))
    inside = [float((pull < ndtri(0.5 + 0.5 * level)).mean()) for level in (0.6827, 0.95, 0.9973)]
    log_density = -0.5 * np.square(pull) - np.log(std) - 0.5 * np.log(2.0 * np.pi)
    nonzero = truth != 0
    relative = np.abs(mean - truth)[nonzero] / np.abs(truth[nonzero])
    return Calibration(
        n_points=len(truth),
        rmse=float(np.sqrt(np.square(mean - truth).mean())),
        mean_relative_error=float(relative.mean()) if nonzero.any() else float("nan"),
        chi2_per_point=float(np.square(pull).mean()),
        coverage68=inside[0],
        coverage95=inside[1],
        coverage997=inside[2],
        log_score=float(log_density.mean()),
    )


class Classification(NamedTuple):
    """How well probabilities tell two classes apart at a threshold."""

    n_points: int
    threshold: float
    recall: float
    precision: float
    f1: float


def classify(probability: ArrayLike, truth: ArrayLike, threshold: float = 0.5) -> Classification:
    """Compare (n_points,) probabilities with (n_points,) truths of 0 or 1.

    >>> classify([0.9, 0.8, 0.2], [1.0, 0.0, 1.0])
    Classification(n_points=3, threshold=0.5, recall=0.5, precision=0.5, f1=0.5)
    """
    said = np.asarray(probability, dtype=float) > threshold
    true = np.asarray(truth, dtype=float) == 1.0
    hits = float((said & true).sum())
    recall, precision = hits / max(1, true.sum()), hits / max(1, said.sum())
    f1 = 2.0 * hits / max(1, said.sum() + true.sum())
    return Classification(len(true), threshold, float(recall), float(precision), float(f1))


def is_binary(truth: ArrayLike) -> bool:
    """Whether the values are classes: 0 and 1 only."""
    return bool(np.isin(truth, (0.0, 1.0)).all())
