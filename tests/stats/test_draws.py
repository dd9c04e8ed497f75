"""Mock counts follow the likelihood: the frequency of every count is exp(log_marginal)."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chi2, kstest, multivariate_normal, norm

from fitplugin.errors import InputError
from fitplugin.stats.correlated import log_marginal_correlated
from fitplugin.stats.counts import MODES, log_marginal
from fitplugin.stats.draws import draw_counts, draw_counts_correlated, draw_factors
from fitplugin.stats.shared import log_marginal_shared

N_DRAWS = 40_000
YIELDS = [
    (21.0, 4.2, 12.2, 3.9),
    (1.5, 2.0, 0.8, 0.4),  # wide and few
    (0.0, 3.0, 4.0, 1.0),  # no signal, whatever its error
    (6.0, 0.0, 3.0, 0.0),  # nothing uncertain
]


def p_value(drawn, log_probability):
    """Chi2 of the drawn whole numbers against their probabilities; rare ones are put together."""
    expected = len(drawn) * np.exp(log_probability)
    found = np.bincount(drawn.astype(int), minlength=len(expected)).astype(float)
    common = expected >= 20
    assert common.any()
    rest = len(drawn) - expected[common].sum()
    parts = (found[common] - expected[common]) ** 2 / expected[common]
    statistic = parts.sum() + (len(drawn) - found[common].sum() - rest) ** 2 / max(rest, 1.0)
    return chi2.sf(statistic, common.sum())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("yields", YIELDS)
def test_frequencies_are_those_of_the_likelihood(mode, yields):
    if yields[0] == 1.5 and mode in ("scynet", "histfactory"):
        yields = (1.5, 0.9, 0.8, 0.4)  # their tails are too long for counts that can be listed
    drawn = draw_counts(np.random.default_rng(11), *np.full((N_DRAWS, 4), yields).T, mode=mode)
    drawn = np.minimum(drawn, 400.0)
    probability = log_marginal(np.arange(400.0), *yields, mode=mode)
    assert p_value(drawn, np.append(probability, -np.inf)) > 1e-3


def test_mean_and_gamma_keep_mean_and_variance():
    s, ds, b, db = 21.0, 4.2, 12.2, 3.9
    variance = s + b + ds**2 + db**2
    for mode in ("mean", "gamma"):
        drawn = draw_counts(np.random.default_rng(2), np.full(N_DRAWS, s), ds, b, db, mode)
        assert abs(drawn.mean() - s - b) < 4 * np.sqrt(variance / N_DRAWS)
        # the fourth moment of these is below twice that of a Gaussian
        assert abs(drawn.var() - variance) < 4 * variance * np.sqrt(4 / N_DRAWS)


def test_a_shared_factor_gives_the_joint_frequencies_of_two_regions():
    s, own, shared = np.array([6.0, 4.0]), np.array([1.0, 0.5]), 0.4
    b, db = np.array([2.0, 1.0]), np.array([0.5, 0.3])
    rng = np.random.default_rng(3)
    factor = draw_factors(rng, np.full(N_DRAWS, shared))[:, np.newaxis]
    drawn = draw_counts(rng, s * factor, own * factor, b, db)
    size = 25
    drawn = np.minimum(drawn, size)  # the last row and column: whatever is rarer
    log_p = np.full((size + 1, size + 1), -np.inf)
    for pair in np.ndindex(size, size):
        log_p[pair] = log_marginal_shared(pair, [s], [own], [shared], b, db)[0]
    assert p_value((size + 1) * drawn[:, 0] + drawn[:, 1], log_p.ravel()) > 1e-3


@pytest.mark.parametrize("mode", MODES)
def test_a_shared_factor_keeps_what_its_mode_keeps(mode):
    factor = draw_factors(np.random.default_rng(3), np.full(N_DRAWS, 0.4), mode)
    k = {"scynet": 0.4, "histfactory": np.log1p(0.4)}.get(mode, np.sqrt(np.log1p(0.4**2)))
    shift = -0.5 * k * k if mode in ("mean", "gamma") else 0.0
    assert kstest(np.log(factor), norm(shift, k).cdf).pvalue > 1e-3


def test_correlated_backgrounds_give_the_frequencies_of_the_simplified_likelihood():
    s, ds, b = np.array([4.0, 3.0]), np.array([0.5, 0.8]), np.array([10.0, 8.0])
    covariance = np.array([[4.0, 2.0], [2.0, 3.0]])
    rng = np.random.default_rng(4)
    shape = (N_DRAWS, 2)
    drawn = draw_counts_correlated(
        rng, np.broadcast_to(s, shape), np.broadcast_to(ds, shape), b, covariance
    )
    total = covariance + np.diag(ds**2)
    # moments of a Poisson count with a Gaussian mean (none was near zero)
    assert multivariate_normal(s + b, total).cdf([0, 0]) < 1e-6
    assert_allclose(drawn.mean(axis=0), s + b, atol=5 * np.sqrt(20 / N_DRAWS))
    expected = total + np.diag(s + b)
    assert_allclose(np.cov(drawn.T), expected, atol=5 * 20 * np.sqrt(2 / N_DRAWS))
    pair = np.array([14.0, 11.0])
    share = (drawn == pair).all(axis=1).mean()
    p = np.exp(log_marginal_correlated(pair, [s], [ds], b, covariance)[0])
    assert abs(share - p) < 4 * np.sqrt(p / N_DRAWS)


def test_nothing_expected_is_nothing_seen():
    drawn = draw_counts(np.random.default_rng(5), np.zeros(100), 5.0, 0.0, 2.0)
    assert_array_equal(drawn, 0.0)


@pytest.mark.parametrize("mode", MODES)
def test_extreme_errors_give_finite_whole_numbers(mode):
    yields = [1e-12, 1.0, 1e9, 1e16]
    drawn = draw_counts(np.random.default_rng(6), yields, 1e3, 1e-8, 10.0, mode)
    assert np.isfinite(drawn).all()
    assert_array_equal(drawn, np.round(drawn))


def test_scalars_give_floats_and_arrays_broadcast():
    rng = np.random.default_rng(7)
    assert np.ndim(draw_counts(rng, 3.0, 1.0, 2.0, 0.5)) == 0
    assert draw_counts(rng, np.ones((4, 1)), 0.1, np.ones(3), 0.1).shape == (4, 3)


def test_bad_values_are_refused_by_name():
    rng = np.random.default_rng(8)
    with pytest.raises(InputError, match=r"n_signal\[1\]: is -1.0; must be finite and >= 0"):
        draw_counts(rng, [1.0, -1.0], 0.1, 1.0, 0.1)
    with pytest.raises(InputError, match="background_error: is nan"):
        draw_counts(rng, 1.0, 0.1, 1.0, np.nan)
    with pytest.raises(InputError, match="'mena' is not a likelihood mode"):
        draw_counts(rng, 1.0, 0.1, 1.0, 0.1, mode="mena")
    with pytest.raises(InputError, match="do not broadcast"):
        draw_counts(rng, np.ones(2), np.ones(3), 1.0, 0.1)
    with pytest.raises(InputError, match="not positive definite"):
        draw_counts_correlated(rng, [[1.0, 1.0]], [[0.1, 0.1]], [1.0, 1.0], [[1, 2], [2, 1]])
