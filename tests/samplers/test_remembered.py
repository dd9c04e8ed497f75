"""Points of the unit cube are found again by their bits, with all that was computed there."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fitplugin.pools.serial import SerialPool
from fitplugin.samplers.contract import CheckedBatch
from fitplugin.samplers.evaluation import evaluate
from fitplugin.samplers.remembered import Remembered

from .problems import Slab

CUBE = np.random.default_rng(1).random((300, 2))


@pytest.fixture
def remembered():
    memory = Remembered(Slab(), SerialPool())
    for part in np.split(CUBE, 3):
        memory(part)
    return memory


def test_valid_points_come_back_in_the_order_asked_for(remembered):
    theta = Slab().prior_transform(CUBE)
    rows = np.flatnonzero(Slab().is_valid(theta))[::-1]
    found = remembered.find(CUBE[rows])
    assert_array_equal(found.theta, theta[rows])
    expected = evaluate(Slab(), theta[rows])
    assert_array_equal(found.log_likelihood, expected.log_likelihood)
    assert_array_equal(found.blob_values, expected.blob_values)


def test_points_are_counted(remembered):
    n_valid = Slab().is_valid(Slab().prior_transform(CUBE)).sum()
    assert (remembered.n_like, remembered.n_valid) == (300, n_valid)


def test_a_caller_may_reuse_its_array():
    memory = Remembered(Slab(), SerialPool())
    work = np.full((1, 2), 0.9)
    memory(work)
    work[:] = 0.8
    assert_array_equal(memory.find(np.full((1, 2), 0.9)).theta, [[8.0, 8.0]])


def test_points_evaluated_elsewhere_are_remembered(remembered):
    batch = CheckedBatch(np.array([-7.0]), np.array([True]), np.array([[1.0, 2.0]]))
    remembered.add(np.array([[0.5, 0.25]]), np.array([[0.0, -5.0]]), batch)
    found = remembered.find(np.array([[0.5, 0.25]]))
    assert (found.log_likelihood[0], *found.blob_values[0]) == (-7.0, 1.0, 2.0)
    assert remembered.n_like == 300


@pytest.mark.parametrize("point", [[0.123, 0.456], [0.1, 0.5]])
def test_an_unknown_or_invalid_point_is_an_error(remembered, point):
    remembered(np.array([[0.1, 0.5]]))  # not valid
    with pytest.raises(KeyError, match="no likelihood is remembered at"):
        remembered.find(np.array([point]))
