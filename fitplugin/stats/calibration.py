"""How well predicted errors describe actual ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.stats.gaussian import HALF_LOG_2PI

_MIN_IN_SLICE = 20


class Calibration(NamedTuple):
    """Summary of predictions against truths on held-out points.

    ``coverageXX`` is the share of truths inside the central XX % of the predicted Gaussian;
    ``log_score`` the mean log density (nats per point, larger is better); ``pull_mean`` and
    ``pull_std`` are 0 and 1 if the errors are right; ``excess_rmse`` is the error of the
    prediction beyond the noise of the truths themselves, equal to ``rmse`` if they have none.
    """

    n_points: int
    rmse: float
    mean_relative_error: float
    chi2_per_point: float
    coverage68: float
    coverage95: float
    coverage997: float
    log_score: float
    pull_mean: float
    pull_std: float
    excess_rmse: float


def pulls(
    mean: ArrayLike, std: ArrayLike, truth: ArrayLike, truth_error: ArrayLike | None = None
) -> FloatArray:
    """Return (mean - truth) / error: standard normal if the errors are right.

    The error is ``std``, with ``truth_error`` in quadrature where it is given.

    >>> pulls([10.0], [3.0], [0.0], [4.0])
    array([2.])
    """
    error = _in_quadrature(std, truth_error)
    return np.asarray((np.asarray(mean) - np.asarray(truth)) / error, dtype=float)


def calibrate(
    mean: ArrayLike, std: ArrayLike, truth: ArrayLike, truth_error: ArrayLike | None = None
) -> Calibration:
    """Compare Gaussian predictions with the truths.

    Parameters
    ----------
    mean, std, truth : (n_points,) arrays
        In the same unit; std > 0.
    truth_error : (n_points,) array or None
        Standard deviation of each truth, where it is itself a measurement (Monte Carlo
        statistics). Pulls, coverage and log score are those of the noisy truths then: with
        sqrt(std^2 + truth_error^2).

    >>> c = calibrate([0.0, 0.0], [1.0, 1.0], [0.5, -1.5])
    >>> c.chi2_per_point, c.coverage68, c.coverage95
    (1.25, 0.5, 1.0)
    >>> calibrate([5.0], [4.0], [0.0], [3.0]).excess_rmse
    4.0
    """
    mean, truth = np.asarray(mean, dtype=float), np.asarray(truth, dtype=float)
    error = _in_quadrature(std, truth_error)
    signed = pulls(mean, error, truth)
    pull = np.abs(signed)
    inside = [float((pull < ndtri(0.5 + 0.5 * level)).mean()) for level in (0.6827, 0.95, 0.9973)]
    log_density = -0.5 * np.square(pull) - np.log(error) - HALF_LOG_2PI
    nonzero = truth != 0
    relative = np.abs(mean - truth)[nonzero] / np.abs(truth[nonzero])
    squares = np.square(mean - truth)
    noise = np.square(0.0 if truth_error is None else np.asarray(truth_error, dtype=float))
    return Calibration(
        n_points=len(truth),
        rmse=float(np.sqrt(squares.mean())),
        mean_relative_error=float(relative.mean()) if nonzero.any() else float("nan"),
        chi2_per_point=float(np.square(pull).mean()),
        coverage68=inside[0],
        coverage95=inside[1],
        coverage997=inside[2],
        log_score=float(log_density.mean()),
        pull_mean=float(signed.mean()),
        pull_std=float(signed.std()),
        # noise that happens to exceed the residuals leaves nothing to the prediction
        excess_rmse=float(np.sqrt(max(0.0, (squares - noise).mean()))),
    )


def _in_quadrature(std: ArrayLike, truth_error: ArrayLike | None) -> FloatArray:
    if truth_error is None:
        return np.asarray(std, dtype=float)
    return np.asarray(np.hypot(std, truth_error), dtype=float)


class Slice(NamedTuple):
    """Calibration of the points with ``low`` <= value < ``high`` (the last: <=)."""

    low: float
    high: float
    calibration: Calibration


def in_slices(
    values: ArrayLike,
    mean: ArrayLike,
    std: ArrayLike,
    truth: ArrayLike,
    truth_error: ArrayLike | None = None,
    n_slices: int = 5,
) -> list[Slice]:
    """Calibrate apart in slices of a quantity: an input, the truth, the remoteness.

    Parameters
    ----------
    values : (n_points,) array
        The quantity; the slices end at its quantiles.
    mean, std, truth, truth_error : (n_points,) arrays
        As for `calibrate`.
    n_slices : int
        At most so many; neighbours are merged until each has at least 20 points. Fewer than 20
        points in all, or values that are all equal, are one slice.

    Raises
    ------
    InputError
        If there are no points, shapes differ, a value is not finite or n_slices < 1.

    >>> values = np.arange(100.0)
    >>> found = in_slices(values, values, np.ones(100), values, n_slices=2)
    >>> [(s.low, s.high, s.calibration.n_points) for s in found]
    [(0.0, 49.5, 50), (49.5, 99.0, 50)]
    """
    if n_slices < 1:
        raise InputError("n_slices", f"must be at least 1, not {n_slices}")
    values = np.asarray(values, dtype=float)
    columns = [np.asarray(column, dtype=float) for column in (mean, std, truth)]
    if truth_error is not None:
        columns.append(np.asarray(truth_error, dtype=float))
    shapes = {column.shape for column in (values, *columns)}
    if len(shapes) > 1 or values.ndim != 1 or not len(values):
        raise InputError("values", f"must be (n_points,) like the predictions; came: {shapes}")
    if not np.isfinite(values).all():
        raise InputError("values", "must be finite to be cut into slices")
    edges = np.quantile(values, np.linspace(0.0, 1.0, n_slices + 1))
    cuts = [edges[0]]
    for edge in edges[1:-1]:
        above = values >= edge
        if min((~above & (values >= cuts[-1])).sum(), above.sum()) >= _MIN_IN_SLICE:
            cuts.append(edge)
    slices = []
    for low, high in zip(cuts, [*cuts[1:], np.inf], strict=True):
        rows = (values >= low) & (values < high)
        end = min(high, edges[-1])
        found = calibrate(*(column[rows] for column in columns))
        slices.append(Slice(float(low), float(end), found))
    return slices
