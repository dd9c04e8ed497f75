"""Over the valid prior or over the whole box: one fraction leads from one evidence to the other."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.samplers.evidence import Evidence, ValidFraction

HALF = ValidFraction(0.5, 0.03)


def test_measured_over_the_valid_prior():
    evidence = Evidence(-3.0, 0.1, over_box=False, fraction=HALF)
    assert (evidence.log_z, evidence.log_z_error) == (-3.0, 0.1)
    assert_allclose(evidence.log_z_box, -3.0 - math.log(2.0))
    assert_allclose(evidence.log_z_box_error, math.hypot(0.1, 0.06))


def test_measured_over_the_whole_box():
    evidence = Evidence(-3.0, 0.1, over_box=True, fraction=HALF)
    assert (evidence.log_z_box, evidence.log_z_box_error) == (-3.0, 0.1)
    assert_allclose(evidence.log_z, -3.0 + math.log(2.0))
    assert_allclose(evidence.log_z_error, math.hypot(0.1, 0.06))


@pytest.mark.parametrize("over_box", [False, True])
def test_where_all_is_valid_there_is_one_evidence(over_box):
    evidence = Evidence(-3.0, 0.1, over_box, ValidFraction.measured(400, 400))
    assert evidence.log_z == evidence.log_z_box == -3.0
    assert evidence.log_z_error == evidence.log_z_box_error == 0.1


@pytest.mark.parametrize("over_box", [False, True])
def test_a_better_fraction_leaves_the_measurement_alone(over_box):
    before = Evidence(-3.0, 0.1, over_box, HALF)
    after = before.with_fraction(ValidFraction(0.4, 0.0))
    assert (after.log_measured, after.log_measured_error) == (-3.0, 0.1)
    assert_allclose(after.log_z_box - after.log_z, math.log(0.4))
    assert after.log_z_error == after.log_z_box_error == 0.1


@pytest.mark.parametrize("true", [0.02, 0.5, 0.9])
def test_a_measured_fraction_has_no_bias_and_an_honest_error(true):
    rng = np.random.default_rng(1)
    n_valid, n_runs = 50, 4000
    draws = n_valid + rng.negative_binomial(n_valid, true, n_runs)
    fractions = np.array([ValidFraction.measured(n_valid, int(n)) for n in draws])
    scatter = fractions[:, 0].std()
    assert abs(fractions[:, 0].mean() - true) < 5.0 * scatter / math.sqrt(n_runs)
    # the scatter of a scatter is 1/sqrt(2 n); the formula is for many points, these are 50
    assert_allclose(fractions[:, 1].mean(), scatter, rtol=5.0 / math.sqrt(2.0 * n_runs) + 1.0 / 50)


def test_draws_that_stop_by_themselves_are_counted_as_they_are():
    assert ValidFraction.measured(25, 100, stopped_at_valid=False).value == 0.25
    assert ValidFraction.measured(0, 100, stopped_at_valid=False) == (0.0, 0.0)
    assert ValidFraction.measured(1, 3).value == 1 / 3


def test_pooled_fractions_are_as_good_as_one_of_all_draws():
    rng = np.random.default_rng(2)
    sizes = (50, 200)
    pooled = []
    for _ in range(4000):
        draws = [size + int(rng.negative_binomial(size, 0.3)) for size in sizes]
        parts = [ValidFraction.measured(*pair) for pair in zip(sizes, draws, strict=True)]
        pooled.append(ValidFraction.pooled(parts, sizes))
    values, errors = np.array(pooled).T
    assert abs(values.mean() - 0.3) < 5.0 * values.std() / math.sqrt(4000)
    assert_allclose(errors.mean(), values.std(), rtol=0.08)
    assert_allclose(values.std(), 0.3 * math.sqrt(0.7 / 250), rtol=0.08)
