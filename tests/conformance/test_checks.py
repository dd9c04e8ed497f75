"""The checks that guests call say which law is broken, for every law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fitplugin.arrays import as_points
from fitplugin.conformance import check_constraint, check_sampler, check_surrogate, check_term
from fitplugin.errors import InputError
from fitplugin.likelihoods.constraints import Interval, IntervalOptions
from fitplugin.surrogates import Examined
from fitplugin.templates import sampler, surrogate

WINDOW = IntervalOptions(observable="m_higgs", low=121.0, high=129.0)
MASSES = {"m_higgs": np.linspace(110.0, 140.0, 31)}


def constraint(answer, is_hard=True):
    class Broken(Interval):
        def log_likelihood(self, observables):
            return answer(observables["m_higgs"])

    Broken.is_hard = is_hard
    return Broken


@pytest.mark.parametrize(
    ("plugin", "law"),
    [
        (constraint(lambda m: m < 125.0), "not bool"),
        (constraint(lambda m: 0.0), r"gives \(31,\) numbers"),
        (constraint(lambda m: m * np.nan), "never NaN"),
        (constraint(lambda m: m * np.inf), r"never \+inf"),
        (constraint(lambda m: -np.abs(m)), "a hard constraint gives 0 or -inf"),
        (constraint(lambda m: np.zeros(len(m))), "some refused: 31 of 31 are"),
        (constraint(lambda m: m - m.mean()), "a point does not depend on its batch"),
        (constraint(lambda m: np.where(m < 125.0, 0.0, -np.inf), False), "refuses no point"),
    ],
)
def test_broken_law_of_a_constraint_is_named(plugin, law):
    with pytest.raises(AssertionError, match=law):
        check_constraint(plugin, WINDOW, MASSES)


def test_what_a_term_reads_and_does_not_say_is_not_there():
    class Quiet(Interval):
        needs = ("m_stop1",)

    with pytest.raises(AssertionError, match="reads what it is given: m_stop1 is not among it"):
        check_term(Quiet, WINDOW, MASSES)
    with pytest.raises(KeyError, match="m_higgs"):
        check_term(Quiet, WINDOW, {**MASSES, "m_stop1": MASSES["m_higgs"]})


def test_an_object_that_is_no_term_is_told_what_it_lacks():
    with pytest.raises(InputError, match="has no name, needs, log_likelihood"):
        check_term(lambda options: object(), None, MASSES)


class Polynomial(surrogate.YourPlugin):
    """The template, which keeps all laws until one is broken."""

    def fit(self, dataset, rng):
        fitted = super().fit(dataset, rng)
        return type(self)(self.options, self.changed(dict(fitted.arrays), rng))

    def changed(self, arrays, rng):
        return arrays


class Unseeded(Polynomial):
    def changed(self, arrays, rng):
        return {**arrays, "weights": arrays["weights"] + np.random.default_rng().random()}


class Certain(Polynomial):
    def changed(self, arrays, rng):
        return {**arrays, "std": np.zeros(2)}


class Renamed(Polynomial):
    def changed(self, arrays, rng):
        return {**arrays, "target_names": np.array(["a", "b"])}


class Batched(Polynomial):
    def examine(self, inputs):
        found = super().examine(inputs)
        return found._replace(mean=found.mean + len(found.mean))


class Narrow(Polynomial):
    def examine(self, inputs):
        return Examined(*(column[..., :1] for column in super().examine(inputs)[:2]), None)


class Forgetful(Polynomial):
    @classmethod
    def from_arrays(cls, options, arrays):
        return cls(options, {**arrays, "std": 2.0 * arrays["std"]})


class Careless(Polynomial):
    def check(self, dataset):
        pass


@pytest.mark.parametrize(
    ("plugin", "law"),
    [
        (Unseeded, "the same generator, the same model"),
        (Certain, "errors are positive and finite"),
        (Renamed, "target_names are those of the dataset"),
        (Batched, "a point does not depend on its batch"),
        (Narrow, r"\(n_points, n_targets\), \(50, 2\)"),
        (Careless, "fit refuses a repeated point"),
    ],
)
def test_broken_law_of_a_surrogate_is_named(plugin, law):
    check_surrogate(Polynomial, surrogate.YourPluginOptions())
    with pytest.raises(AssertionError, match=law):
        check_surrogate(plugin, surrogate.YourPluginOptions())


def test_a_surrogate_that_is_stored_as_another_is_refused():
    with pytest.raises(InputError, match="no longer predicts its check vector"):
        check_surrogate(Forgetful, surrogate.YourPluginOptions())


def test_points_are_checked_by_as_points():
    fitted = Polynomial(surrogate.YourPluginOptions())
    with pytest.raises(InputError, match="is not fitted yet"):
        fitted.predict(as_points([0.0, 0.0], ("x", "y")))


def broken_sampler(**changes):
    """Return the template with other fields in its chain, computed from the right one."""

    class Broken(sampler.YourPlugin):
        def run(self, problem, options, pool, seed, directory, progress):
            chain = super().run(problem, options, pool, seed, directory, progress)
            return replace(chain, **{name: made(chain) for name, made in changes.items()})

    return Broken


@pytest.mark.parametrize(
    ("changes", "law"),
    [
        ({"names": lambda c: ("a", "b")}, "names are those of the problem"),
        ({"log_weight": lambda c: c.log_weight + 1.0}, "weights add up to 1"),
        ({"log_weight": lambda c: np.full(c.n_live, -np.log(c.n_live))}, "means are the posterior"),
        ({"samples": lambda c: c.samples + 0.1}, "log_likelihood is that of the samples"),
        ({"blobs": lambda c: {}}, "blobs are those of the problem"),
        ({"n_like": lambda c: 0 * c.n_like - 1}, "n_like counts every evaluation"),
        (
            {"evidence": lambda c: replace(c.evidence, log_measured=c.evidence.log_measured + 1)},
            "ln Z is right within its error: it is off by 0.98",
        ),
        (
            {"evidence": lambda c: c.evidence.with_fraction(c.evidence.fraction._replace(value=1))},
            "the valid fraction is measured",
        ),
    ],
)
def test_broken_law_of_a_sampler_is_named(changes, law):
    with pytest.raises(AssertionError, match=law):
        check_sampler(broken_sampler(**changes), sampler.YourPluginOptions(n_samples=20_000))
