"""A scan of two yields without surrogates, and a sampler that is exact: prior draws, weighted."""

from __future__ import annotations

import numpy as np
from numpy.random import SeedSequence

from fitplugin.components import Component
from fitplugin.likelihoods.joint import JointLikelihood, Recipe
from fitplugin.likelihoods.product import Nuisances, Product
from fitplugin.likelihoods.signal_region import SignalRegion, SignalRegionOptions
from fitplugin.options import Options
from fitplugin.physics.parameters import ParameterSpace
from fitplugin.physics.theory import Observables
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.evidence import Evidence, ValidFraction
from fitplugin.studies.coverage.mocks import LOG_LIKELIHOOD, mock_of

QUANTITIES = ("a", "b", LOG_LIKELIHOOD)


class Yields:
    """The signals are the parameters, with a relative error; a hard edge at a + b < 60."""

    out_of_domain = "inflate"
    yields_decide = False
    input_names = ("a", "b")
    relative_error = 0.2
    observable_names = (
        "a", "b", "n_signal[A]", "n_signal_error[A]", "n_signal[B]", "n_signal_error[B]",
        "cross_section", "cross_section_error", "log_likelihood[A]", "log_likelihood[B]",
    )  # fmt: skip

    def exists(self, parameters):
        return np.ones(len(parameters), dtype=bool)

    def observables(self, parameters):
        a, b = np.asarray(parameters).T
        values = {"a": a, "b": b, "outside_training": np.zeros_like(a)}
        for name, signal in (("A", a), ("B", b)):
            values[f"n_signal[{name}]"] = signal
            values[f"n_signal_error[{name}]"] = self.relative_error * signal
        values |= {"cross_section": np.ones_like(a), "cross_section_error": np.full_like(a, 0.1)}
        valid = a + b < 60.0
        return Observables(values, valid, np.where(valid, "", "too many"))

    def produce(self, parameters):
        return parameters

    def before_yields(self, parameters):
        return self.observables(parameters)

    def with_yields(self, parameters, wanted=None):
        return self.observables(parameters)


def toy(terms=(), **nuisances):
    """Return the joint likelihood."""
    regions = [
        SignalRegion(
            SignalRegionOptions(name=name, n_observed=20, background=10, background_error=error)
        )
        for name, error in (("A", 2.0), ("B", 3.0))
    ]
    combination = Product(Product.Options(), regions, Nuisances(**nuisances))
    space = ParameterSpace({"a": (0.0, 40.0), "b": (0.0, 40.0)}, {})
    return JointLikelihood(
        space, Yields(), regions, combination, terms, (), Recipe(toy, (terms,), "toy")
    )


class WeightedOptions(Options):
    """How many prior draws, and what the likelihood is raised to: above 1 is too sure."""

    n_points: int = 3000
    power: float = 1.0


class Weighted:
    """The posterior by importance sampling from the box."""

    Options = WeightedOptions

    def run(self, problem, options, pool, seed, directory, progress):
        """Return weighted prior draws as a chain."""
        rng = np.random.default_rng(seed)
        theta = problem.prior_transform(rng.random((options.n_points, len(problem.names))))
        batch = problem.evaluate(theta)
        log_weight = options.power * batch.log_likelihood
        return Chain(
            names=problem.names,
            samples=theta,
            log_likelihood=batch.log_likelihood,
            log_weight=log_weight - np.logaddexp.reduce(log_weight),
            log_birth=None,
            blobs={name: batch.blobs[name] for name in problem.blob_names},
            evidence=Evidence(0.0, 1.0, False, ValidFraction(1.0, 0.0)),
            n_like=len(theta),
            n_live=0,
            sampler="weighted",
        )


def toy_mocks(joint, n_mocks, seed, n_draws=49, **options):
    """Return so many mocks of the toy."""
    sampler = Component("weighted", Weighted, WeightedOptions(**options))
    return [
        mock_of(number, joint, sampler, child, n_draws, QUANTITIES)
        for number, child in enumerate(SeedSequence(seed).spawn(n_mocks))
    ]
