"""Curves, histograms and intervals of one quantity tell the same story, that of the samples."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import expon, norm

from fitplugin.plots.runs.corner import corner_figure
from fitplugin.plots.runs.density import Densities
from fitplugin.plots.runs.marginals import marginals_figure
from fitplugin.plots.runs.masses import masses_figure
from fitplugin.plots.runs.panel import parameter
from fitplugin.plots.runs.samples import Sample, prior_of_all
from fitplugin.plots.runs.views import views_of
from fitplugin.stats.weighted import effective_size, quantile
from tests.plots.written_runs import CENTRE, HALF, SIGMA, write_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [
        write_run(folder / "a"),
        write_run(folder / "b", names=("mtR", "mQ3", "M3"), seed=2, title="other"),
    ]


def importance_sample(rng, n, target, proposal):
    x = proposal.rvs(n, random_state=rng)
    return Sample({"x": x}, target.pdf(x) / proposal.pdf(x))


def test_a_curve_is_the_density_of_weighted_samples():
    sample = importance_sample(np.random.default_rng(3), 20_000, norm(2, 1), norm(1, 2))
    curve = Densities(sample, ["x"], {}).curve("x")
    assert_allclose(np.trapezoid(curve.y, curve.x), 1.0, rtol=1e-9)
    # the error of a histogram with bins of a kernel's width, some 0.3: sqrt(f/(n_eff h)) < 0.01
    assert np.abs(curve.y - norm.pdf(curve.x, 2, 1)).max() < 0.03


def test_a_curve_does_not_fall_at_a_hard_end():
    x = expon.rvs(size=20_000, random_state=np.random.default_rng(4))
    sample = Sample({"x": x}, np.ones(len(x)))
    curve = Densities(sample, ["x"], {"x": (0.0, None)}).curve("x")
    assert curve.x.min() >= -1e-9
    assert_allclose(np.interp(0.0, curve.x, curve.y), 1.0, atol=0.08)


def test_contours_hold_the_mass_that_they_claim():
    rng = np.random.default_rng(5)
    xy = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 2]], 20_000)
    sample = Sample({"x": xy[:, 0], "y": xy[:, 1]}, np.ones(len(xy)))
    plane = Densities(sample, ["x", "y"], {}).plane("x", "y")
    rows = np.searchsorted(plane.y, xy[:, 1]).clip(0, len(plane.y) - 1)
    columns = np.searchsorted(plane.x, xy[:, 0]).clip(0, len(plane.x) - 1)
    height = plane.z[rows, columns]
    for level, share in zip(plane.levels, (0.68, 0.95), strict=True):
        # smoothing widens contours by some per cent
        assert_allclose(np.mean(height > level), share, atol=0.02)


def test_histograms_and_curves_integrate_to_one_and_agree(runs):
    views = views_of(runs[:1])
    for axis in marginals_figure(views).axes:
        prior, posterior = (patch.get_data() for patch in axis.patches)
        for step in (prior, posterior):
            assert_allclose(np.sum(step.values * np.diff(step.edges)), 1.0, rtol=1e-9)
        x, y = axis.lines[1].get_data()
        middles = 0.5 * (posterior.edges[1:] + posterior.edges[:-1])
        peak = 1.0 / np.sqrt(2 * np.pi) / SIGMA
        # ln L depends on the larger coordinate: the marginal is wider and lower than a Gaussian
        assert posterior.values.max() < 1.2 * peak
        assert_allclose(np.interp(middles, x, y), posterior.values, atol=0.25 * peak)


def test_bars_are_the_quantiles_of_the_posterior(runs):
    view = views_of(runs[:1])[0]
    axis = marginals_figure([view]).axes[0]
    values, weights = view.posterior.columns["mQ3"], view.posterior.weights
    bar95, bar68 = (np.asarray(line.get_xdata()) for line in axis.lines[2:4])
    assert_allclose(bar95, quantile(values, weights, [0.025, 0.975]))
    assert_allclose(bar68, quantile(values, weights, [0.15865525, 0.84134475]))
    inside = weights[(values > bar68[0]) & (values < bar68[1])].sum() / weights.sum()
    assert_allclose(inside, 0.6827, atol=0.01)


def test_runs_are_drawn_in_the_parameters_that_they_share(runs):
    views = views_of(runs)
    figure = marginals_figure(views)
    labels = [axis.get_xlabel() for axis in figure.axes if axis.get_visible()]
    assert labels == ["$m_{Q_3}$ [GeV]", "$m_{t_R}$ [GeV]"]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    # different parameters, so different priors: none is drawn
    assert texts == ["a run", "other", "68 % (thin: 95 %)", "benchmark"]
    seen = [axis for axis in corner_figure(views).axes if axis.get_visible()]
    assert len(seen) == 3


def test_one_prior_is_drawn_if_runs_agree_in_it(runs, tmp_path):
    same = write_run(tmp_path / "same", seed=3, title="same")
    other = write_run(tmp_path / "other", seed=3, title="other", high=128.0)
    for partner, expected in ((same, True), (other, False)):
        (legend,) = marginals_figure(views_of([runs[0], partner])).legends
        assert ("prior" in [text.get_text() for text in legend.get_texts()]) is expected


def test_the_sign_that_is_not_seen_is_folded_away():
    quantity = parameter("mu", (-500.0, 300.0))
    assert (quantity.low, quantity.high) == (0.0, 500.0)
    assert_allclose(quantity.values(Sample({"mu": np.array([-3.0, 2.0])}, np.ones(2))), [3, 2])
    assert parameter("mQ3", (-500.0, 300.0)).low == -500.0
    assert parameter("mu", (100.0, 300.0)).ends == (100.0, 300.0)
    assert parameter("mu", (-300.0, -100.0)).ends == (100.0, 300.0)


@pytest.mark.parametrize("births", [True, False])
def test_the_prior_of_derived_quantities_comes_from_the_chain(births, tmp_path):
    view = views_of([write_run(tmp_path / "run", births=births, prior=False)])[0]
    prior = prior_of_all(view.run, view.nested)
    n_eff = effective_size(prior.weights)
    # shells of volume: some 2 n_live draws
    assert n_eff == pytest.approx(400, rel=0.3)
    values, weights = prior.columns["m_stop1"], prior.weights / prior.weights.sum()
    mean = values @ weights
    assert abs(mean - CENTRE) < 4 * HALF / np.sqrt(3 * n_eff)
    spread = np.sqrt((values - mean) ** 2 @ weights)
    assert_allclose(spread, HALF / np.sqrt(3), rtol=4 * 0.45 / np.sqrt(n_eff))


def test_a_chain_that_has_lost_its_prior_shows_none(tmp_path):
    run = write_run(tmp_path / "run", births=False)
    weights = np.where(run.posterior.log_likelihood < -10.0, 0.0, run.posterior.weights)
    assert (
        prior_of_all(run._replace(posterior=run.posterior._replace(weights=weights)), None) is None
    )


def test_masses_show_hard_windows_only(runs):
    figure = masses_figure(views_of(runs[:1]))
    higgs, stop = (axis for axis in figure.axes if axis.get_visible())
    (window,) = [p for p in higgs.patches if hasattr(p, "get_x")]
    assert (window.get_x(), window.get_width()) == (121.0, 6.0)
    # that of the stop has an error: it cuts nothing
    assert not [p for p in stop.patches if hasattr(p, "get_x")]
