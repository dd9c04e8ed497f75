"""Outside the training points a scan does what it was told, and says so."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fitplugin.errors import LikelihoodError
from fitplugin.likelihoods.joint import JointLikelihood
from fitplugin.physics.theory import OUTSIDE, Theory

THETA = np.random.default_rng(12).uniform([-500, 100, 100], [500, 1600, 1600], (400, 3))


def with_policy(joint: JointLikelihood, policy: str) -> JointLikelihood:
    """The same likelihood with another policy."""
    old = joint.theory
    theory = Theory(
        old._calculator, old._production, old._efficiencies, old._luminosity, policy
    )  # fmt: skip
    return JointLikelihood(
        joint.space, theory, joint.regions, joint.combination, joint.terms, joint.constraints,
        joint._recipe,
    )  # fmt: skip


@pytest.fixture(scope="module")
def inflated(smoke_joint):
    return with_policy(smoke_joint, "inflate").evaluate(THETA)


def test_some_valid_points_are_outside(inflated):
    outside = inflated.blobs[OUTSIDE] > 0
    assert 0 < outside[inflated.valid].mean() < 0.5


def test_reject_makes_just_those_points_invalid(smoke_joint, inflated):
    joint = with_policy(smoke_joint, "reject")
    batch = joint.evaluate(THETA)
    outside = inflated.blobs[OUTSIDE] > 0
    assert_array_equal(batch.valid, inflated.valid & ~outside)
    assert_array_equal(joint.is_valid(THETA), batch.valid)
    assert (batch.blobs["reason"][inflated.valid & outside] == OUTSIDE).all()


def test_inflate_changes_errors_outside_and_nothing_inside(smoke_joint, inflated):
    plain = with_policy(smoke_joint, "error").theory.observables(
        smoke_joint.space.complete(THETA, smoke_joint.theory.input_names)
    )
    outside = inflated.blobs[OUTSIDE] > 0
    grown = np.zeros(len(THETA), dtype=bool)
    for name in ("m_stop1_error", "efficiency_error[0-lepton]", "efficiency_error[1-lepton]"):
        assert_allclose(inflated.blobs[name][~outside], plain.values[name][~outside])
        grown |= inflated.blobs[name] > plain.values[name]
    assert_array_equal(grown, outside)


def test_error_stops_and_names_the_point(smoke_joint, inflated):
    joint = with_policy(smoke_joint, "error")
    outside = inflated.blobs[OUTSIDE] > 0
    bad = np.flatnonzero(inflated.valid & outside)[:1]
    with pytest.raises(LikelihoodError, match=r"extrapolates at mu=.*out_of_domain"):
        joint.evaluate(THETA[bad])
    joint.evaluate(THETA[inflated.valid & ~outside])
