"""Calibration figures show every held-out point; classes have none."""

from __future__ import annotations

import numpy as np

from fitplugin.plots.calibration import calibration_figure, plot_calibration
from fitplugin.runs.training import Judged
from fitplugin.stats.calibration import calibrate, classify
from fitplugin.surrogates import Dataset, Prediction

RNG = np.random.default_rng(0)
TRUTH = np.column_stack([RNG.random(50), RNG.integers(0, 2, 50)])
MEAN = TRUTH + 0.1 * RNG.standard_normal((50, 2))
STD = np.full((50, 2), 0.1)
SUMMARY = calibrate(MEAN[:, 0], STD[:, 0], TRUTH[:, 0])


def test_every_point_lies_inside_the_axes_and_beside_the_pulls():
    figure = calibration_figure("m_higgs", MEAN[:, 0], STD[:, 0], TRUTH[:, 0], SUMMARY)
    points, pulls = figure.axes
    (low, high), (bottom, top) = points.get_xlim(), points.get_ylim()
    assert (TRUTH[:, 0] > low).all()
    assert (TRUTH[:, 0] < high).all()
    assert (MEAN[:, 0] > bottom).all()
    assert (MEAN[:, 0] < top).all()
    assert points.get_position().x1 <= pulls.get_position().x0


def test_classes_get_no_figure(tmp_path):
    held_out = Dataset(
        np.linspace(0, 1, 50)[:, np.newaxis], TRUTH, ("x",), ("efficiency[R]", "valid"),
        np.array([[0.0, 1.0]]),
    )  # fmt: skip
    calibration = {"efficiency[R]": SUMMARY, "valid": classify(MEAN[:, 1], TRUTH[:, 1])}
    paths = plot_calibration(Judged("toy", held_out, Prediction(MEAN, STD), calibration), tmp_path)
    assert sorted(path.name for path in paths) == ["toy_efficiency_R.pdf", "toy_efficiency_R.png"]
    assert all(path.stat().st_size > 1000 for path in paths)
