"""Calibration figures show every held-out point, slice, class and size."""

from __future__ import annotations

import numpy as np

from fitplugin.plots.calibration.figures import (
    calibration_figure,
    classes_figure,
    learning_figure,
    plot_calibration,
    slices_figure,
)
from fitplugin.runs.training import Judged, Trial
from fitplugin.stats.calibration import calibrate, in_slices
from fitplugin.stats.classification import classify
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


def test_classes_get_a_figure_of_their_own(tmp_path):
    held_out = Dataset(
        np.linspace(0, 1, 50)[:, np.newaxis], TRUTH, ("x",), ("efficiency[R]", "valid"),
        np.array([[0.0, 1.0]]),
    )  # fmt: skip
    calibration = {"efficiency[R]": SUMMARY, "valid": classify(MEAN[:, 1], TRUTH[:, 1])}
    paths = plot_calibration(Judged("toy", held_out, Prediction(MEAN, STD), calibration), tmp_path)
    stems = ["toy_efficiency_R", "toy_efficiency_R_slices", "toy_valid"]
    assert sorted({path.stem for path in paths}) == stems
    assert all(path.stat().st_size > 1000 for path in paths)


def test_slices_figure_has_a_panel_for_each_quantity():
    slices = in_slices(TRUTH[:, 0], MEAN[:, 0], STD[:, 0], TRUTH[:, 0])
    figure = slices_figure({"x": slices, "m_higgs": slices, "mu": slices})
    seen = [axis for axis in figure.axes if axis.get_visible()]
    assert [axis.get_xlabel() for axis in seen] == ["x", "$m_h$ [GeV]", r"$\mu$ [GeV]"]


def test_efficiencies_are_in_per_cent_where_the_label_says_so():
    slices = in_slices(TRUTH[:, 0], MEAN[:, 0], STD[:, 0], TRUTH[:, 0])
    (axis, *_) = slices_figure({"efficiency[R]": slices}).axes
    assert axis.get_xlabel() == "R efficiency [%]"
    middles = axis.containers[0].lines[0].get_xdata()
    np.testing.assert_allclose(middles, [50 * (part.low + part.high) for part in slices])


def test_right_probabilities_lie_on_the_diagonal_of_their_figure():
    probability = RNG.random(5000)
    truth = (RNG.random(5000) < probability).astype(float)
    figure = classes_figure(probability, truth, classify(probability, truth, 0.4))
    said, came = figure.axes[0].containers[0].lines[0].get_data()
    # five binomial standard deviations of the 500 points of a bin, at most 0.5 / sqrt(500)
    assert np.abs(np.asarray(said) - came).max() < 5 * 0.5 / np.sqrt(450)
    assert [line.get_xdata()[0] for line in figure.axes[1].lines[3:4]] == [0.4]


def test_learning_figure_has_a_line_for_each_target():
    trials = [Trial("own", "dgp", {}, n, {"a": SUMMARY, "b": SUMMARY}, 1.0, 1e-6) for n in (10, 20)]
    figure = learning_figure(trials, {"a": 1.0, "b": 2.0})
    first = figure.axes[0]
    (a, b) = (line.get_ydata() for line in first.lines)
    np.testing.assert_allclose(a, SUMMARY.rmse)
    np.testing.assert_allclose(b, SUMMARY.rmse / 2)
