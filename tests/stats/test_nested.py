"""Deaths and births say the volumes: against closed forms, a quadrature, and anesthetic.

Runs are simulated exactly where the likelihood is a known function of the prior volume: a point
born above a contour has a volume uniform in that of the contour.
"""

import heapq
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate

from fitplugin.stats.nested import nested_weights

SIGMA = 0.01


def log_density(volume):
    """A half-normal likelihood in one dimension, so that the volume is its argument."""
    return -0.5 * np.square(volume / SIGMA)


LOG_Z = math.log(
    integrate.quad(lambda x: math.exp(log_density(x)), 0.0, 1.0, points=[5.0 * SIGMA])[0]
)
INFORMATION = -0.5 - math.log(SIGMA * math.sqrt(math.pi / 2.0))  # H, the logarithm of compression


def simulate(rng, n_live, n_dead):
    """Return (log_likelihood, log_birth) of an exact run, the last live points included."""
    live = [(-volume, 1.0) for volume in rng.random(n_live)]  # a heap: the largest volume first
    heapq.heapify(live)
    volumes, birth_volumes = [], []
    for _ in range(n_dead):
        volume, birth = -live[0][0], live[0][1]
        heapq.heapreplace(live, (-volume * rng.random(), volume))
        volumes.append(volume)
        birth_volumes.append(birth)
    for volume, birth in sorted(live):
        volumes.append(-volume)
        birth_volumes.append(birth)
    birth_volumes = np.array(birth_volumes)
    log_birth = np.where(birth_volumes == 1.0, -np.inf, log_density(birth_volumes))
    return log_density(np.array(volumes)), log_birth


def in_order(*runs):
    log_likelihood, log_birth = (np.concatenate(column) for column in zip(*runs, strict=True))
    order = np.argsort(log_likelihood, kind="stable")
    return log_likelihood[order], log_birth[order]


@pytest.fixture(scope="module")
def run_of_100():
    return simulate(np.random.default_rng(1), 100, 800)


def test_the_numbers_of_live_points_are_those_of_the_run(run_of_100):
    n_live = nested_weights(*run_of_100).n_live
    assert_array_equal(n_live[:801], 100)
    assert_array_equal(n_live[800:], np.arange(100, 0, -1))


def test_weights_sum_to_one(run_of_100):
    weights = nested_weights(*run_of_100)
    assert_allclose(np.exp(weights.log_weight).sum(), 1.0, rtol=1e-12)


@pytest.mark.parametrize("n_live", [1, 3, 500])
@pytest.mark.parametrize("level", [-1000.0, 0.0, 7.5])
def test_the_evidence_of_a_constant_is_that_constant(n_live, level):
    weights = nested_weights(np.full(n_live, level), np.full(n_live, -np.inf))
    assert_allclose(weights.log_z, level, atol=1e-12)
    assert_allclose(np.exp(weights.log_weight), 1.0 / n_live, rtol=1e-9)
    # nothing can be wrong but the share beyond the last point
    assert weights.log_z_error < 2.0 / n_live


def test_a_shift_of_the_likelihood_shifts_the_evidence(run_of_100):
    log_likelihood, log_birth = run_of_100
    before = nested_weights(log_likelihood, log_birth)
    after = nested_weights(log_likelihood - 300.0, log_birth - 300.0)
    assert_allclose(after.log_z, before.log_z - 300.0, rtol=1e-12)
    assert_allclose(after.log_weight, before.log_weight, atol=1e-9)
    assert_allclose(after.log_z_error, before.log_z_error, rtol=1e-9)


def test_the_evidence_agrees_with_anesthetic(run_of_100):
    anesthetic = pytest.importorskip("anesthetic")
    log_likelihood, log_birth = run_of_100
    samples = anesthetic.NestedSamples(
        data=np.zeros((len(log_likelihood), 1)), logL=log_likelihood, logL_birth=log_birth
    )
    weights = nested_weights(log_likelihood, log_birth)
    # theirs shrinks volumes by exp(-1/n), a difference of H/(2 n), and shares the mass between two
    # shells by the trapezoid rule, a difference of up to 2/n
    assert_allclose(weights.log_z, samples.logZ(), atol=INFORMATION / 200 + 0.02)
    simulated = samples.logZ(2000)
    # the scatter of 2000 is known to 1.6 %; the formula is of first order in 1/sqrt(n_live)
    assert_allclose(weights.log_z_error, simulated.std(), rtol=0.1)


def test_the_mean_of_z_has_no_bias_and_the_error_is_honest():
    rng = np.random.default_rng(3)
    n_runs, n_live = 400, 50
    found = [nested_weights(*simulate(rng, n_live, 500)) for _ in range(n_runs)]
    log_z = np.array([one.log_z for one in found])
    ratio, scatter = np.exp(log_z - LOG_Z), log_z.std()
    # n/(n + 1) in place of 1 - 1/n would be 7 % too large here
    assert abs(ratio.mean() - 1.0) < 3.0 * ratio.std() / math.sqrt(n_runs) < 0.06
    error = np.sqrt(np.mean([one.log_z_error**2 for one in found]))
    assert_allclose(error, scatter, rtol=5.0 / math.sqrt(2.0 * n_runs))


def test_merged_runs_weigh_as_their_union():
    rng = np.random.default_rng(4)
    first, second = simulate(rng, 60, 500), simulate(rng, 140, 1200)
    together = nested_weights(*in_order(first, second))
    assert_array_equal(together.n_live[:400], 200)
    # one run that never stops replacing would have had as many live points everywhere
    alone = nested_weights(*first), nested_weights(*second)
    assert abs(together.log_z - LOG_Z) < 5.0 * together.log_z_error
    expected = 1.0 / math.sqrt(sum(one.log_z_error**-2 for one in alone))
    assert_allclose(together.log_z_error, expected, rtol=0.1)


def test_merging_does_not_depend_on_the_order_of_the_runs():
    rng = np.random.default_rng(5)
    runs = [simulate(rng, n_live, 300) for n_live in (20, 50, 30)]
    some, other = nested_weights(*in_order(*runs)), nested_weights(*in_order(*runs[::-1]))
    assert_array_equal(some.log_weight, other.log_weight)
    nested = nested_weights(*in_order(in_order(runs[0], runs[1]), runs[2]))
    assert_array_equal(some.log_weight, nested.log_weight)


def test_posterior_moments_are_those_of_the_half_normal():
    log_likelihood, log_birth = simulate(np.random.default_rng(6), 2000, 12_000)
    weights = np.exp(nested_weights(log_likelihood, log_birth).log_weight)
    volume = SIGMA * np.sqrt(-2.0 * log_likelihood)
    n_eff = 1.0 / np.square(weights).sum()
    mean = SIGMA * math.sqrt(2.0 / math.pi)
    assert abs(weights @ volume - mean) < 5.0 * SIGMA / math.sqrt(n_eff)
    assert_allclose(weights @ np.square(volume), SIGMA**2, rtol=5.0 * math.sqrt(2.0 / n_eff))


def test_points_out_of_order_or_above_their_birth_are_refused():
    with pytest.raises(ValueError, match="not in order"):
        nested_weights(np.array([1.0, 0.0]), np.full(2, -np.inf))
    with pytest.raises(ValueError, match="not above that of its birth"):
        nested_weights(np.array([0.0, 1.0]), np.array([-np.inf, 1.0]))
