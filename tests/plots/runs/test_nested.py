"""The run and its trace: volumes that shrink as they must, evidence that adds up to one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.plots.runs.nested import end_of_posterior, log_volume, run_figure
from fitplugin.plots.runs.trace import trace_figure
from fitplugin.plots.runs.views import views_of
from tests.plots.written_runs import CENTRE, HALF, write_run


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    (view,) = views_of([write_run(tmp_path_factory.mktemp("run") / "run")])
    return view


@pytest.fixture(scope="module")
def weighted(tmp_path_factory):
    run = write_run(tmp_path_factory.mktemp("run") / "run", births=False)
    (view,) = views_of([run])
    return view


def test_volume_is_that_of_the_square_within_which_points_live(view):
    found = log_volume(view.nested)
    assert found[0] == 0.0
    assert (np.diff(found) < 0.0).all()
    radius = np.abs(view.nested.samples - CENTRE).max(axis=1)
    truth = 2 * np.log(radius / HALF)
    # ln X after i deaths among 200 has the error sqrt(i)/200
    rows = np.arange(200, 1600, 200)
    assert (np.abs(found[rows] - truth[rows]) < 4 * np.sqrt(rows) / 200).all()


def test_posterior_and_evidence_add_up_to_one(view):
    _, _, density, evidence = run_figure([view]).axes
    x, y = density.lines[0].get_data()
    assert_allclose(np.trapezoid(y, x), 1.0, atol=0.02)
    share = np.asarray(evidence.lines[0].get_ydata())
    assert (np.diff(share) >= 0.0).all()
    assert_allclose(share[-1], 1.0, atol=1e-3)


def test_the_axis_ends_with_the_posterior():
    x = np.arange(5.0)
    assert end_of_posterior(x, np.array([0.0, 1.0, 1.0, 0.0, 0.0])) == pytest.approx(2.0, abs=0.01)
    assert end_of_posterior(x, np.ones(5)) == pytest.approx(4.0, abs=0.01)


def test_without_births_the_heaviest_points_carry_it_all(weighted):
    _, right = run_figure([weighted]).axes
    n, share = right.lines[0].get_data()
    slopes = np.diff(share) / np.diff(n)
    assert (np.diff(slopes) <= 1e-12).all()  # the heaviest first
    assert_allclose(share[-1], 1.0)


@pytest.mark.parametrize("kind", ["view", "weighted"])
def test_trace_has_a_row_for_every_parameter(kind, request):
    view = request.getfixturevalue(kind)
    axes = trace_figure([view]).axes
    labels = [axis.get_ylabel() for axis in axes[:4:2]]
    assert labels == ["$m_{Q_3}$ [GeV]", "$m_{t_R}$ [GeV]"]
    offsets = axes[0].collections[0].get_offsets()
    assert set(np.round(offsets[:, 1], 3)) <= set(
        np.round((view.nested.samples[:, 0] if view.nested else view.posterior.columns["mQ3"]), 3)
    )
