"""Which parameter points to simulate next, so that the posterior of a run becomes more certain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.errors import InputError
from fitplugin.studies.trust.claimed_errors import Reevaluated


class Suggestion(NamedTuple):
    """Points worth simulating, the most useful first.

    Attributes
    ----------
    points : mapping of str to (n_points,) array
        All parameters of the theory, in its order and units, then the predicted masses [GeV].
    share : (n_points,) array
        What each stands for, of the posterior's uncertainty that the surrogates make; all of
        them together: one.
    """

    points: Mapping[str, FloatArray]
    share: FloatArray

    @property
    def columns(self) -> dict[str, FloatArray]:
        """Columns of a table for people and spectrum programs."""
        return {**self.points, "share": self.share}


def suggest(reevaluated: Reevaluated, n_points: int, seed: int = 0) -> Suggestion:
    """Choose the draws from the posterior whose simulation would help it most.

    The surrogates' error leaves the weight w of every draw uncertain by its relative standard
    deviation c (`Reevaluated.scatter`, all regions in quadrature). To first order and for
    independent draws that gives ln Z the variance sum (w c)^2 and the posterior mean of a parameter
    the variance sum (w c (x - mean))^2. Each draw counts with the sum of both, in units of the
    posterior's own standard deviations. Errors of neighbouring draws are not independent:
    one simulation mends them together, so that the draws are divided into ``n_points`` groups in
    the parameters (k-means with those weights), and the draw nearest to the centre of each group
    is chosen.

    Parameters
    ----------
    reevaluated : Reevaluated
    n_points : int
    seed : int

    Raises
    ------
    InputError
        If there are fewer draws than points asked for, no regions, or no errors of surrogates.
    """
    theta = reevaluated.draws.theta
    if not 1 <= n_points <= len(theta):
        raise InputError(
            "suggest", f"must be from 1 to {len(theta)}, the draws from the posterior, "
            f"not {n_points}",
        )  # fmt: skip
    if not reevaluated.scatter:
        raise InputError(
            str(reevaluated.run.path),
            "has no counting regions, whose efficiencies points would improve",
        )
    standard = (theta - theta.mean(axis=0)) / theta.std(axis=0)
    uncertainty = sum(np.square(values) for values in reevaluated.scatter.values()) * (
        1.0 + np.square(standard).sum(axis=1)
    )
    if not uncertainty.sum() > 0:
        raise InputError(
            str(reevaluated.run.path), "its surrogates claim no error: nothing to simulate"
        )
    rows, share = _representatives(standard, uncertainty, n_points, seed)
    joint, blobs = reevaluated.joint, reevaluated.batches[1.0].blobs
    names = joint.theory.input_names
    parameters = joint.space.complete(theta[rows], names)
    masses = {
        name: values[rows]
        for name, values in blobs.items()
        if name.startswith("m_") and not name.endswith("_error")
    }
    return Suggestion({**dict(zip(names, parameters.T, strict=True)), **masses}, share)


def _representatives(
    points: FloatArray, weights: FloatArray, n_groups: int, seed: int
) -> tuple[IntArray, FloatArray]:
    """Divide weighted points into groups; return the row nearest to the centre of each, and share.

    Those with the largest share come first.
    """
    from sklearn.cluster import KMeans

    means = KMeans(n_groups, n_init=4, random_state=seed).fit(points, sample_weight=weights)
    distance = np.square(points - means.cluster_centers_[means.labels_]).sum(axis=1)
    rows, shares = [], []
    for group in range(n_groups):
        members = np.flatnonzero(means.labels_ == group)
        if len(members):
            rows.append(members[np.argmin(distance[members])])
            shares.append(weights[members].sum() / weights.sum())
    order = np.argsort(shares)[::-1]
    return np.array(rows)[order], np.array(shares)[order]
