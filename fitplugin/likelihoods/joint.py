"""The joint likelihood: the plugin object that every sampler asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fitplugin.arrays import BoolArray, FloatArray, as_points, scattered
from fitplugin.errors import InputError, LikelihoodError, one_of
from fitplugin.likelihoods.asking import Readable, log_likelihood_of, refused_by
from fitplugin.likelihoods.base import Term
from fitplugin.physics.parameters import ParameterSpace
from fitplugin.physics.theory import NO_SPECTRUM, OUTSIDE, Observables, Theory


class Batch(NamedTuple):
    """The evaluation of a batch of points.

    Attributes
    ----------
    log_likelihood : (n_points,) array
        Natural log, constants kept; -inf where ``valid`` is False.
    valid : (n_points,) array of bool
        False where there is no spectrum or a hard constraint fails.
    blobs : mapping of str to (n_points,) array
        Observables, ``log_likelihood[REGION]``, and ``reason``: why a point is not valid.
    """

    log_likelihood: FloatArray
    valid: BoolArray
    blobs: Mapping[str, np.ndarray]


class Recipe(NamedTuple):
    """How to build the same likelihood again in another process: a function, its arguments.

    ``digest`` covers surrogates, data, priors and evaluation code.
    """

    rebuild: Callable[..., JointLikelihood]
    arguments: tuple[Any, ...]
    digest: str


class JointLikelihood:
    """theta -> all terms -> (log_likelihood, valid, blobs).

    Deterministic in theta, immutable, and pickled as its recipe, never as arrays.

    Parameters
    ----------
    space : ParameterSpace
    theory : Theory
    regions : sequence of Term
        Each gives the blob ``log_likelihood[REGION]``.
    combination : Term
        Makes one number of the regions; reads their observables and blobs; unused without any.
    terms : sequence of Term
        Further factors; their logs add. One that has ``outside(observables)`` says where it
        extrapolates, (n_points,).
    constraints : sequence of Term
        Hard ones define the prior together with the existence of a spectrum.
    recipe : Recipe

    Raises
    ------
    InputError
        If a term reads an observable that the theory does not give, or two have one name.
    """

    def __init__(
        self,
        space: ParameterSpace,
        theory: Theory,
        regions: Sequence[Term],
        combination: Term,
        terms: Sequence[Term],
        constraints: Sequence[Term],
        recipe: Recipe,
    ) -> None:
        self.space = space
        self.theory = theory
        self.regions = tuple(regions)
        self.combination = combination
        self.terms = tuple(terms)
        self.constraints = tuple(constraints)
        self._recipe = recipe
        known = (*theory.input_names, *theory.observable_names)
        factors = [term.name for term in (*self.regions, *self.terms)]
        for name in factors:
            if factors.count(name) > 1:
                raise InputError(name, "names two factors of the likelihood; rename or merge them")
        for term in (*self.regions, combination, *self.terms, *self.constraints):
            for name in term.needs:
                if name not in known:
                    raise InputError(term.name, one_of(name, known, "an observable of this scan"))
        self._with_domain = tuple(term for term in self.terms if hasattr(term, "outside"))

    def __reduce__(self) -> tuple[Any, ...]:
        return (self._recipe.rebuild, self._recipe.arguments)

    @property
    def names(self) -> tuple[str, ...]:
        """The scanned parameters, in the order of theta's columns."""
        return self.space.names

    @property
    def n_dim(self) -> int:
        """Number of scanned parameters."""
        return self.space.n_dim

    @property
    def blob_names(self) -> tuple[str, ...]:
        """Names of the numeric blobs, in a fixed order."""
        return (
            *self.theory.observable_names,
            *(f"log_likelihood[{t.name}]" for t in (*self.regions, *self.terms)),
        )

    def digest(self) -> str:
        """SHA-256 over surrogates, data, priors and evaluation code."""
        return self._recipe.digest

    def prior_transform(self, unit_cube: ArrayLike) -> FloatArray:
        """Map (n_points, n_dim) or (n_dim,) from the unit cube to theta, same shape."""
        return self.space.prior_transform(unit_cube)

    def evaluate(self, theta: ArrayLike) -> Batch:
        """Evaluate (n_points, n_dim) parameter points.

        Raises
        ------
        InputError
            If theta has another width or is not finite.
        LikelihoodError
            If a term breaks its contract: see `asking`. Also if a surrogate extrapolates at a valid
            point and the scan says ``out_of_domain: error``.
        """
        parameters = self.space.complete(theta, self.theory.input_names)
        return self.compare(self.theory.observables(parameters), theta)

    def evaluate_valid(self, theta: ArrayLike) -> Batch:
        """As `evaluate`, for readers of valid points only, such as samplers.

        Where a point is not valid, nothing more is computed once that is known, and blobs that
        nobody needed to know it are NaN.
        """
        points = as_points(theta, self.names)
        parameters = self.space.complete(points, self.theory.input_names)
        exists = self.theory.exists(parameters)
        if not exists.any():
            nowhere = np.full(len(points), np.nan)
            blobs: dict[str, np.ndarray] = dict.fromkeys(self.blob_names, nowhere)
            blobs["reason"] = np.full(len(points), NO_SPECTRUM)
            return Batch(np.full(len(points), -np.inf), exists, blobs)
        batch = self._evaluate_existing(parameters[exists], points[exists])
        if exists.all():
            return batch
        blobs = {name: scattered(batch.blobs[name], exists) for name in self.blob_names}
        blobs["reason"] = scattered(batch.blobs["reason"], exists, NO_SPECTRUM)
        valid = scattered(batch.valid, exists, False)
        return Batch(scattered(batch.log_likelihood, exists, -np.inf), valid, blobs)

    def _evaluate_existing(self, parameters: FloatArray, theta: FloatArray) -> Batch:
        produced = self.theory.produce(parameters)
        wanted = None
        if not self.theory.yields_decide:
            wanted = self._is_allowed(self.theory.before_yields(produced), theta)
        return self.compare(self.theory.with_yields(produced, wanted), theta)

    def is_valid(self, theta: ArrayLike) -> BoolArray:
        """Whether points belong to the prior: spectrum and constraints only, no yields."""
        points = as_points(theta, self.names)
        parameters = self.space.complete(points, self.theory.input_names)
        valid = self.theory.exists(parameters)
        if valid.any():
            produced = self.theory.produce(parameters[valid])
            valid[valid] = self._is_allowed(self.theory.before_yields(produced), points[valid])
        return valid

    def compare(self, observed: Observables, theta: ArrayLike) -> Batch:
        """Compare observables with the data, wherever they come from: a simulation, say.

        Parameters
        ----------
        observed : Observables
            All names that `theory` gives, each (n_points,).
        theta : (n_points, n_dim) array

        Raises
        ------
        LikelihoodError
            As `evaluate`.
        """
        readable = self._readable(observed, theta)
        valid, reason = self._constrained(observed, readable)
        self._refuse_outside(readable, valid)
        total = np.zeros(len(valid))
        for term in (*self.regions, *self.terms):
            values = log_likelihood_of(term, readable, valid)
            readable.columns[f"log_likelihood[{term.name}]"] = values
        if self.regions:
            total = log_likelihood_of(self.combination, readable, valid)
        for term in self.terms:
            total = total + readable.columns[f"log_likelihood[{term.name}]"]
        blobs: dict[str, np.ndarray] = {name: readable.columns[name] for name in self.blob_names}
        blobs["reason"] = reason
        return Batch(np.where(valid, total, -np.inf), valid, blobs)

    def log_terms(self, theta: ArrayLike) -> FloatArray:
        """Sum of the logs of all `terms` at valid points, (n_points,): no counts are compared."""
        parameters = self.space.complete(theta, self.theory.input_names)
        readable = self._readable(self.theory.observables(parameters), theta)
        valid = np.ones(len(parameters), dtype=bool)
        total = np.zeros(len(parameters))
        for term in self.terms:
            total = total + log_likelihood_of(term, readable, valid)
        return total

    def log_likelihood(self, theta: ArrayLike) -> Any:
        """Natural log of the likelihood: a float for a vector, (n_points,) for a batch."""
        values = self.evaluate(theta).log_likelihood
        return float(values[0]) if np.ndim(theta) == 1 else values

    def _readable(self, observed: Observables, theta: ArrayLike) -> Readable:
        """What terms can read: parameters and observables; and where terms extrapolate too."""
        names = self.theory.input_names
        columns = dict(zip(names, self.space.complete(theta, names).T, strict=True))
        columns |= observed.values
        for term in self._with_domain:
            outside = term.outside(columns)
            columns[OUTSIDE] = np.maximum(columns[OUTSIDE], outside.astype(float))
        return Readable(columns, np.atleast_2d(np.asarray(theta, dtype=float)), self.names)

    def _is_allowed(self, observed: Observables, theta: FloatArray) -> BoolArray:
        return self._constrained(observed, self._readable(observed, theta))[0]

    def _constrained(
        self, observed: Observables, readable: Readable
    ) -> tuple[BoolArray, np.ndarray]:
        """Whether points belong to the prior, and the reason where they do not."""
        valid, reason = observed.valid.copy(), observed.reason.astype("<U40")
        for constraint in self.constraints:
            refused = refused_by(constraint, readable, valid)
            reason[refused] = constraint.name
            valid &= ~refused
        if self.theory.out_of_domain == "reject":
            refused = valid & (readable.columns[OUTSIDE] > 0)
            reason[refused] = OUTSIDE
            valid &= ~refused
        return valid, reason

    def _refuse_outside(self, readable: Readable, valid: BoolArray) -> None:
        if self.theory.out_of_domain != "error":
            return
        bad = np.flatnonzero(valid & (readable.columns[OUTSIDE] > 0))
        if len(bad):
            raise LikelihoodError(
                f"a surrogate extrapolates at {readable.point(bad[0])}; train it there, narrow the "
                "scan, or choose out_of_domain: inflate or reject"
            )
