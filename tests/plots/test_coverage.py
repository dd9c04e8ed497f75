"""The figure of a coverage study shows every mock of every quantity."""

from __future__ import annotations

import numpy as np
import pytest

from fitplugin.plots.coverage import plot_coverage, ranks_figure
from fitplugin.studies.coverage.judgement import judge
from fitplugin.studies.coverage.mocks import Mock
from fitplugin.studies.coverage.study import Coverage


def coverage(names, n_mocks, folder):
    at = np.random.default_rng(1).random((n_mocks, len(names)))
    mocks = tuple(
        Mock(i, {}, {}, {}, dict(zip(names, row, strict=True)), 1, 1.0) for i, row in enumerate(at)
    )
    return Coverage(folder, "scan.yaml", "dynesty", 400, 99, mocks, judge(mocks))


@pytest.mark.parametrize("n_quantities", [1, 5, 8])
def test_every_quantity_has_a_histogram_of_all_mocks_and_a_curve(n_quantities, tmp_path):
    names = [*(f"x{i}" for i in range(n_quantities - 1)), "log_likelihood"]
    figure = ranks_figure(coverage(names, 60, tmp_path))
    shown = [axis for axis in figure.axes if axis.get_visible()]
    assert len(shown) == 2 * n_quantities
    histograms = [axis for axis in shown if axis.get_title()]
    assert [axis.get_title().partition(",")[0] for axis in histograms] == [*names[:-1], r"$\ln L$"]
    for axis in histograms:
        values = axis.patches[-1].get_data().values
        assert values.sum() == 60
        assert values.max() < axis.get_ylim()[1]


def test_few_mocks_are_drawn_too(tmp_path):
    paths = plot_coverage(coverage(["mu"], 3, tmp_path))
    assert [path.name for path in paths] == ["ranks.pdf", "ranks.png"]
    assert all(path.parent == tmp_path / "plots" for path in paths)
