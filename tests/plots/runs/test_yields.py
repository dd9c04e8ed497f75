"""Predicted yields: bands hold the mass they claim, p-values are those of Poisson counts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm, poisson

from fitplugin.plots.runs.asked import Region
from fitplugin.plots.runs.predictive import p_text, predict
from fitplugin.plots.runs.views import views_of
from fitplugin.plots.runs.yields import yields_figure
from tests.plots.written_runs import write_run

EXACT = Region("A", 10.0, 1e-9, "mean")


def test_bands_are_the_quantiles_of_background_plus_signal():
    rng = np.random.default_rng(1)
    n_signal = rng.normal(50.0, 5.0, 20_000)
    found = predict(n_signal, np.zeros(20_000), np.ones(20_000), EXACT, 60.0, rng)
    expected = norm.ppf([0.025, 0.15865525, 0.5, 0.84134475, 0.975], 60.0, 5.0)
    # the error of a quantile of 20 000 draws is below 2.7 sigma/sqrt(n) here; four of them
    assert_allclose(found.total, expected, atol=4 * 2.7 * 5.0 / np.sqrt(20_000))


def test_weights_count():
    n_signal, weights = np.array([0.0, 90.0]), np.array([1.0, 0.0])
    found = predict(
        n_signal, np.zeros(2), weights, EXACT, 10.0, np.random.default_rng(2), n_draws=4000
    )
    assert abs(found.counts.mean() - 10.0) < 4 * np.sqrt(10.0 / 4000)


@pytest.mark.parametrize("n_observed", [28.0, 40.0, 55.0])
def test_p_value_without_errors_is_that_of_poisson(n_observed):
    rng = np.random.default_rng(3)
    found = predict(np.full(5, 30.0), np.zeros(5), np.ones(5), EXACT, n_observed, rng)
    tails = poisson.cdf(n_observed, 40.0), poisson.sf(n_observed - 1, 40.0)
    expected = min(1.0, 2 * min(tails))
    # twice a binomial share of 20 000 draws
    assert abs(found.p_value - expected) < 8 * np.sqrt(0.5 * expected / 20_000) + 1e-4


def test_counts_scatter_by_posterior_errors_and_poisson_together():
    rng = np.random.default_rng(4)
    region = Region("A", 100.0, 10.0, "mean")
    n_signal = rng.normal(200.0, 15.0, 50_000)
    found = predict(n_signal, np.full(50_000, 20.0), np.ones(50_000), region, 300.0, rng)
    variance = 15.0**2 + 20.0**2 + 10.0**2 + 300.0
    assert_allclose(found.counts.mean(), 300.0, atol=4 * np.sqrt(variance / 20_000))
    # the relative error of a variance is sqrt(2/n); the lognormal tails add a little
    assert_allclose(found.counts.var(), variance, rtol=0.06)


def test_p_values_are_never_zero_in_print():
    assert [p_text(p) for p in (0.0, 1.0, 0.5, 0.02)] == ["< 0.0002", "1.00", "0.50", "0.02"]


@pytest.mark.parametrize(
    ("n_regions", "backgrounds", "scale"),
    [(2, (10.0, 20.0), "linear"), (2, (0.4, 900.0), "log"), (20, None, "linear")],
)
def test_every_region_has_a_row_a_count_and_a_p_value(n_regions, backgrounds, scale, tmp_path):
    names = tuple(f"R{number}" for number in range(n_regions))
    backgrounds = backgrounds or np.linspace(200.0, 400.0, n_regions).tolist()
    run = write_run(tmp_path / "run", regions=names, backgrounds=backgrounds)
    (axis,) = yields_figure(views_of([run])).axes
    assert [text.get_text() for text in axis.get_yticklabels()] == list(names)
    assert len(axis.texts) == n_regions + 1
    assert axis.get_xscale() == scale
    low, high = axis.get_xlim()
    for name in names:
        count = run.summary["n_observed"][name]
        assert low <= count <= high
        assert count in [x for line in axis.lines for x in np.atleast_1d(line.get_xdata())]
