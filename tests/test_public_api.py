"""What users and guests may rely on: its names stand here, and nothing public is undocumented.

Whoever changes the list changes what others have written against the package: say so in
CHANGELOG.md.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import fitplugin

PACKAGE = Path(fitplugin.__file__).parent
# modules of which every name is public, and those of which guests need these
WHOLE = (
    "",
    "active.base",
    "adapters.bilby",
    "adapters.callables",
    "adapters.gambit",
    "adapters.results",
    "conformance",
    "errors",
    "likelihoods.base",
    "physics.spectrum",
    "samplers.base",
    "samplers.chain",
    "samplers.evidence",
    "simulation.base",
    "surrogates",
)
PART = {
    "arrays": ("BoolArray", "FloatArray", "IntArray", "as_points"),
    "components": ("Component", "component"),
    "likelihoods.joint": ("Batch", "JointLikelihood"),
    "options": ("Options",),
    "pools.base": ("Pool", "PoolOptions", "available_cores"),
    "runs.directory": ("Posterior", "Run", "read_run"),
    "runs.runner": ("run",),
    "samplers.evaluation": ("evaluate_many", "named_blobs"),
    "samplers.prior": ("LivePoints", "draw_live_points"),
    "surrogates.base": ("ArraySurrogate", "Examined", "Prediction", "Surrogate"),
    "surrogates.dataset": ("Dataset",),
}
API = """\
fitplugin
  FitpluginError
  InputError
  __version__
  get_cobaya_class()
  load(scan, cache, *, allow_code)
  read_run
  run
fitplugin.active.base
  class Answer
      checked(wanted)
      failed
      id
      values
  class Oracle
      Options
      answer(requests)
      candidates
  class Request
      id
      theta
  class Setting
      allow_code
      box
      folder
      names
      seed
      state
fitplugin.adapters.bilby
  as_bilby(scan, cache, finite, *, allow_code)
  with_blobs(samples, likelihood, priors)
fitplugin.adapters.callables
  class LogProbability
  emcee(joint, blobs)
  pymultinest(joint, blobs)
  ultranest(joint)
  valid_points(joint, n_points, seed)
fitplugin.adapters.gambit
  UserLogLike
  gambit_info(scan, user_lib, blobs, cache, *, allow_code)
  gambit_light(scan, cache, *, allow_code)
fitplugin.adapters.results
  to_arviz(run, seed)
  to_dynesty(run)
fitplugin.arrays
  BoolArray
  FloatArray
  IntArray
  as_points(values, names, what)
fitplugin.components
  class Component
      citations
      code
      kind
      options
      plugin
      to_dict()
  component(group)
fitplugin.conformance
  class HalfGaussian
      blob_names
      evaluate(theta)
      half_width
      log_z_box
      mean
      names
      prior_transform(unit_cube)
  check_constraint(plugin, options, observables)
  check_sampler(plugin, options, *, is_posterior)
  check_surrogate(plugin, options, dataset)
  check_term(plugin, options, observables)
  smooth_dataset()
fitplugin.errors
  class FitpluginError
  class InputError
      at(prefix)
  class LikelihoodError
  class MissingExtraError
  one_of(word, known, a_kind)
  printable(text)
  shown(value)
fitplugin.likelihoods.base
  class Constraint
      is_hard
  class Term
      Options
      log_likelihood(observables)
      name
      needs
  require_term(term, is_constraint)
fitplugin.likelihoods.joint
  class Batch
      blobs
      log_likelihood
      valid
  class JointLikelihood
      blob_names
      compare(observed, theta)
      digest()
      evaluate(theta)
      evaluate_valid(theta)
      is_valid(theta)
      log_likelihood(theta)
      log_terms(theta)
      n_dim
      names
      prior_transform(unit_cube)
fitplugin.options
  class Options
fitplugin.physics.spectrum
  class Spectrum
      answered
      branching
      error
      mass
      probability
      remoteness
      take(rows)
      valid
  class SpectrumCalculator
      Options
      branching
      citations
      masses
      spectrum(parameters)
      trained
fitplugin.pools.base
  class Pool
      Options
      from_options(options, processes)
      imap(function, items)
      map(function, items)
      points_per_task
      size
  class PoolOptions
      points_per_task
  available_cores()
fitplugin.runs.directory
  class Posterior
      columns
      log_likelihood
      weights
  class Run
      manifest
      path
      posterior
      prior
      ranges
      summary
  read_run(path)
fitplugin.runs.runner
  run(path, output, force, cache, retrain, resume, allow_changes, member, changes, *, allow_code)
fitplugin.samplers.base
  class Evaluation
      blobs
      log_likelihood
      valid
  class Problem
      blob_names
      evaluate(theta)
      names
      prior_transform(unit_cube)
  class Progress
      iteration
      log_z
      n_like
      of_search(n_like)
      remaining
  ProgressCallback
  class Sampler
      Options
      require(options, n_dim)
      run(problem, options, pool, seed, directory, progress)
  even_shares(total, n_runs)
  require_enough_live_points(n_live, n_dim, n_runs)
fitplugin.samplers.chain
  class Chain
      blobs
      details
      equal_weight(rng)
      evidence
      log_birth
      log_likelihood
      log_weight
      n_like
      n_live
      names
      sampler
      samples
      weights
fitplugin.samplers.evaluation
  evaluate_many(problem, theta, pool)
  named_blobs(values, names)
fitplugin.samplers.evidence
  class Evidence
      fraction
      log_measured
      log_measured_error
      log_z
      log_z_box
      log_z_box_error
      log_z_error
      over_box
      with_fraction(fraction)
  class ValidFraction
      error
      measured(n_valid, n_draws, stopped_at_valid)
      pooled(fractions, sizes)
      value
fitplugin.samplers.prior
  class LivePoints
      blob_values
      log_likelihood
      n_like
      theta
      unit_cube
      valid_fraction
  draw_live_points(problem, n_live, pool, rng, progress)
fitplugin.simulation.base
  class Counts
      efficiency(region)
      n_generated
      passed
      problem()
      variance
  class Request
      events
      name
      processes
      seed
      seed_of(process)
      sha256
      slha
  class SimulationError
  class Simulator
      Options
      citations
      regions
      simulate(request)
      versions()
fitplugin.surrogates
  ArraySurrogate
  Dataset
  Examined
  Prediction
  Surrogate
  load
  save
fitplugin.surrogates.base
  class ArraySurrogate
      arrays
      from_arrays(options, arrays)
      schema
      to_arrays()
  class Examined
      mean
      remoteness
      std
  class Prediction
      mean
      std
  class Surrogate
      Options
      calibration_facts()
      check(dataset)
      citations
      examine(inputs)
      fit(dataset, rng)
      from_arrays(options, arrays)
      input_names
      predict(inputs)
      ranges
      require_training()
      resumable(path)
      schema
      target_names
      to_arrays()
fitplugin.surrogates.dataset
  class Dataset
      digest()
      error_about(mean)
      input_names
      inputs
      n_points
      ranges
      require_distinct_rows()
      schema
      split(n_held_out, rng)
      take(rows)
      target_error
      target_names
      targets
      variance_per_mean
"""


def module_file(name: str) -> Path:
    path = PACKAGE.joinpath(*filter(None, name.split(".")))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def is_public(name: str) -> bool:
    return not name.startswith("_") and name != "model_config"


def assigned(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def parameters(node: ast.FunctionDef) -> str:
    """Names of the parameters as they are written; the annotations and defaults may improve."""
    asked, bare = node.args, ast.arguments([], [], None, [], [], None, [])
    bare.posonlyargs = [ast.arg(each.arg) for each in asked.posonlyargs]
    bare.args = [ast.arg(each.arg) for each in asked.args if each.arg not in ("self", "cls")]
    bare.vararg = asked.vararg and ast.arg(asked.vararg.arg)
    bare.kwonlyargs = [ast.arg(each.arg) for each in asked.kwonlyargs]
    bare.kw_defaults = [None] * len(bare.kwonlyargs)
    bare.kwarg = asked.kwarg and ast.arg(asked.kwarg.arg)
    return ast.unparse(bare)


def is_property(node: ast.FunctionDef) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


def forms(nodes: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Name and form of what a module or a class defines."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node.name if is_property(node) else f"{node.name}({parameters(node)})"
        elif isinstance(node, ast.ClassDef):
            members = [form for name, form in forms(node.body) if is_public(name)]
            yield node.name, "\n    ".join([f"class {node.name}", *sorted(set(members))])
        else:
            yield from ((name, name) for name in assigned(node))


def public_api() -> str:
    lines = []
    for module in sorted({*WHOLE, *PART}):
        tree = ast.parse(module_file(module).read_text(encoding="utf-8"))
        found = {name: form for name, form in forms(tree.body) if is_public(name)}
        if "__all__" in (names := dict(forms(tree.body))):
            (listed,) = (n.value for n in tree.body if assigned(n) == ["__all__"])
            found = {name: names.get(name, name) for name in ast.literal_eval(listed)}
        chosen = PART.get(module, found)
        lines += [".".join(filter(None, ("fitplugin", module)))]
        lines += [f"  {line}" for name in sorted(chosen) for line in found[name].split("\n")]
    return "\n".join(lines)


def test_the_public_names_are_these():
    assert public_api() == API.rstrip()


def test_what_the_package_exports_is_there():
    assert sorted(fitplugin.__all__) == fitplugin.__all__
    assert set(fitplugin.__all__) <= set(dir(fitplugin))
    for name in fitplugin.__all__:
        assert getattr(fitplugin, name).__doc__ or name == "__version__"
    with pytest.raises(AttributeError, match="has no attribute 'laod'"):
        fitplugin.laod  # noqa: B018


# tests that `fitplugin new plugin` writes are tests
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if not path.name.endswith("_tests.py"))


def undocumented(nodes: list[ast.stmt], place: str) -> Iterator[str]:
    """Public functions, classes and methods that lack a docstring or an annotation."""
    for node in nodes:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        where = f"{place}:{node.lineno} {node.name}"
        if not ast.get_docstring(node):
            yield f"{where} has no docstring"
        if isinstance(node, ast.ClassDef):
            yield from undocumented(node.body, place)
            continue
        asked = node.args
        every = [*asked.posonlyargs, *asked.args, *asked.kwonlyargs, asked.vararg, asked.kwarg]
        bare = [each.arg for each in every if each is not None and each.annotation is None]
        if missing := [name for name in bare if name not in ("self", "cls")]:
            yield f"{where} does not say what {', '.join(missing)} may be"
        if node.returns is None:
            yield f"{where} does not say what it returns"


def test_every_public_function_class_and_method_is_documented_and_annotated():
    lacking = [
        problem
        for path in MODULES
        for problem in undocumented(
            ast.parse(path.read_text(encoding="utf-8")).body, str(path.relative_to(PACKAGE))
        )
    ]
    assert not lacking, "\n".join(lacking)
