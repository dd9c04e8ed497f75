"""Another likelihood in place of the scan's own, from wherever it is: for comparisons."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fitplugin import plugins
from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.errors import InputError
from fitplugin.physics.parameters import ParameterSpace
from fitplugin.runs.loading import load_scan
from fitplugin.samplers.contract import evaluation_of

_FORMS = "package.module:object, file.py:object or a scan file (.yaml)"
Ask = Callable[[FloatArray], tuple[FloatArray, BoolArray]]


class _Evaluation(NamedTuple):
    log_likelihood: FloatArray
    valid: BoolArray
    blobs: Mapping[str, FloatArray]


class Guest:
    """A problem with the prior of a scan and the likelihood of somebody else.

    Pickles as its reference; other processes find the likelihood again.

    Parameters
    ----------
    reference : str
        ``package.module:object``, ``file.py:object`` or a scan file. The object has
        ``evaluate(theta)`` or ``log_likelihood(theta)``, or is itself called with theta
        (n_points, n_dim) and returns (n_points,) natural logarithms, ``-inf`` where a point is
        refused; or it makes such an object when called without arguments.
    space : ParameterSpace
        The scan's.
    cache : str, optional
        Folder of trained models, for a scan file.
    allow_code : bool
        Run code that a scan file names. A reference to code is itself the word that it may run.

    Raises
    ------
    InputError
        If nothing is found there, or it has other parameters or another shape.
    """

    blob_names: tuple[str, ...] = ()

    def __init__(
        self,
        reference: str,
        space: ParameterSpace,
        cache: str | None = None,
        *,
        allow_code: bool = False,
    ) -> None:
        self._cache, self._allow_code = cache, allow_code
        self._space = space
        self.reference = reference
        self.names = tuple(space.names)
        found = _find(reference, cache, allow_code)
        _require_parameters(reference, found, self.names)
        self._ask = _ask_of(reference, found)
        self._try()

    def __reduce__(self) -> tuple[Any, ...]:
        ranges = tuple(self._space.ranges.items())
        return (_again, (self.reference, ranges, self._cache, self._allow_code))

    def prior_transform(self, unit_cube: FloatArray) -> FloatArray:
        """Map (n_points, n_dim) or (n_dim,) from the unit cube to theta, as the scan does."""
        return self._space.prior_transform(unit_cube)

    def evaluate(self, theta: FloatArray) -> _Evaluation:
        """Evaluate (n_points, n_dim) points."""
        return _Evaluation(*self._ask(theta), {})

    def _try(self) -> None:
        """Ask it two points near the middle of the box: what is wrong comes out before any work."""
        theta = self.prior_transform(np.array([[0.5], [0.51]]) * np.ones(len(self.names)))
        try:
            values, valid = self._ask(theta)
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                self.reference,
                f"raised {type(error).__name__}: {error} when called with theta of shape "
                f"{theta.shape}; it must take (n_points, n_dim) and return (n_points,)",
            ) from error
        if values.shape != (2,) or valid.shape != (2,):
            raise InputError(
                self.reference,
                f"gave shape {values.shape} for theta of shape {theta.shape}; it must give (2,), "
                "one natural logarithm per point",
            )
        if np.isnan(values[valid]).any():
            raise InputError(self.reference, "gave NaN in the middle of the box; give -inf instead")


@lru_cache(maxsize=4)
def _again(
    reference: str,
    ranges: tuple[tuple[str, tuple[float, float]], ...],
    cache: str | None,
    allow_code: bool,
) -> Guest:
    """Make the same problem in another process, once, however many tasks it is sent with."""
    return Guest(reference, ParameterSpace(dict(ranges), {}), cache, allow_code=allow_code)


@lru_cache(maxsize=4)
def _find(reference: str, cache: str | None, allow_code: bool) -> Any:
    """Return the object, once per process: a factory may be slow."""
    if Path(reference).suffix in (".yaml", ".yml"):
        return load_scan(reference, cache, allow_code=allow_code).joint
    if ":" not in reference:
        raise InputError(reference, f"is no likelihood; must be {_FORMS}")
    try:
        # no file has named it: it is what the user asked for
        found = plugins.load("fitplugin.likelihoods", reference, allow_code=True)
    except InputError as error:
        raise error.at(reference) from error
    if inspect.isclass(found) or (not _asks(found) and _takes_nothing(found)):
        try:
            return found()
        except TypeError as error:
            raise InputError(reference, f"cannot be made without arguments: {error}") from error
    return found


def _asks(found: Any) -> bool:
    return hasattr(found, "evaluate") or hasattr(found, "log_likelihood")


def _takes_nothing(found: Any) -> bool:
    try:
        inspect.signature(found).bind()
    except (TypeError, ValueError):
        return False
    return True


def _require_parameters(reference: str, found: Any, names: tuple[str, ...]) -> None:
    own = getattr(found, "names", None)
    if own is not None and tuple(own) != names:
        raise InputError(
            reference,
            f"has the parameters {', '.join(own)}; this scan has {', '.join(names)}, in this order",
        )


def _ask_of(reference: str, found: Any) -> Ask:
    if hasattr(found, "evaluate"):
        return lambda theta: _values(evaluation_of(found, theta))
    function = getattr(found, "log_likelihood", found)
    if not callable(function):
        raise InputError(
            reference,
            f"is a {type(found).__name__} without evaluate or log_likelihood, and cannot be called",
        )
    return lambda theta: _values(function(theta))


def _values(found: Any) -> tuple[FloatArray, BoolArray]:
    values = np.asarray(getattr(found, "log_likelihood", found), dtype=float)
    valid = np.asarray(getattr(found, "valid", ~np.isneginf(values)), dtype=bool)
    return np.where(valid, values, -np.inf) if values.shape == valid.shape else values, valid
