"""The counting likelihood against quadrature in its original variables, and at its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import gammaln

from fitplugin.errors import InputError
from fitplugin.stats.counts import MODES, log_marginal, log_profile, q_mu, significance

LOGNORMAL = ("mean", "median", "scynet", "histfactory")

# n, s, ds, b, db, ln L_m, ln L_p, q: mode scynet, 25-digit arithmetic
REFERENCE = [
    (33.2, 21, 4.2, 12.2, 3.9, -3.02522650, -4.51060050, 0.0),
    (68.9, 0, 0, 21.1, 5.9, -11.35420641, -12.34894501, 14.94918370),
    (3, 50, 10, 3, 1, -25.66706261, -27.07848376, 47.48936819),
    (0, 3, 0.6, 1.5, 0.5, -4.35094933, -6.06870217, 8.46165022),
    (1000, 150, 30, 870, 40, -5.05808180, -6.26862861, 0.11570407),
    (40, 1, 2, 5, 5, -5.91057994, -6.16052363, 3.11437003),
]


def lognormal(count, error, mode):
    ratio = error / count
    if mode == "scynet":
        return np.log(count), ratio
    if mode == "histfactory":
        return np.log(count), np.log1p(ratio)
    k = np.sqrt(np.log1p(ratio**2))
    return np.log(count) - (k**2 / 2 if mode == "mean" else 0.0), k


def log_poisson(n, lam):
    return n * np.log(lam) - lam - gammaln(n + 1)


def brute_force(n, s, ds, b, db, mode, size=1501):
    """Sum over a plain grid of the two nuisances, wide and fine: slow and obvious."""
    (mu_s, k_s), (mu_b, k_b) = lognormal(s, ds, mode), lognormal(b, db, mode)
    grids = []
    for mu, k in ((mu_s, k_s), (mu_b, k_b)):  # nine standard deviations beyond any maximum
        up = max(0.0, min(np.log(max(n, 1)) - mu, n * k * k)) / k
        grids.append(np.linspace(-9.0 - np.log1p(k * k * np.exp(mu)) / k, 9.0 + up, size))
    nu_s, nu_b = grids
    lam = np.exp(mu_s + k_s * nu_s)[:, None] + np.exp(mu_b + k_b * nu_b)
    log_f = log_poisson(n, lam) - 0.5 * nu_s[:, None] ** 2 - 0.5 * nu_b**2
    top = log_f.max()
    cell = (nu_s[1] - nu_s[0]) * (nu_b[1] - nu_b[0]) / (2 * np.pi)
    return top + np.log(np.exp(log_f - top).sum() * cell)


def draws(seed, size, largest_error, largest_count=400.0):
    rng = np.random.default_rng(seed)
    b = np.exp(rng.uniform(-1, np.log(largest_count), size))
    s = np.exp(rng.uniform(-3, np.log(largest_count) - 1, size))
    n = rng.poisson(b + s * rng.uniform(0, 2, size)).astype(float)
    return np.array(
        [n, s, s * rng.uniform(0.05, largest_error, size), b,
         b * rng.uniform(0.05, largest_error, size)]
    ).T  # fmt: skip


@pytest.mark.parametrize("row", REFERENCE)
def test_reference_table_is_reproduced(row):
    case, (marginal, profile, q) = row[:5], row[5:]
    assert_allclose(log_marginal(*case, mode="scynet"), marginal, rtol=0, atol=6e-9)
    assert_allclose(log_profile(*case, mode="scynet"), profile, rtol=0, atol=6e-9)
    assert_allclose(q_mu(*case, mode="scynet"), q, rtol=0, atol=6e-9)


@pytest.mark.parametrize("mode", LOGNORMAL)
@pytest.mark.parametrize("largest_error", [0.5, 3.0])
def test_marginal_equals_brute_force(mode, largest_error):
    cases = draws(1, 8, largest_error)
    expected = [brute_force(*case, mode) for case in cases]
    assert_allclose(log_marginal(*cases.T, mode=mode), expected, rtol=0, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("mode", LOGNORMAL)
@pytest.mark.parametrize(("largest_error", "n_draws", "size"), [(0.5, 400, 801), (3.0, 100, 2001)])
def test_marginal_equals_brute_force_over_many_draws(mode, largest_error, n_draws, size):
    cases = draws(2, n_draws, largest_error)
    expected = [brute_force(*case, mode, size=size) for case in cases]
    assert_allclose(log_marginal(*cases.T, mode=mode), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("mode", LOGNORMAL)
def test_profile_equals_the_best_of_many_minimisations(mode):
    for n, s, ds, b, db in draws(3, 10, 1.5):
        (mu_s, k_s), (mu_b, k_b) = lognormal(s, ds, mode), lognormal(b, db, mode)

        def cost(nu, n=n, ms=mu_s, ks=k_s, mb=mu_b, kb=k_b):
            lam = np.exp(min(ms + ks * nu[0], 50.0)) + np.exp(min(mb + kb * nu[1], 50.0))
            return 0.5 * nu @ nu - log_poisson(n, lam)

        up_s = np.log((n + 1) / s) / k_s, 0.0
        up_b = 0.0, np.log((n + 1) / b) / k_b
        options = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000}
        fits = [minimize(cost, x, method="Nelder-Mead", options=options)
                for x in ((0.0, 0.0), up_s, up_b)]  # fmt: skip
        expected = -min(fit.fun for fit in fits) - np.log(2 * np.pi)
        assert log_profile(n, s, ds, b, db, mode=mode) == pytest.approx(expected, abs=1e-8)


def test_gamma_equals_brute_force():
    for n, s, ds, b, db in [(33.2, 21, 4.2, 12.2, 3.9), (3, 50, 10, 3, 1), (0, 3, 0.6, 1.5, 0.5)]:
        x = np.linspace(-9.0, 3.0, 2001)
        alpha, beta = (s / ds) ** 2, (b / db) ** 2
        log_f = [a * np.log(a) - gammaln(a) + a * (x - np.exp(x)) for a in (alpha, beta)]
        lam = s * np.exp(x)[:, None] + b * np.exp(x)
        total = np.exp(log_f[0][:, None] + log_f[1] + log_poisson(n, lam)).sum()
        expected = np.log(total * (x[1] - x[0]) ** 2)
        assert log_marginal(n, s, ds, b, db, mode="gamma") == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n", [0.0, 0.3, 33.2, 90.0, 1e6])
def test_vanishing_errors_give_back_poisson(mode, n):
    s, b = (68.9, 21.1) if n < 1e5 else (6e5, 4.001e5)
    expected = log_poisson(n, s + b)
    for error in (0.0, 1e-7):
        assert_allclose(log_marginal(n, s, error, b, error, mode), expected, rtol=0, atol=2e-8)
        profile = log_profile(n, s, error, b, error, mode) + np.log(2 * np.pi)
        assert_allclose(profile, expected, rtol=0, atol=2e-8)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("function", [log_marginal, log_profile, q_mu])
def test_limits_are_continuous(function, mode):
    base = np.array([12.0, 3.0, 1.0, 9.0, 2.0])
    zeros = [[0], [2], [4], [1, 2], [3, 4]]  # n; either error; either yield with its error
    for zero in zeros:
        at, near = base.copy(), base.copy()
        at[zero], near[zero] = 0.0, near[zero] * 1e-10
        assert_allclose(function(*near, mode=mode), function(*at, mode=mode), rtol=0, atol=2e-7)


@pytest.mark.parametrize("mode", ["mean", "gamma"])
def test_a_vanishing_signal_of_fixed_error_is_no_signal(mode):
    near, at = log_marginal(12, [1e-6, 0], 3, 12.2, 3.9, mode=mode)
    assert near == pytest.approx(at, abs=1e-5)


def test_an_absolute_surrogate_error_does_not_penalise_good_points_by_default():
    case = (12, 0.1, 3, 12.2, 3.9)
    assert log_marginal(*case, mode="scynet") == pytest.approx(-3.161, abs=5e-4)
    assert log_marginal(*case) == pytest.approx(-2.555, abs=5e-4)
    # -2.574 with a gamma signal on a scynet background; -2.5762 with gamma for both
    assert log_marginal(*case, mode="gamma") == pytest.approx(-2.574, abs=3e-3)


@pytest.mark.parametrize("mode", MODES)
def test_probabilities_sum_to_one(mode):
    n = np.arange(20000)
    assert np.exp(log_marginal(n, 10, 4, 5, 2, mode)).sum() == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("mode", ["mean", "gamma"])
def test_expected_count_is_the_nominal_one(mode):
    n = np.arange(3000)
    mean = (n * np.exp(log_marginal(n, 10, 4, 5, 2, mode))).sum()
    assert mean == pytest.approx(15.0, abs=1e-8)


def test_no_expected_events_are_certain_or_impossible():
    assert_allclose(log_marginal([0, 2], 0, 1, 0, 1), [0.0, -np.inf])
    assert_allclose(q_mu([0, 2], 0, 1, 0, 1), [0.0, np.inf])


@pytest.mark.parametrize("mode", MODES)
def test_restricting_mu_lowers_q_only_in_a_deficit(mode):
    n = np.array([1.0, 3.0, 30.0])
    free = q_mu(n, 8, 2, 12, 3, mode)
    kept = q_mu(n, 8, 2, 12, 3, mode, restrict=True)
    assert (kept[:2] < free[:2]).all()
    assert kept[2] == free[2]
    assert q_mu(3, 0, 0, 12, 3, mode, restrict=True) == 0.0


def test_published_significances_are_about_three_and_four():
    counts = [33.2, 68.9], [12.2, 21.1], [3.9, 5.9]
    assert_allclose(significance(*counts, mode="scynet"), [2.73, 3.87], atol=5e-3)
    assert_allclose(significance(*counts, mode="histfactory"), [3.02, 4.28], atol=5e-3)


@pytest.mark.parametrize("mode", MODES)
def test_value_does_not_depend_on_the_batch(mode):
    cases = np.concatenate((draws(5, 30, 0.5), draws(6, 30, 3.0)))
    for function in (log_marginal, log_profile, q_mu):
        alone = [function(*case, mode=mode) for case in cases]
        # a few entries take a shorter way to the same integral
        assert_allclose(function(*cases.T, mode=mode), alone, rtol=0, atol=2e-9)


@pytest.mark.parametrize("mode", LOGNORMAL)
def test_short_way_agrees_with_the_general_scheme(mode):
    rng = np.random.default_rng(9)
    n, s, b = 10.0 ** rng.uniform((-1, -3, -3), 4, (500, 3)).T
    n[::10] = 0.0
    relative = 10.0 ** rng.uniform(-3, 0.3, (2, 500))
    cases = np.array([n, s, s * relative[0], b, b * relative[1]])
    for function in (log_marginal, log_profile):
        few = np.concatenate(
            [function(*part, mode=mode) for part in np.array_split(cases, 50, axis=1)]
        )
        assert_allclose(few, function(*cases, mode=mode), rtol=1e-12, atol=3e-9)


@pytest.mark.parametrize(
    ("mode", "case"),
    [
        ("mean", (1499.1106, 5.16222869, 0.321738016, 0.0227370538, 4.45894343e-4)),
        ("scynet", (7889.48298, 2439.19954, 13.3977216, 925.877891, 21.8621641)),
        ("histfactory", (0.766335625, 9598.00083, 223.745143, 18.0364719, 0.0368718179)),
    ],
)
def test_profile_far_from_the_nominal_yields(mode, case):
    n, s, ds, b, db = case
    (mu_s, k_s), (mu_b, k_b) = lognormal(s, ds, mode), lognormal(b, db, mode)

    def cost(nu):
        lam = np.exp(mu_s + k_s * nu[0]) + np.exp(mu_b + k_b * nu[1])
        return 0.5 * nu @ nu - log_poisson(n, lam)

    options = {"xatol": 1e-10, "fatol": 1e-13, "maxiter": 4000}
    starts = ((0.0, 0.0), (10.0, 0.0), (0.0, 10.0), (50.0, 0.0))
    expected = -min(minimize(cost, x, method="Nelder-Mead", options=options).fun for x in starts)
    expected -= np.log(2 * np.pi)
    assert log_profile(*case, mode=mode) == pytest.approx(expected, abs=1e-7)
    many = log_profile(*np.array(case)[:, None].repeat(40, axis=1), mode=mode)  # the general way
    assert_allclose(many, expected, rtol=0, atol=1e-7)


def test_scalars_give_floats_and_arrays_broadcast():
    assert isinstance(log_marginal(3, 1, 1, 2, 1), float)
    assert log_marginal(np.ones((4, 1)), np.ones(3), 1, 2, 1).shape == (4, 3)
    assert log_marginal([], 1, 1, 2, 1).shape == (0,)


EXTREME = st.one_of(
    st.sampled_from([0.0, 5e-324, 1e-300, 1e-9, 1.0, 300.0, 1e6, 1e15]),
    st.floats(0.0, 1e7),
    st.floats(-12.0, 12.0).map(lambda x: 10.0**x),
)
# every combination of four values per argument: 1024 inputs an example
MESHES = st.tuples(*[st.lists(EXTREME, min_size=4, max_size=4)] * 5)


def assert_no_nan(columns, mode):
    marginal = log_marginal(*columns, mode=mode)
    assert not np.isnan(marginal).any()
    assert (marginal <= 1e-6).all()
    assert not np.isnan(log_profile(*columns, mode=mode)).any()
    for restrict in (False, True):
        assert (q_mu(*columns, mode=mode, restrict=restrict) >= 0).all()


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=15, deadline=None)
@given(cases=st.lists(st.tuples(*[EXTREME] * 5), min_size=1, max_size=4))
def test_no_finite_input_gives_nan(mode, cases):
    assert_no_nan(np.array(cases).T, mode)


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=2, deadline=None)
@given(mesh=MESHES)
def test_no_mesh_of_finite_inputs_gives_nan(mode, mesh):
    assert_no_nan(np.meshgrid(*mesh), mode)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=25, deadline=None)
@given(mesh=MESHES)
def test_no_mesh_out_of_a_hundred_thousand_inputs_gives_nan(mode, mesh):
    assert_no_nan(np.meshgrid(*mesh), mode)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_no_finite_input_gives_nan_over_many_draws(mode):
    rng = np.random.default_rng(11)
    columns = 10.0 ** rng.uniform(-12, 12, (5, 20000))
    columns[rng.random(columns.shape) < 0.1] = 0.0
    for function in (log_marginal, log_profile, q_mu):
        assert not np.isnan(function(*columns, mode=mode)).any()


NAMES = ("n_observed", "n_signal", "signal_error", "n_background", "background_error")


@pytest.mark.parametrize("position", range(5))
@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_bad_numbers_are_refused_by_name(position, bad):
    case = [np.array([3.0, 3.0]) for _ in range(5)]
    case[position][1] = bad
    for function in (log_marginal, log_profile, q_mu):
        with pytest.raises(InputError, match=rf"{NAMES[position]}\[1\]: is {bad}"):
            function(*case)


def test_bad_modes_and_shapes_are_refused():
    with pytest.raises(InputError, match="Did you mean 'scynet'"):
        log_marginal(1, 1, 1, 1, 1, mode="scynte")
    with pytest.raises(InputError, match="do not broadcast"):
        log_marginal(np.ones(2), np.ones(3), 1, 1, 1)
    with pytest.raises(InputError, match="n_signal: 'many' is not a number"):
        log_marginal(1, "many", 1, 1, 1)
