"""Chains that advance together each see what they would see alone."""

import threading

import numpy as np
import pytest

from fitplugin.samplers.lockstep import advance_together


def walk(n_steps, start):
    def chain(ask):
        return [float(ask(np.array([start + step]))) for step in range(n_steps)]

    return chain


def square(theta):
    return theta[:, 0] ** 2


def test_every_chain_gets_its_own_answers_in_batches_of_those_that_still_run():
    sizes = []

    def evaluate(theta):
        sizes.append(len(theta))
        return square(theta)

    results = advance_together([walk(n, 10.0 * n) for n in (3, 0, 1, 3)], evaluate)
    assert results == [[(10.0 * n + k) ** 2 for k in range(n)] for n in (3, 0, 1, 3)]
    assert sizes == [3, 2, 2]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_an_error_of_the_likelihood_ends_every_chain(error):
    def evaluate(theta):
        raise error

    before = threading.active_count()
    with pytest.raises(error):
        advance_together([walk(2, 0.0)] * 5, evaluate)
    assert threading.active_count() == before


def test_an_error_of_a_chain_is_raised():
    def broken(ask):
        ask(np.zeros(1))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        advance_together([walk(3, 0.0), broken], square)
