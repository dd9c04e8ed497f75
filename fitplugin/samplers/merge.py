"""Merge independent nested-sampling runs of one problem, and see whether they agree."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.evidence import Evidence, ValidFraction
from fitplugin.stats.nested import nested_weights
from fitplugin.stats.weighted import effective_size


def merge(chains: Sequence[Chain]) -> Chain:
    """Put the points of independent runs together: as good as one run with all their live points.

    The points are not concatenated as posterior samples but merged as deaths and births, so that
    each run counts by its live points at every likelihood (arXiv:1704.03459, sec. 3).

    Returns
    -------
    Chain
        ``details`` holds ``n_runs`` and, for two runs or more, two-sided p-values of their
        agreement: ``runs_log_z_p`` of their evidences, and ``runs_means_p``, the smallest over the
        parameters' posterior means, corrected for their number.

    Raises
    ------
    InputError
        If the runs have other parameters or blobs, no births, or points in common.
    """
    first = chains[0]
    for chain in chains:
        if (chain.names, tuple(chain.blobs)) != (first.names, tuple(first.blobs)):
            raise InputError("merge", "the runs have different parameters or blobs")
        if chain.log_birth is None:
            raise InputError(
                "merge", f"{chain.sampler} records no births, without which runs cannot be merged"
            )
    _refuse_the_same(chains)
    log_likelihood = np.concatenate([chain.log_likelihood for chain in chains])
    order = np.argsort(log_likelihood, kind="stable")
    log_birth = np.concatenate([chain.log_birth for chain in chains])[order]
    weights = nested_weights(log_likelihood[order], log_birth)
    sizes = [chain.n_live for chain in chains]
    fraction = ValidFraction.pooled([chain.evidence.fraction for chain in chains], sizes)
    return Chain(
        names=first.names,
        samples=np.concatenate([chain.samples for chain in chains])[order],
        log_likelihood=log_likelihood[order],
        log_weight=weights.log_weight,
        log_birth=log_birth,
        blobs={
            name: np.concatenate([chain.blobs[name] for chain in chains])[order]
            for name in first.blobs
        },
        evidence=Evidence(weights.log_z, weights.log_z_error, False, fraction),
        n_like=sum(chain.n_like for chain in chains),
        n_live=sum(sizes),
        sampler=first.sampler,
        details={"n_runs": float(len(chains)), **_agreement(chains)},
    )


def _refuse_the_same(chains: Sequence[Chain]) -> None:
    """Refuse runs of one seed: together they are no better than one of them, and look it."""
    for index, chain in enumerate(chains):
        for other in chains[:index]:
            if _have_points_in_common(chain.samples, other.samples):
                raise InputError(
                    "merge", "two of the runs have points in common; give each its own seed or "
                    "--member"
                )  # fmt: skip


def _have_points_in_common(samples: FloatArray, others: FloatArray) -> bool:
    return not set(map(bytes, samples)).isdisjoint(map(bytes, others))


def _agreement(chains: Sequence[Chain]) -> dict[str, float]:
    if len(chains) < 2:
        return {}
    log_z = np.array([chain.evidence.log_z for chain in chains])
    errors = np.array([chain.evidence.log_z_error for chain in chains])
    means = np.array([chain.weights @ chain.samples for chain in chains])
    variances = np.array(
        [chain.weights @ np.square(chain.samples - mean) / effective_size(chain.weights)
         for chain, mean in zip(chains, means, strict=True)]
    )  # fmt: skip
    by_parameter = [
        _p_value(column, np.sqrt(variance))
        for column, variance in zip(means.T, variances.T, strict=True)
    ]
    smallest = min(by_parameter)
    return {
        "runs_log_z_p": _p_value(log_z, errors),
        "runs_means_p": -math.expm1(len(by_parameter) * math.log1p(-min(smallest, 1 - 1e-12))),
    }


def _p_value(values: FloatArray, errors: FloatArray) -> float:
    """Return how often independent measurements of one number differ by more than these."""
    if not (errors > 0).all():
        return 1.0 if np.ptp(values) == 0.0 else 0.0
    weights = 1.0 / np.square(errors)
    mean = weights @ values / weights.sum()
    chi2 = np.square((values - mean) / errors).sum()
    return float(stats.chi2.sf(chi2, len(values) - 1))
