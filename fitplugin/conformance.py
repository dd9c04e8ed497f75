"""What every plugin must do, to be called from the tests of the package that it comes from.

Each check raises an `AssertionError` that names the law which is broken. Built-in plugins are held
to the same ones.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.random import SeedSequence
from numpy.typing import ArrayLike

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.errors import InputError
from fitplugin.likelihoods.base import require_term
from fitplugin.pools.serial import SerialPool
from fitplugin.samplers.chain import Chain
from fitplugin.surrogates import Dataset, load, save


def check_term(plugin: Any, options: Any, observables: Mapping[str, ArrayLike]) -> None:
    """Hold a likelihood to its contract, `fitplugin.likelihoods.base.Term`.

    Parameters
    ----------
    plugin : class
    options : object
        What it is made of.
    observables : mapping of str to (n_points,) array
        What it reads, at valid points, two or more.
    """
    _values_of_term(plugin(options), observables)


def check_constraint(plugin: Any, options: Any, observables: Mapping[str, ArrayLike]) -> None:
    """Hold a constraint to its contract, `fitplugin.likelihoods.base.Constraint`.

    Parameters are those of `check_term`; a hard one must accept some of the points and not all.
    """
    constraint = plugin(options)
    require_term(constraint, is_constraint=True)
    values = _values_of_term(constraint, observables)
    if constraint.is_hard:
        _hold(np.isin(values, (0.0, -np.inf)).all(), "a hard constraint gives 0 or -inf")
        accepted = int(np.isfinite(values).sum())
        _hold(
            0 < accepted < len(values),
            f"some of these points are accepted, some refused: {accepted} of {len(values)} are",
        )
    else:
        _hold(np.isfinite(values).all(), "a constraint that is not hard refuses no point")


def _values_of_term(term: Any, observables: Mapping[str, ArrayLike]) -> FloatArray:
    require_term(term)
    _hold(isinstance(term.name, str) and term.name, "name is a text, not empty")
    missing = sorted(set(term.needs) - set(observables))
    _hold(not missing, f"it reads what it is given: {', '.join(missing)} is not among it")
    # what it does not say that it needs is not there
    read = {name: np.asarray(observables[name], dtype=float) for name in term.needs}
    n_points = len(np.asarray(next(iter(observables.values()))))
    values = np.asarray(term.log_likelihood(read))
    _hold(
        values.shape == (n_points,) and values.dtype.kind in "fiu",
        f"log_likelihood gives ({n_points},) numbers, not {values.dtype} of shape {values.shape}",
    )
    _hold(not np.isnan(values).any(), "log_likelihood is never NaN")
    _hold(not np.isposinf(values).any(), "log_likelihood is never +inf")
    for row in range(n_points):
        alone = term.log_likelihood({name: column[row : row + 1] for name, column in read.items()})
        _hold(_close(alone, values[row : row + 1]), "a point does not depend on its batch")
    return values.astype(float)


def smooth_dataset() -> Dataset:
    """Two smooth functions of two inputs with a little noise, 400 points: something to learn."""
    rng = np.random.default_rng(7)
    inputs = rng.uniform([-2.0, 0.0], [2.0, 5.0], (400, 2))
    targets = np.stack([np.sin(inputs[:, 0]) + 0.3 * inputs[:, 1], np.abs(inputs[:, 0])], axis=1)
    targets += 0.02 * rng.standard_normal(targets.shape)
    ranges = np.array([[-2.0, 2.0], [0.0, 5.0]])
    return Dataset(inputs, targets, ("x", "y"), ("wave", "kink"), ranges)


def check_surrogate(plugin: Any, options: Any, dataset: Dataset | None = None) -> None:
    """Hold a surrogate to its contract, `fitplugin.surrogates.base.Surrogate`.

    Parameters
    ----------
    plugin : class
    options : object
        An options model: it is stored with the surrogate.
    dataset : Dataset, optional
        What it learns, twice; default: `smooth_dataset`.
    """
    data = smooth_dataset() if dataset is None else dataset
    fitted, again = (plugin(options).fit(data, np.random.default_rng(0)) for _ in range(2))
    _hold(tuple(fitted.input_names) == data.input_names, "input_names are those of the dataset")
    _hold(tuple(fitted.target_names) == data.target_names, "target_names are those of the dataset")
    _hold(np.array_equal(fitted.ranges, data.ranges), "ranges are those of the dataset")
    theta = np.random.default_rng(8).random((50, len(data.input_names)))
    theta = data.ranges[:, 0] + theta * np.diff(data.ranges).T
    mean, std = fitted.predict(theta)
    shape = (len(theta), len(data.target_names))
    _hold(mean.shape == std.shape == shape, f"mean and error are (n_points, n_targets), {shape}")
    _hold(np.isfinite(mean).all(), "means are finite")
    _hold((std > 0.0).all() and np.isfinite(std).all(), "errors are positive and finite")
    for row in range(5):
        alone = fitted.predict(theta[row])
        _hold(
            _close(alone[0], mean[row : row + 1]) and _close(alone[1], std[row : row + 1]),
            "a point does not depend on its batch, which may be a single vector",
        )
    _hold(np.array_equal(again.predict(theta)[0], mean), "the same generator, the same model")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        save(fitted, "checked", options.model_dump(mode="json"), path)
        stored = load(path, plugin=plugin).predict(theta)
    _hold(np.array_equal(stored.std, std), "a stored model predicts the same")
    repeated = data.take(np.append(np.arange(data.n_points), 17))
    try:
        plugin(options).fit(repeated, np.random.default_rng(0))
    except InputError:
        return
    _hold(False, "fit refuses a repeated point (Surrogate.check does)")


class _Evaluated(NamedTuple):
    log_likelihood: FloatArray
    valid: BoolArray
    blobs: Mapping[str, FloatArray]


@dataclass(frozen=True)
class HalfGaussian:
    """A normalised Gaussian in a box, valid where x > 1 only: a `Problem` with a known evidence."""

    names: tuple[str, ...] = ("x", "y")
    blob_names: tuple[str, ...] = ("sum",)
    mean: tuple[float, float] = (1.0, -0.5)
    """Where it would be without the cut."""
    half_width: float = 10.0
    log_z_box: float = -2.0 * math.log(20.0) - math.log(2.0)

    def prior_transform(self, unit_cube: FloatArray) -> FloatArray:
        """Map the unit cube to the box, (n_points, n_dim) or (n_dim,)."""
        return self.half_width * (2.0 * np.asarray(unit_cube) - 1.0)

    def evaluate(self, theta: FloatArray) -> _Evaluated:
        """Evaluate (n_points, 2) points."""
        log_density = -0.5 * np.square(theta - np.array(self.mean)).sum(axis=1)
        log_density -= math.log(2.0 * math.pi)
        valid = theta[:, 0] > self.mean[0]
        values = np.where(valid, log_density, -np.inf)
        return _Evaluated(values, valid, {"sum": theta.sum(axis=1)})


def check_sampler(plugin: Any, options: Any, *, is_posterior: bool = True) -> Chain:
    """Hold a sampler to its contract, `fitplugin.samplers.base.Sampler`, and return its chain.

    It samples `HalfGaussian`, twice.

    Parameters
    ----------
    plugin : class
    options : object
        Enough for an error of ln Z well below 1.
    is_posterior : bool
        Whether the chain is the posterior; that of `prior` is not.
    """
    problem = HalfGaussian()
    chain, again = (_sampled(plugin, options, problem) for _ in range(2))
    n = len(chain.log_likelihood)
    _hold(tuple(chain.names) == problem.names, "names are those of the problem")
    _hold(chain.samples.shape == (n, 2), "samples are (n_samples, n_dim)")
    _hold(chain.log_weight.shape == (n,), "there is a weight for each sample")
    _hold(abs(chain.weights.sum() - 1.0) < 1e-9, "weights add up to 1")
    _hold(list(chain.blobs) == list(problem.blob_names), "blobs are those of the problem")
    expected = problem.evaluate(chain.samples)
    _hold(expected.valid.all(), "samples are valid points")
    # chains may have been text, which keeps fewer digits
    _hold(
        _close(chain.log_likelihood, expected.log_likelihood, 1e-9),
        "log_likelihood is that of the samples",
    )
    _hold(_close(chain.blobs["sum"], expected.blobs["sum"], 1e-9), "blobs are those of the samples")
    _hold(chain.n_like >= n - chain.n_live, "n_like counts every evaluation")
    evidence = chain.evidence
    fraction, error = evidence.fraction
    _hold(abs(fraction - 0.45) < 5.0 * error, "the valid fraction is measured, with its error")
    off = evidence.log_z_box - problem.log_z_box
    _hold(
        abs(off) < 5.0 * evidence.log_z_box_error,
        f"ln Z is right within its error: it is off by {off:.3f} +- {evidence.log_z_box_error:.3f}",
    )
    if is_posterior:
        # a standard normal above its mean, and another
        mean = chain.weights @ chain.samples
        exact = np.add(problem.mean, (math.sqrt(2.0 / math.pi), 0.0))
        n_eff = 1.0 / np.square(chain.weights).sum()
        _hold((np.abs(mean - exact) < 5.0 / math.sqrt(n_eff)).all(), "means are the posterior's")
    _hold(np.array_equal(again.samples, chain.samples), "the same seed, the same chain")
    return chain


def _sampled(plugin: Any, options: Any, problem: HalfGaussian) -> Chain:
    sampler = plugin()
    sampler.require(options, len(problem.names))
    with tempfile.TemporaryDirectory() as folder:
        chain: Chain = sampler.run(
            problem, options, SerialPool(), SeedSequence(4), Path(folder), lambda record: None
        )
    _hold(isinstance(chain, Chain), "run returns a fitplugin.samplers.chain.Chain")
    return chain


def _close(values: ArrayLike, others: ArrayLike, tolerance: float = 1e-12) -> bool:
    return np.shape(values) == np.shape(others) and np.allclose(values, others, tolerance, 1e-14)


def _hold(kept: Any, law: str) -> None:
    if not kept:
        raise AssertionError(law)
