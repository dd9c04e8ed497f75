"""bilby: the joint likelihood and its priors, for ``bilby.run_sampler``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import fitplugin
from fitplugin.adapters.base import INSTALL, joint_of, symbol_of
from fitplugin.extras import require
from fitplugin.likelihoods.joint import JointLikelihood

# so low that no sampler sees it, and far from where numbers end
_WALL = -1e100


def as_bilby(
    scan: str | Path | JointLikelihood,
    cache: str | Path | None = None,
    finite: bool = False,
    *,
    allow_code: bool = False,
) -> tuple[Any, Any]:
    """Return ``(likelihood, priors)`` for ``bilby.run_sampler(likelihood, priors, ...)``.

    Parameters
    ----------
    scan : path or JointLikelihood
    cache : path, optional
        Folder of trained models; default: the user's cache.
    finite : bool
        Give points that are not valid very low likelihoods, different from each other, in place
        of ``-inf``. For nestle and UltraNest, see the notes; not for Markov chains.
    allow_code : bool
        Run code that the scan file names.

    Returns
    -------
    likelihood : bilby.Likelihood
        Its ``joint`` is the joint likelihood; its ``meta_data`` hold the digest, so that bilby
        takes no cached result of another likelihood for that of this one.
    priors : bilby.core.prior.PriorDict
        One ``Uniform`` per scanned parameter, with its LaTeX and unit.

    Raises
    ------
    MissingExtraError
        If bilby is not installed.

    Notes
    -----
    Points that are not valid have the log-likelihood ``-inf``, and bilby's samplers differ in
    what they make of it. Its dynesty draws starting points again until their likelihood is
    finite, and MultiNest leaves the others out: both give the evidence over the valid prior.
    nestle and bilby's UltraNest start anywhere in the box and mistake many points of one
    likelihood for a smaller or larger volume: their posteriors are right, their evidences are
    not. With ``finite=True`` they give that over the whole box (as does dynesty then).
    """
    bilby = require("bilby", "the bilby adapter", INSTALL)
    joint = joint_of(scan, cache, allow_code=allow_code)
    priors = bilby.core.prior.PriorDict(
        {
            name: bilby.core.prior.Uniform(
                low, high, name=name, latex_label=f"${symbol.latex}$", unit=symbol.unit or None
            )
            for name, (low, high) in zip(joint.names, joint.space.box.tolist(), strict=True)
            for symbol in [symbol_of(name, joint.space.symbols)]
        }
    )
    return _likelihood(joint, finite), priors


def with_blobs(samples: Any, likelihood: Any, priors: Any = None) -> Any:
    """Add the blobs to a bilby posterior: a ``conversion_function`` for ``run_sampler``.

    Parameters
    ----------
    samples : DataFrame, or dict of str to float
        With an entry for every scanned parameter.
    likelihood : bilby.Likelihood
        From `as_bilby`.
    priors : PriorDict
        Part of bilby's convention; not read.
    """
    joint: JointLikelihood = likelihood.joint
    columns = [np.asarray(samples[name], dtype=float) for name in joint.names]
    blobs = joint.evaluate(np.stack(columns, axis=-1)).blobs
    full = samples.copy()
    for name in joint.blob_names:
        full[name] = blobs[name] if columns[0].ndim else float(blobs[name][0])
    return full


def _likelihood(joint: JointLikelihood, finite: bool) -> Any:
    return _likelihood_class()(joint, finite)


def _wall(joint: JointLikelihood, theta: list[float]) -> float:
    """Slope down from the middle of the box: a plateau would have no order of deaths."""
    low, high = joint.space.box.T
    return _WALL * (1.0 + float(np.square((theta - low) / (high - low) - 0.5).mean()))


@cache
def _likelihood_class() -> type:
    """Make the class once: its base comes from an optional library."""
    bilby = require("bilby", "the bilby adapter", INSTALL)

    class BilbyLikelihood(bilby.Likelihood):  # type: ignore[misc, name-defined]
        """The joint likelihood as a bilby likelihood."""

        def __init__(self, joint: JointLikelihood, finite: bool) -> None:
            super().__init__()
            self.joint = joint
            self.finite = finite
            self.meta_data = {
                "fitplugin": fitplugin.__version__,
                "digest": joint.digest(),
                "finite": finite,
            }

        def __reduce__(self) -> tuple[Any, ...]:
            return _likelihood, (self.joint, self.finite)

        def log_likelihood(self, parameters: Mapping[str, float] | None = None) -> float:
            """Natural log of the likelihood; no likelihood where the point is not valid.

            Parameters are looked up by name: the order of a dictionary says nothing. Without
            them, the attribute ``parameters`` is read, as bilby did before version 3.
            """
            values = self.parameters if parameters is None else parameters
            theta = [float(values[name]) for name in self.joint.names]
            log_likelihood = float(self.joint.log_likelihood(theta))
            if self.finite and log_likelihood == -np.inf:
                return _wall(self.joint, theta)
            return log_likelihood

    return BilbyLikelihood
