"""Combinations of regions: products, shared nuisances, and selections that ignore the data."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from fitplugin.errors import InputError
from fitplugin.likelihoods.overlaps import compatible_sets, groups_of
from fitplugin.likelihoods.product import Nuisances, Product
from fitplugin.likelihoods.selection import (
    BestExpected,
    BestExpectedOptions,
    BestSet,
    SelectionOptions,
)
from fitplugin.likelihoods.signal_region import SignalRegion, SignalRegionOptions
from fitplugin.stats.counts import log_marginal, q_mu
from fitplugin.stats.limits import expected_limit

DATA = {
    "A": (33.2, 12.2, 3.9),
    "B": (68.9, 21.1, 5.9),
    "C": (140.0, 129.0, 42.0),
    "D": (400.0, 385.0, 119.0),
}
RNG = np.random.default_rng(6)


def regions(names="AB"):
    return [
        SignalRegion(SignalRegionOptions(name=n, n_observed=o, background=b, background_error=e))
        for n, (o, b, e) in ((name, DATA[name]) for name in names)
    ]


def observables(names="AB", n_points=40, relative=0.15):
    """Signals whose errors are a common cross-section error times an own one."""
    sigma = RNG.uniform(0.5, 20.0, n_points)
    values = {"cross_section": sigma, "cross_section_error": relative * sigma}
    for region in regions(names):
        n_signal = RNG.uniform(0.1, 60.0, n_points)
        own = RNG.uniform(0.05, 0.5, n_points) * n_signal
        error = np.sqrt(own**2 + (relative * n_signal) ** 2 + (relative * own) ** 2)
        values |= dict(zip(region.needs, (n_signal, error), strict=True))
        values[f"own[{region.name}]"] = own
        values[f"log_likelihood[{region.name}]"] = region.log_likelihood(values)
    return values


def product(names="AB", **nuisances):
    return Product(Product.Options(), regions(names), Nuisances(**nuisances))


def test_independent_regions_multiply():
    values = observables()
    expected = values["log_likelihood[A]"] + values["log_likelihood[B]"]
    found = product(cross_section="independent").log_likelihood(values)
    assert_allclose(found, expected, rtol=1e-14)


def test_shared_error_is_an_average_over_the_common_factor():
    """Brute force: the common lognormal factor on a fine grid, the rest as one region each."""
    values = observables(n_points=5)
    k = np.sqrt(np.log1p(0.15**2))
    nodes = np.linspace(-7, 7, 281)
    factor = np.exp(k * nodes - 0.5 * k**2)[:, np.newaxis]
    log_l = norm.logpdf(nodes)[:, np.newaxis] + np.log(nodes[1] - nodes[0])
    for region in regions():
        n_signal, own = values[f"n_signal[{region.name}]"], values[f"own[{region.name}]"]
        n, b, error = DATA[region.name]
        log_l = log_l + log_marginal(n, factor * n_signal, factor * own, b, error)
    expected = np.logaddexp.reduce(log_l, axis=0)
    assert_allclose(product().log_likelihood(values), expected, atol=1e-6)


def test_without_a_cross_section_error_there_is_nothing_to_share():
    values = observables(relative=0.0)
    found = product().log_likelihood(values)
    assert_allclose(found, product(cross_section="independent").log_likelihood(values), atol=1e-8)


def test_one_region_has_nobody_to_share_with():
    values = observables("A")
    assert_allclose(product("A").log_likelihood(values), values["log_likelihood[A]"], rtol=1e-14)


def test_uncorrelated_gaussian_backgrounds_come_close_to_independent_regions():
    """Where backgrounds are well known, the law of their error does not matter."""
    data = [
        SignalRegion(SignalRegionOptions(name=n, n_observed=90, background=60, background_error=2))
        for n in "AB"
    ]
    values = {}
    for region in data:
        values |= dict(
            zip(region.needs, (np.array([25.0, 40.0]), np.array([2.0, 3.0])), strict=True)
        )
        values[f"log_likelihood[{region.name}]"] = region.log_likelihood(values)
    correlated = Product(
        Product.Options(), data, Nuisances(background_covariance=((4.0, 0.0), (0.0, 4.0)))
    ).log_likelihood(values)
    independent = values["log_likelihood[A]"] + values["log_likelihood[B]"]
    assert_allclose(np.diff(correlated), np.diff(independent), atol=0.02)


def chi2(values, name):
    n, b, error = DATA[name]
    region = regions(name)[0]
    return q_mu(n, *(values[need] for need in region.needs), b, error)


def test_each_group_is_represented_by_its_best_expected_region():
    values = observables("ABCD")
    options = BestExpectedOptions(groups=(("A", "C"), ("B", "D")), cap_kind="none")
    found = BestExpected(options, regions("ABCD"), Nuisances()).log_likelihood(values)
    limit = {name: float(expected_limit(*DATA[name][1:])) for name in "ABCD"}
    expected = np.zeros(40)
    for first, second in (("A", "C"), ("B", "D")):
        wins = values[f"n_signal[{first}]"] / limit[first] >= (
            values[f"n_signal[{second}]"] / limit[second]
        )
        expected += np.where(wins, chi2(values, first), chi2(values, second))
    assert_allclose(found, -0.5 * expected, rtol=1e-10)


def test_the_choice_never_looks_at_the_data():
    values = observables("AC", n_points=200)
    fits = []
    for n_observed in (0.0, 500.0):
        changed = regions("AC")
        for region in changed:
            region.options = region.options.model_copy(update={"n_observed": n_observed})
        overlap = ((True, True), (True, True))
        choice = BestExpected(BestExpectedOptions(overlap=overlap), changed, Nuisances())
        n_signal = np.stack([values[f"n_signal[{n}]"] for n in "AC"], axis=1)
        fits.append((n_signal / choice._limits).argmax(axis=1))
    assert (fits[0] == fits[1]).all()


def test_groups_follow_from_the_overlap():
    overlap = np.zeros((5, 5), dtype=bool)
    overlap[0, 3] = overlap[3, 0] = overlap[3, 4] = overlap[4, 3] = True
    assert groups_of(overlap) == [[0, 3, 4], [1], [2]]


def test_best_set_equals_a_search_over_all_sets():
    pytest.importorskip("networkx")
    overlap = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]], dtype=bool)
    values = observables("ABCD")
    options = SelectionOptions(
        overlap=tuple(map(tuple, overlap.tolist())), cap_kind="none",
        s95_expected={"A": 10.6, "B": 14.4, "C": 20.0, "D": 30.0},
    )  # fmt: skip
    found = BestSet(options, regions("ABCD"), Nuisances()).log_likelihood(values)
    weight = np.stack(
        [values[f"n_signal[{n}]"] / options.s95_expected[n] for n in "ABCD"], axis=1
    ) ** 2  # fmt: skip
    for point in range(40):
        allowed = [
            chosen
            for size in range(5)
            for chosen in itertools.combinations(range(4), size)
            if not any(overlap[i, j] for i, j in itertools.combinations(chosen, 2))
        ]
        best = max(allowed, key=lambda chosen: weight[point, list(chosen)].sum())
        expected = sum(chi2(values, "ABCD"[i])[point] for i in best)
        assert_allclose(found[point], -0.5 * expected, rtol=1e-9)


def test_compatible_sets_without_overlap_are_everything():
    pytest.importorskip("networkx")
    assert compatible_sets(np.zeros((4, 4), dtype=bool)).tolist() == [[True] * 4]


@pytest.mark.parametrize("kind", ["hard", "smooth"])
def test_caps_bound_chi2(kind):
    values = observables("ABCD", n_points=100)
    for name in "ABCD":
        values[f"n_signal[{name}]"] *= 30
        values[f"n_signal_error[{name}]"] *= 0.1

    def fit(**options):
        return -2 * BestExpected(
            BestExpectedOptions(**options), regions("ABCD"), Nuisances()
        ).log_likelihood(values)

    free, capped = fit(cap_kind="none"), fit(cap_kind=kind, cap=100.0)
    assert free.max() > 100
    expected = np.minimum(free, 100) if kind == "hard" else 100 * free / (100 + free)
    assert_allclose(capped, expected)


def test_expected_limits_are_those_published():
    """ATL-PHYS-PUB-2013-011 with a 30 % systematic: 11.5, 16.4, 66 and 178 events."""
    published = np.array([11.5, 16.4, 66.0, 178.0])
    found = expected_limit([12.2, 21.4, 129.0, 385.0], [5.3, 8.7, 42.0, 119.0], mode="scynet")
    assert np.abs(found / published - 1).max() < 0.03


def test_regions_of_different_modes_cannot_share_a_nuisance():
    mixed = regions("AB")
    mixed[1].options = mixed[1].options.model_copy(update={"mode": "scynet"})
    with pytest.raises(InputError, match="different modes"):
        Product(Product.Options(), mixed, Nuisances())
    assert Product(Product.Options(), mixed, Nuisances(cross_section="independent"))


N_DRAWS = 60_000


def drawn(combination, values, seed=1):
    """Mock counts of one point, (N_DRAWS, n_regions)."""
    repeated = {name: np.repeat(column[:1], N_DRAWS) for name, column in values.items()}
    return combination.draw(repeated, np.random.default_rng(seed))


@pytest.mark.parametrize("cross_section", ["shared", "independent"])
def test_mock_counts_have_the_common_error_in_common(cross_section):
    """In mode mean the relative errors r of a common factor make a covariance r^2 S_A S_B."""
    values = observables(n_points=1, relative=0.4)
    counts = drawn(product(cross_section=cross_section), values)
    s, error = (
        np.array([values[f"{name}[{region}]"][0] for region in "AB"])
        for name in ("n_signal", "n_signal_error")
    )
    b, background_error = np.array([DATA[name][1:] for name in "AB"]).T
    covariance = np.diag(s + b + error**2 + background_error**2)
    if cross_section == "shared":
        covariance += 0.4**2 * s.prod() * (1 - np.eye(2))
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert_allclose(counts.mean(axis=0), s + b, atol=4 * np.sqrt(covariance.max() / N_DRAWS))
    # fourth moments of these lognormals are a few times those of a Gaussian
    assert_allclose(np.cov(counts.T) / scale, covariance / scale, atol=4 * 3 / np.sqrt(N_DRAWS))


def test_mock_counts_have_the_covariance_of_the_backgrounds():
    values = observables(n_points=1)
    values |= {f"n_signal[{name}]": np.array([30.0]) for name in "AB"}
    values |= {f"n_signal_error[{name}]": np.array([2.0]) for name in "AB"}
    rows = ((9.0, 5.0), (5.0, 16.0))
    counts = drawn(product(background_covariance=rows), values)
    center = 30.0 + np.array([DATA[name][1] for name in "AB"])
    assert_allclose(counts.mean(axis=0), center, atol=4 * np.sqrt(80 / N_DRAWS))
    expected = np.array(rows) + np.diag(4.0 + center)
    assert_allclose(np.cov(counts.T), expected, atol=4 * 80 * np.sqrt(2 / N_DRAWS))


def test_a_product_of_other_counts_shares_the_same():
    values = observables()
    data = [
        SignalRegion(region.options.model_copy(update={"n_observed": 50.0})) for region in regions()
    ]
    for nuisances in ({}, {"background_covariance": ((9.0, 5.0), (5.0, 16.0))}):
        expected = Product(Product.Options(), data, Nuisances(**nuisances))
        found = product(**nuisances).observing(data)
        assert_allclose(found.log_likelihood(values), expected.log_likelihood(values), rtol=1e-14)
        assert found.least_count == (3 if nuisances else 0)
