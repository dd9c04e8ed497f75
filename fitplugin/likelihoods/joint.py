"""The joint likelihood: the plugin object that every sampler asks."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fitplugin.arrays import BoolArray, FloatArray, as_points, scattered
from fitplugin.errors import FitpluginError, InputError, LikelihoodError, one_of
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
            If a term raises or gives NaN, +inf or anything but (n_points,) numbers, if a hard one
            gives anything but 0 and -inf, or if a valid point lacks a finite observable that a
            term reads: a bug, never repaired. Also if a surrogate extrapolates at a valid point and
            the scan says ``out_of_domain: error``.
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
        tried = points[exists]
        batch = self.compare(
            self.theory.observables(
                parameters[exists], lambda observed: self._is_allowed(observed, tried)
            ),
            tried,
        )
        if exists.all():
            return batch
        blobs = {name: scattered(batch.blobs[name], exists) for name in self.blob_names}
        blobs["reason"] = scattered(batch.blobs["reason"], exists, NO_SPECTRUM)
        valid = scattered(batch.valid, exists, False)
        return Batch(scattered(batch.log_likelihood, exists, -np.inf), valid, blobs)

    def compare(self, observed: Observables, theta: ArrayLike) -> Batch:
        """Compare observables with the data, wherever they come from: a simulation, say.

        Parameters
        ----------
        observed : Observables
            All names that `theory` gives, each (n_points,).
        theta : (n_points, n_dim) array
            Only to name the points in errors, which are those of `evaluate`.
        """
        readable = self._readable(observed, theta)
        valid, reason = self._constrained(observed, readable, theta)
        self._refuse_outside(readable, valid, theta)
        total = np.zeros(len(valid))
        for term in (*self.regions, *self.terms):
            readable[f"log_likelihood[{term.name}]"] = self._ask(term, readable, valid, theta)
        if self.regions:
            total = self._ask(self.combination, readable, valid, theta)
        for term in self.terms:
            total = total + readable[f"log_likelihood[{term.name}]"]
        blobs: dict[str, np.ndarray] = {name: readable[name] for name in self.blob_names}
        blobs["reason"] = reason
        return Batch(np.where(valid, total, -np.inf), valid, blobs)

    def log_terms(self, theta: ArrayLike) -> FloatArray:
        """Sum of the logs of all `terms` at valid points, (n_points,): no counts are compared."""
        parameters = self.space.complete(theta, self.theory.input_names)
        readable = self._readable(self.theory.observables(parameters), theta)
        valid = np.ones(len(parameters), dtype=bool)
        total = np.zeros(len(parameters))
        for term in self.terms:
            total = total + self._ask(term, readable, valid, theta)
        return total

    def log_likelihood(self, theta: ArrayLike) -> Any:
        """Natural log of the likelihood: a float for a vector, (n_points,) for a batch."""
        values = self.evaluate(theta).log_likelihood
        return float(values[0]) if np.ndim(theta) == 1 else values

    def is_valid(self, theta: ArrayLike) -> BoolArray:
        """Whether points belong to the prior: spectrum and constraints only, no yields."""
        points = as_points(theta, self.names)
        parameters = self.space.complete(points, self.theory.input_names)
        valid = self.theory.exists(parameters)
        if valid.any():
            tried = self.theory.production(parameters[valid])
            valid[valid] = self._is_allowed(tried, points[valid])
        return valid

    def _readable(self, observed: Observables, theta: ArrayLike) -> dict[str, FloatArray]:
        """What terms can read: parameters and observables; and where terms extrapolate too."""
        names = self.theory.input_names
        readable = dict(zip(names, self.space.complete(theta, names).T, strict=True))
        readable |= observed.values
        for term in self._with_domain:
            outside = term.outside(readable)
            readable[OUTSIDE] = np.maximum(readable[OUTSIDE], outside.astype(float))
        return readable

    def _refuse_outside(
        self, readable: Mapping[str, FloatArray], valid: BoolArray, theta: ArrayLike
    ) -> None:
        if self.theory.out_of_domain != "error":
            return
        bad = np.flatnonzero(valid & (readable[OUTSIDE] > 0))
        if len(bad):
            raise LikelihoodError(
                f"a surrogate extrapolates at {self._describe(theta, bad[0])}; train it there, "
                "narrow the scan, or choose out_of_domain: inflate or reject"
            )

    def _is_allowed(self, observed: Observables, theta: ArrayLike) -> BoolArray:
        return self._constrained(observed, self._readable(observed, theta), theta)[0]

    def _constrained(
        self, observed: Observables, readable: Mapping[str, FloatArray], theta: ArrayLike
    ) -> tuple[BoolArray, np.ndarray]:
        valid, reason = observed.valid.copy(), observed.reason.astype("<U40")
        for constraint in self.constraints:
            self._computable(constraint, readable, valid, theta)
            values = _values(constraint, readable, len(valid))
            refused = valid & np.isneginf(values)
            self._refuse_soft(constraint, values, valid & ~refused, theta)
            reason[refused] = constraint.name
            valid &= ~refused
        if self.theory.out_of_domain == "reject":
            refused = valid & (readable[OUTSIDE] > 0)
            reason[refused] = OUTSIDE
            valid &= ~refused
        return valid, reason

    def _ask(
        self,
        term: Term,
        readable: Mapping[str, FloatArray],
        valid: BoolArray,
        theta: ArrayLike,
    ) -> FloatArray:
        computable = self._computable(term, readable, valid, theta)
        values = np.full(len(computable), -np.inf)
        values[computable] = _values(
            term,
            {name: column[computable] for name, column in readable.items()},
            int(computable.sum()),
        )
        self._refuse_bugs(term, values, theta)
        return values

    def _computable(
        self,
        term: Term,
        readable: Mapping[str, FloatArray],
        valid: BoolArray,
        theta: ArrayLike,
    ) -> BoolArray:
        """Where a term can be asked; not being able to ask it of a valid point is a bug."""
        needed = np.array([readable[name] for name in term.needs]).reshape(-1, len(valid))
        computable = np.asarray(np.isfinite(needed).all(axis=0))
        bad = np.flatnonzero(valid & ~computable)
        if len(bad):
            name = term.needs[int(np.argmin(np.isfinite(needed[:, bad[0]])))]
            place = self._describe(theta, bad[0])
            raise LikelihoodError(f"{name} is {readable[name][bad[0]]} at the valid point {place}")
        return computable

    def _refuse_bugs(self, term: Term, values: FloatArray, theta: ArrayLike) -> None:
        bad = np.flatnonzero(np.isnan(values) | np.isposinf(values))
        if len(bad):
            place = self._describe(theta, bad[0])
            raise LikelihoodError(f"{term.name}: log-likelihood is {values[bad[0]]} at {place}")

    def _refuse_soft(
        self, constraint: Term, values: FloatArray, accepted: BoolArray, theta: ArrayLike
    ) -> None:
        # anything but 0 would be lost without a word: a hard constraint is no factor
        bad = np.flatnonzero(accepted & (values != 0.0))
        if len(bad):
            raise LikelihoodError(
                f"{constraint.name}: log-likelihood is {values[bad[0]]:g} at "
                f"{self._describe(theta, bad[0])}; a hard constraint gives 0 or -inf"
            )

    def _describe(self, theta: ArrayLike, row: int) -> str:
        point = np.atleast_2d(np.asarray(theta, dtype=float))[row].tolist()
        return ", ".join(f"{name}={x!r}" for name, x in zip(self.names, point, strict=True))


def _values(term: Term, readable: Mapping[str, FloatArray], n_points: int) -> FloatArray:
    """Ask a term, which may be another's code, and hold it to its form."""
    try:
        values = np.asarray(term.log_likelihood(readable))
    except FitpluginError:
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise LikelihoodError(
            f"{term.name} raised {type(error).__name__}: {error} "
            f"({place.filename}, line {place.lineno})"
        ) from error
    if values.shape != (n_points,) or values.dtype.kind not in "fiu":
        raise LikelihoodError(
            f"{term.name}: log_likelihood gives {values.dtype} of shape {values.shape}; "
            f"expected natural logarithms of shape ({n_points},)"
        )
    return values.astype(float, copy=False)
