"""Plain callables for samplers called by hand: the arguments that each of them wants.

dynesty and nautilus need nothing from here: ``joint.log_likelihood`` and ``joint.prior_transform``
are what they ask for. The others differ in small ways that are easy to get wrong.

No prior density is inside the likelihood: samplers with a prior transform get it from there, and
`emcee` adds that of the box. The evidence over the whole box counts points that are not valid as
zero likelihood; over the valid prior, it leaves them out (see each function).
"""

from __future__ import annotations

import ctypes
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from fitplugin.adapters.base import chosen_blobs
from fitplugin.arrays import FloatArray
from fitplugin.likelihoods.joint import JointLikelihood
from fitplugin.pools.serial import SerialPool
from fitplugin.samplers.prior import Validity, sample_prior

_ULTRANEST_FLOOR = -1e100
# MultiNest leaves out points at or below log_zero
_MULTINEST_LOG_ZERO = -1e90
_MULTINEST_INVALID = -1e100


def ultranest(joint: JointLikelihood) -> dict[str, Any]:
    """Arguments for ``ultranest.ReactiveNestedSampler(**ultranest(joint))``, vectorised.

    UltraNest refuses ``-inf``, so points that are not valid get a finite floor; its evidence is
    that over the whole box. Blobs are not stored: evaluate the result's points once more.
    """
    return {
        "param_names": list(joint.names),
        "loglike": _Floored(joint),
        "transform": joint.prior_transform,
        "vectorized": True,
    }


def pymultinest(joint: JointLikelihood, blobs: Sequence[str] = ()) -> dict[str, Any]:
    """Arguments for ``pymultinest.run(**pymultinest(joint))``; blobs are extra parameters.

    An exception in the likelihood ends the process with a traceback and exit status 1. Python
    cannot raise it through MultiNest's compiled code, and MultiNest would go on with whatever is
    in memory as the likelihood. The ``multinest`` sampler of a scan file survives this: it runs
    MultiNest in a process of its own.

    Points that are not valid are below ``log_zero``: MultiNest leaves them out, and its evidence
    is that over the valid prior.
    """
    functions = _MultiNest(joint, chosen_blobs(joint, blobs))
    return {
        "LogLikelihood": functions.log_likelihood,
        "Prior": functions.prior,
        "n_dims": joint.n_dim,
        "n_params": joint.n_dim + len(functions.blobs),
        "log_zero": _MULTINEST_LOG_ZERO,
    }


def emcee(joint: JointLikelihood, blobs: Sequence[str] = ()) -> dict[str, Any]:
    """Arguments for ``emcee.EnsembleSampler(n_walkers, **emcee(joint))``, vectorised.

    Start the walkers at `valid_points`: those at a point that is not valid move at random.
    """
    wanted = chosen_blobs(joint, blobs)
    dtype = [(name, float) for name in wanted] if wanted else None
    return {
        "ndim": joint.n_dim,
        "log_prob_fn": LogProbability(joint, wanted),
        "vectorize": True,
        "blobs_dtype": dtype,
    }


def valid_points(joint: JointLikelihood, n_points: int, seed: int) -> FloatArray:
    """Draw (n_points, n_dim) points of the valid prior, where chains can start.

    Raises
    ------
    InputError
        If no point of the prior is valid.
    """
    drawn = sample_prior(Validity(joint), n_points, SerialPool(), np.random.SeedSequence(seed))
    return drawn.samples


class LogProbability:
    """Log of prior density times likelihood: ``-inf`` outside the box or where not valid.

    The density is that of the box. Over the valid prior it is larger by the same factor
    everywhere, which no chain can see.

    Parameters
    ----------
    joint : JointLikelihood
    blobs : sequence of str
        Returned behind the log-probability; NaN outside the box.
    """

    def __init__(self, joint: JointLikelihood, blobs: Sequence[str] = ()) -> None:
        self.joint = joint
        self.blobs = chosen_blobs(joint, blobs)
        self._low, self._high = joint.space.box.T
        self._log_density = -float(np.log(self._high - self._low).sum())

    def __call__(self, theta: FloatArray) -> Any:
        """Return a float for a vector, (n_points,) for a batch.

        With blobs: (1 + n_blobs,) or (n_points, 1 + n_blobs), the log-probability first.
        """
        points = np.atleast_2d(np.asarray(theta, dtype=float))
        values = np.full((len(points), 1 + len(self.blobs)), np.nan)
        values[:, 0] = -np.inf
        inside = ((points >= self._low) & (points <= self._high)).all(axis=1)
        if inside.any():
            batch = self.joint.evaluate(points[inside])
            values[inside, 0] = self._log_density + batch.log_likelihood
            for column, name in enumerate(self.blobs, start=1):
                values[inside, column] = batch.blobs[name]
        if np.ndim(theta) == 1:
            return values[0] if self.blobs else float(values[0, 0])
        return values if self.blobs else values[:, 0]


class _Floored:
    """The log-likelihood of a batch, with a finite number where a point is not valid."""

    def __init__(self, joint: JointLikelihood) -> None:
        self._joint = joint

    def __call__(self, theta: FloatArray) -> FloatArray:
        values = self._joint.evaluate(theta).log_likelihood
        return np.where(np.isneginf(values), _ULTRANEST_FLOOR, values)


class _MultiNest:
    """The two functions that MultiNest calls, with memory of its own as their argument."""

    def __init__(self, joint: JointLikelihood, blobs: Sequence[str]) -> None:
        self._joint = joint
        self.blobs = tuple(blobs)

    def prior(self, cube: Any, n_dim: int, n_params: int) -> None:
        """Replace the unit cube by theta, in place."""
        try:
            values = _array(cube, n_params)
            values[:n_dim] = self._joint.prior_transform(values[:n_dim].copy())
        except BaseException:
            _end_process()

    def log_likelihood(self, cube: Any, n_dim: int, n_params: int) -> float:
        """Return the log-likelihood at theta, and write the blobs behind it."""
        try:
            values = _array(cube, n_params)
            batch = self._joint.evaluate(values[np.newaxis, :n_dim].copy())
            values[n_dim:] = [batch.blobs[name][0] for name in self.blobs]
            return float(batch.log_likelihood[0]) if batch.valid[0] else _MULTINEST_INVALID
        except BaseException:
            _end_process()


def _array(cube: Any, n_params: int) -> FloatArray:
    """View MultiNest's memory as an array; an array, as in a test by hand, is taken as it is."""
    if isinstance(cube, np.ndarray):
        return cube
    return np.ctypeslib.as_array(ctypes.cast(cube, ctypes.POINTER(ctypes.c_double)), (n_params,))


def _end_process() -> NoReturn:
    """Print the traceback and end the process: returning would resume MultiNest."""
    try:
        traceback.print_exc()
        print("The likelihood failed inside MultiNest; the process ends here.", file=sys.stderr)
        sys.stderr.flush()
    finally:
        os._exit(1)
