"""Terms of others are held to their contract: what would be lost or misread is refused."""

from __future__ import annotations

import numpy as np
import pytest

from fitplugin.errors import InputError, LikelihoodError
from fitplugin.likelihoods.base import require_term
from fitplugin.likelihoods.joint import JointLikelihood
from tests.studies.coverage.toy import toy

THETA = np.array([[10.0, 10.0], [20.0, 10.0], [39.0, 39.0]])  # the last has no spectrum


class Guest:
    """A constraint or a term that answers with what it is given."""

    name = "guest"
    needs = ("a",)

    def __init__(self, answer, is_hard=True):
        self.answer, self.is_hard = answer, is_hard

    def log_likelihood(self, observables):
        return self.answer(observables["a"])


def joint_with(guest):
    joint = toy()
    hard, soft = ((guest,), ()) if guest.is_hard else ((), (guest,))
    return JointLikelihood(
        joint.space, joint.theory, joint.regions, joint.combination, soft, hard, joint._recipe
    )


def test_a_hard_constraint_cuts_and_is_no_factor():
    cut = joint_with(Guest(lambda a: np.where(a < 15.0, 0.0, -np.inf))).evaluate(THETA)
    assert cut.valid.tolist() == [True, False, False]
    assert cut.blobs["reason"].tolist() == ["", "guest", "too many"]
    assert cut.log_likelihood[0] == toy().evaluate(THETA).log_likelihood[0]


def test_a_term_that_reads_nothing_is_a_constant_factor():
    guest = Guest(None, is_hard=False)
    guest.needs, guest.log_likelihood = (), lambda observables: np.full(len(observables["a"]), -2.0)
    shifted = joint_with(guest).evaluate(THETA[:2]).log_likelihood
    assert shifted.tolist() == (toy().evaluate(THETA[:2]).log_likelihood - 2.0).tolist()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda a: a < 15.0, r"guest: log_likelihood gives bool of shape \(3,\)"),
        (lambda a: 0.0, r"float64 of shape \(\); expected natural logarithms of shape \(3,\)"),
        (lambda a: np.zeros((3, 1)), r"of shape \(3, 1\)"),
        (lambda a: np.array(["yes"] * 3), "gives <U3 of shape"),
        (lambda a: -a, r"is -10 at a=10.0, b=10.0; a hard constraint gives 0 or -inf"),
        (lambda a: np.nan * a, "is nan at a=10.0, b=10.0; a hard constraint gives 0 or -inf"),
        (lambda a: 1 // 0, r"guest raised ZeroDivisionError: .* \(.*test_terms.py, line \d+\)"),
    ],
)
def test_a_hard_constraint_that_says_anything_but_0_or_minus_infinity_stops_the_scan(answer, said):
    joint = joint_with(Guest(answer))
    for evaluate in (joint.evaluate, joint.evaluate_valid, joint.is_valid):
        with pytest.raises(LikelihoodError, match=said):
            evaluate(THETA)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda a: a < 15.0, "gives bool"),
        (lambda a: 0.0, r"of shape \(\)"),
        (lambda a: np.nan * a, "guest: log-likelihood is nan at a=10.0, b=10.0"),
        (lambda a: {}["m"], "guest raised KeyError: 'm'"),
    ],
)
def test_a_factor_that_is_no_logarithm_stops_the_scan(answer, said):
    with pytest.raises(LikelihoodError, match=said):
        joint_with(Guest(answer, is_hard=False)).evaluate(THETA)


@pytest.mark.parametrize("name", ["name", "needs", "is_hard", "log_likelihood"])
def test_what_a_constraint_lacks_is_named(name):
    class Part(Guest):
        def __getattribute__(self, wanted):
            if wanted == name:
                raise AttributeError(wanted)
            return super().__getattribute__(wanted)

    with pytest.raises(InputError, match=f"Part has no {name}, which a constraint needs: see"):
        require_term(Part(None), is_constraint=True)


def test_needs_as_one_text_is_refused_and_not_read_letter_by_letter():
    guest = Guest(None)
    guest.needs = "m_higgs"
    with pytest.raises(InputError, match=r"Guest.needs must be a tuple of names, not 'm_higgs'"):
        require_term(guest)
