"""From a validated scan file to objects, through the plugins it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fitplugin.components import Component, validation_context
from fitplugin.errors import FitpluginError, InputError
from fitplugin.likelihoods.base import require_term
from fitplugin.likelihoods.joint import JointLikelihood, Recipe
from fitplugin.likelihoods.signal_region import SignalRegion, SignalRegionOptions
from fitplugin.physics.parameters import ParameterSpace
from fitplugin.physics.theory import Theory
from fitplugin.runs.config import ScanConfig
from fitplugin.runs.digests import digests_of, sha256_of
from fitplugin.runs.models import Job, ModelCache, Planner
from fitplugin.runs.theory import at_place, build_theory
from fitplugin.surrogates.trainer import Trainer


class Scan(NamedTuple):
    """Everything that a scan file describes, ready to run."""

    config: ScanConfig
    joint: JointLikelihood
    n_observed: Mapping[str, float]
    model_digests: Mapping[str, str]
    digests: Mapping[str, str]
    """SHA-256 of everything that decides a log-likelihood, by name."""


def plan(config: ScanConfig, folder: Path) -> list[Job]:
    """Check all that can be checked before any training; return the models that are needed.

    Raises
    ------
    InputError
        If data are missing or unfit, a parameter or range leaves the training box, or a term
        reads what the scan does not give.
    """
    sampler = config.sampler
    sampler.plugin().require(sampler.options, len(config.free))
    planner = Planner()
    theory = build_theory(config, planner, folder)
    _check_parameters(config, theory)
    counts = config.counts or dict.fromkeys(_region_names(config), _MOCK_NOT_MADE)
    terms = build_terms(config, planner, folder)
    space = ParameterSpace(config.free, config.fixed)
    for term in terms:
        space.check_overlap(getattr(term, "trained", {}), f"the likelihood {term.name}")
    _build_joint(config, theory, counts, terms, _NO_RECIPE)
    return planner.jobs


def build(
    config: ScanConfig, folder: Path, models: ModelCache, *, allow_code: bool = False
) -> Scan:
    """Build the joint likelihood, training what is not in the cache; `plan` comes first.

    Parameters
    ----------
    config : ScanConfig
    folder : path
        Where relative paths in the scan file start.
    models : ModelCache
    allow_code : bool
        What ``config`` was read with: other processes read it again.
    """
    theory = build_theory(config, models, folder)
    counts = mock_counts(config, theory) if config.mock else config.counts or {}
    terms = build_terms(config, models, folder)
    digests = digests_of(config, counts, models, terms, theory.gate, folder)
    digest = sha256_of(digests)
    arguments = (
        config.model_dump_json(), str(folder.resolve()), str(models.folder), digest, allow_code,
    )  # fmt: skip
    joint = _build_joint(config, theory, counts, terms, Recipe(rebuild, arguments, digest))
    return Scan(config, joint, counts, dict(models.digests), digests)


@lru_cache(maxsize=4)
def rebuild(
    config_json: str, folder: str, cache: str, digest: str, allow_code: bool
) -> JointLikelihood:
    """Build a joint likelihood again in another process, once; unpickling calls this."""
    context = validation_context(Path(folder), allow_code)
    config = ScanConfig.model_validate_json(config_json, context=context)
    models = ModelCache(Path(cache), config.training_seed)
    joint = build(config, Path(folder), models, allow_code=allow_code).joint
    if joint.digest() != digest:
        raise InputError(
            "worker process", "built another likelihood than its parent; are versions mixed?"
        )
    return joint


def mock_counts(config: ScanConfig, theory: Theory) -> dict[str, float]:
    """Counts of the mock benchmark: background plus signal as expected, or Poisson around that.

    Expected ones are real numbers. The errors of signal and background play no part.
    """
    assert config.mock is not None  # the configuration has either counts or a mock
    point = config.mock.point
    parameters = np.array([[point[name] for name in theory.input_names]])
    observed = theory.observables(parameters)
    if not observed.valid[0]:
        raise InputError("mock.benchmark", f"has no prediction: {observed.reason[0]}")
    expected = {
        region.name: _rounded(
            region.background + float(observed.values[f"n_signal[{region.name}]"][0])
        )
        for region in config.regions
    }
    if config.mock.counts == "asimov":
        return expected
    rng = np.random.default_rng(config.mock.seed)
    return {name: float(rng.poisson(count)) for name, count in expected.items()}


def _rounded(count: float) -> float:
    # data, once made: the last digits of a processor's arithmetic are no part of them
    return float(f"{count:.12g}")


def build_terms(config: ScanConfig, train: Trainer, folder: Path) -> list[Any]:
    """Make the terms under ``likelihoods``, asking ``train`` for the surrogates they learn."""
    terms = []
    for index, chosen in enumerate(config.likelihoods):
        make = getattr(chosen.plugin, "build", None)
        terms.append(
            at_place(
                f"likelihoods[{index}]",
                lambda make=make, chosen=chosen: (
                    _term(chosen)
                    if make is None
                    else make(chosen.options, train, folder, config.surrogate_error)
                ),
            )
        )
    return terms


def _term(chosen: Component, is_constraint: bool = False) -> Any:
    """Make a term of its options, and see that it is one."""
    try:
        term = chosen.plugin(chosen.options)
    except FitpluginError:
        raise
    except Exception as error:  # another's code
        made = f"cannot be made of its options: {type(error).__name__}: {error}"
        raise InputError("", f"{chosen.kind!r} {made}") from error
    require_term(term, is_constraint)
    return term


def _build_joint(
    config: ScanConfig,
    theory: Theory,
    counts: Mapping[str, float],
    guests: Sequence[Any],
    recipe: Recipe,
) -> JointLikelihood:
    regions = [
        SignalRegion(
            SignalRegionOptions(
                name=region.name,
                n_observed=counts[region.name],
                background=region.background,
                background_error=region.background_error,
                mode=region.mode,
            )
        )
        for region in config.regions
    ]
    combination = config.combination.plugin(config.combination.options, regions, config.nuisances)
    constraints = [
        at_place(f"constraints[{index}]", lambda chosen=chosen: _term(chosen, True))
        for index, chosen in enumerate(config.constraints)
    ]
    # soft constraints are factors of the likelihood, hard ones cut the prior
    hard = [constraint for constraint in constraints if constraint.is_hard]
    terms = [*guests, *(constraint for constraint in constraints if not constraint.is_hard)]
    space = ParameterSpace(config.free, config.fixed, config.symbols)
    return JointLikelihood(space, theory, regions, combination, terms, hard, recipe)


def _check_parameters(config: ScanConfig, theory: Theory) -> None:
    space = ParameterSpace(config.free, config.fixed)
    of_what = f"the surrogate of {config.theory.dataset if config.theory else 'spectrum'}"
    space.check_within(theory.trained, of_what)
    if theory.gate is not None:
        trained = {n: box for n, box in theory.gate.trained.items() if n in theory.trained}
        space.check_overlap(trained, "the gate")
    if config.mock is not None:
        benchmark = ParameterSpace({}, config.mock.point)
        benchmark.check_within(theory.trained, of_what, "mock.benchmark")


def _region_names(config: ScanConfig) -> list[str]:
    return [region.name for region in config.regions]


def _never(*_: Any) -> JointLikelihood:
    raise RuntimeError("a likelihood without trained surrogates cannot be rebuilt")


_MOCK_NOT_MADE = 1000.0  # stands for counts that no check may refuse
_NO_RECIPE = Recipe(_never, (), "")
