"""A likelihood that breaks its contract stops the run, and the point is named."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fitplugin.errors import LikelihoodError
from fitplugin.pools.processes import ProcessPool
from fitplugin.pools.serial import SerialPool
from fitplugin.samplers.evaluation import PointLikelihood, evaluate, evaluate_many, named_blobs

from .problems import Batch, Broken, Gaussian, Slab

PEAK = np.array([1.0, -0.5])
FAR = np.array([-9.0, 9.0])
BATCH = np.array([FAR, PEAK, FAR])
COMPLAINTS = {
    "raise": "ZeroDivisionError: no vacuum at x=1.0, y=-0.5",
    "exit": "SystemExit: 0 at x=1.0, y=-0.5",
    "nan": "is nan at x=1.0, y=-0.5",
    "inf": "is inf at x=1.0, y=-0.5",
}


@pytest.mark.parametrize(("how", "complaint"), COMPLAINTS.items())
@pytest.mark.parametrize("theta", [BATCH, BATCH[1:2]])
def test_the_offending_point_is_named(how, complaint, theta):
    with pytest.raises(LikelihoodError, match=complaint):
        evaluate(Broken(how=how), theta)


def test_an_exception_is_chained_to_its_cause():
    with pytest.raises(LikelihoodError) as caught:
        evaluate(Broken(), BATCH)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(
    ("how", "complaint"),
    [("shape", r"log_likelihood has shape \(3, 1\)"), ("blobs", r"missing: \['radius'\]")],
)
def test_another_form_is_refused(how, complaint):
    with pytest.raises(LikelihoodError, match=complaint):
        evaluate(Broken(how=how), BATCH)


class Fixed(Gaussian):
    def __init__(self, **changes):
        object.__setattr__(self, "changes", changes)

    def evaluate(self, theta):
        return super().evaluate(theta)._replace(**self.changes)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"log_likelihood": np.zeros(4)}, r"log_likelihood has shape \(4,\)"),
        ({"log_likelihood": ["a", "b", "c"]}, "log_likelihood is not an array of numbers"),
        ({"valid": True}, r"valid has shape \(\)"),
        ({"blobs": {"sum": np.zeros(3), "radius": 1.0}}, r"blob 'radius' has shape \(\)"),
        (
            {"blobs": {"sum": np.zeros((3, 1)), "radius": np.zeros((3, 1))}},
            r"blob 'sum' has shape \(3, 1\)",
        ),
        ({"blobs": {"sum": np.zeros(3)}}, r"missing: \['radius'\]"),
    ],
)
def test_malformed_evaluations_are_described(changes, complaint):
    with pytest.raises(LikelihoodError, match=complaint):
        evaluate(Fixed(**changes), BATCH)


def test_blobs_that_are_not_announced_are_left_to_others():
    texts = np.array(["", "", "heavy"])
    blobs = {"sum": np.zeros(3), "radius": np.zeros(3), "reason": texts}
    assert evaluate(Fixed(blobs=blobs), BATCH).blob_values.shape == (3, 2)


def test_points_that_are_not_valid_have_no_likelihood_whatever_was_computed():
    class Careless(Slab):
        def evaluate(self, theta):
            good = super().evaluate(theta)
            return good._replace(log_likelihood=np.where(good.valid, 0.0, np.nan))

    batch = evaluate(Careless(), np.array([[0.0, 0.0], [2.0, 0.0]]))
    assert_array_equal(batch.log_likelihood, [-np.inf, 0.0])


def test_one_point_equals_its_row_of_a_batch():
    batch = evaluate(Gaussian(), BATCH)
    value, blobs = PointLikelihood(Gaussian())(BATCH[1])
    assert value == pytest.approx(batch.log_likelihood[1], rel=1e-14)
    assert_array_equal(blobs, batch.blob_values[1])
    assert named_blobs(batch.blob_values, ("sum", "radius"))["sum"][1] == 0.5


def test_blobs_are_optional():
    class Plain(Gaussian):
        def evaluate(self, theta):
            return Batch(self.log_density(theta), np.ones(len(theta), dtype=bool), {})

    plain = Plain(blob_names=())
    assert evaluate(plain, BATCH).blob_values.shape == (3, 0)
    assert evaluate_many(plain, BATCH[:0], SerialPool()).blob_values.shape == (0, 0)


def test_many_points_do_not_depend_on_the_pool():
    theta = np.random.default_rng(1).uniform(-3.0, 3.0, (1000, 2))
    serial = evaluate_many(Slab(), theta, SerialPool())
    with ProcessPool(processes=2, points_per_task=32) as pool:
        parallel = evaluate_many(Slab(), theta, pool)
        with pytest.raises(LikelihoodError, match="no vacuum at x="):
            evaluate_many(Broken(), theta, pool)
    for ours, theirs in zip(serial, parallel, strict=True):
        assert_array_equal(ours, theirs)
    assert_array_equal(serial.blob_values[:, 0], theta.sum(axis=1))
