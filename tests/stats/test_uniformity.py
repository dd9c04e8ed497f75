"""Ranks of exact posteriors are uniform; of wrong ones they are not, and the numbers say so."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chisquare, false_discovery_control, gamma, kstest

from fitplugin.errors import InputError
from fitplugin.stats.draws import draw_counts
from fitplugin.stats.uniformity import (
    ecdf_band,
    holm,
    n_bins_of,
    positions,
    rank,
    uniformity,
)

N_DRAWS = 99
SHAPE, RATE = 4.0, 0.4


def gamma_poisson_positions(n_mocks, shift=0.0, widen=1.0, seed=1):
    """A gamma prior of a signal without background: the posterior is Gamma(a + n, b + 1)."""
    rng = np.random.default_rng(seed)
    truth = rng.gamma(SHAPE, 1.0 / RATE, n_mocks)
    n = draw_counts(rng, truth, 0.0, 0.0, 0.0)
    posterior = gamma(SHAPE + n, scale=1.0 / (RATE + 1.0))
    draws = posterior.rvs((N_DRAWS, n_mocks), random_state=rng)
    draws = posterior.mean() + widen * (draws - posterior.mean()) + shift * posterior.std()
    ranks = [rank(t, d, rng) for t, d in zip(truth, draws.T, strict=True)]
    return positions(ranks, N_DRAWS, rng)


def test_an_exact_posterior_passes():
    found = uniformity(gamma_poisson_positions(2000))
    assert found.p_value > 0.01
    assert abs(found.coverage68 - 0.6827) < 3 * found.coverage68_error
    assert abs(found.coverage95 - 0.95) < 3 * found.coverage95_error


@pytest.mark.parametrize(
    ("wrong", "covers"),
    [({"widen": 0.7}, "less"), ({"widen": 1.4}, "more"), ({"shift": 0.6}, "less")],
)
def test_a_wrong_posterior_fails(wrong, covers):
    found = uniformity(gamma_poisson_positions(300, **wrong))
    assert found.p_value < 1e-4
    excess = (found.coverage68 - 0.6827) / found.coverage68_error
    assert excess > 3 if covers == "more" else excess < -2


def test_p_values_of_uniform_numbers_are_uniform():
    rng = np.random.default_rng(2)
    p = [uniformity(rng.random(200)).p_value for _ in range(500)]
    assert kstest(p, "uniform").pvalue > 1e-3


def test_chi2_is_that_of_scipy():
    at = np.random.default_rng(3).random(137)
    expected = chisquare(np.histogram(at, 13, (0, 1))[0])
    found = uniformity(at)
    assert found.n_bins == 13
    assert_allclose([found.chi2, found.p_value], [expected.statistic, expected.pvalue], rtol=1e-12)


def test_few_ranks_give_no_p_value():
    found = uniformity(np.linspace(0.1, 0.9, 19))
    assert np.isnan(found.p_value)
    assert n_bins_of(19) == 1


def test_ties_are_broken_evenly():
    rng = np.random.default_rng(4)
    ranks = [rank(1.0, [0.0, 1.0, 1.0, 2.0], rng) for _ in range(3000)]
    counts = np.bincount(ranks, minlength=5)
    assert_array_equal(counts[[0, 4]], 0)
    assert chisquare(counts[1:4]).pvalue > 1e-3


def test_uniform_ranks_become_uniform_numbers():
    rng = np.random.default_rng(5)
    at = positions(rng.integers(0, 8, 4000), 7, rng)
    assert kstest(at, "uniform").pvalue > 1e-3


def test_holm_never_rejects_what_bonferroni_keeps_all_of():
    rng = np.random.default_rng(6)
    for _ in range(20):
        p = rng.random(6) ** 3
        found = holm(p)
        assert_allclose(found.min(), min(1.0, 6 * p.min()))
        assert (found >= p).all()
        # its ordered steps dominate those of Benjamini and Hochberg
        assert (found >= false_discovery_control(p) - 1e-12).all()


@pytest.mark.parametrize("n_ranks", [20, 200, 1000])
def test_the_band_holds_whole_curves_as_often_as_it_says(n_ranks):
    band = ecdf_band(n_ranks, np.random.default_rng(7), 0.95)
    rng = np.random.default_rng(8)
    n_trials = 1000
    at = np.sort(rng.random((n_trials, n_ranks)), axis=1)
    curves = np.stack([np.searchsorted(row, band.grid, side="right") for row in at]) / n_ranks
    inside = ((curves >= band.low - 1e-12) & (curves <= band.high + 1e-12)).all(axis=1).mean()
    # counts are whole, so that few ranks allow no exact level; both samples are finite
    assert 0.95 - 4 * np.sqrt(0.95 * 0.05 / n_trials) < inside < 0.99


def test_bad_input_is_named():
    rng = np.random.default_rng(9)
    with pytest.raises(InputError, match="ranks: must be"):
        positions([3, 11], 10, rng)
    for bad in ([], [0.5, 1.5], [np.nan]):
        with pytest.raises(InputError, match="positions: must be"):
            uniformity(bad)
