"""Weighted samples that figures draw: posterior and constrained prior, of any stored column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.runs.directory import Run
from fitplugin.samplers.chain import Chain
from fitplugin.stats.weighted import effective_size

N_EFF_NEEDED = 10.0
"""Effective samples below which a figure would show noise."""
_N_EFF_PRIOR = 100.0


class Sample(NamedTuple):
    """Named columns, each (n_samples,), and their weights (n_samples,) >= 0."""

    columns: Mapping[str, FloatArray]
    weights: FloatArray


def posterior(run: Run) -> Sample:
    """Return the posterior of a run.

    Raises
    ------
    InputError
        If it has fewer than `N_EFF_NEEDED` effective samples.
    """
    found = Sample(run.posterior.columns, run.posterior.weights)
    n_eff = effective_size(found.weights)
    if not n_eff >= N_EFF_NEEDED:
        raise InputError(
            str(run.path),
            f"has {n_eff:.3g} effective samples; figures need {N_EFF_NEEDED:g}. "
            "Run the scan with more live points",
        )
    return found


def prior(run: Run) -> Sample | None:
    """Return the constrained prior of the parameters, if the run has stored it."""
    if not run.prior:
        return None
    columns = dict(run.prior)
    return Sample(columns, np.ones(len(next(iter(columns.values())))))


def prior_of_all(run: Run, nested: Chain | None) -> Sample | None:
    """Return the constrained prior of parameters and derived quantities, from the chain itself.

    Every sampler draws from the prior in its own way: the weight of a point in the prior is its
    posterior weight over its likelihood. ``nested`` are deaths and births, where the run has them:
    their prior weights are shells of volume, some 2 n_live draws together. None if the chain holds
    too little of the prior.
    """
    if nested is not None:
        columns: Mapping[str, FloatArray] = dict(
            zip(nested.names, nested.samples.T, strict=True)
        ) | dict(nested.blobs)
        log_weight = nested.log_weight - nested.log_likelihood
    elif run.summary["sampler"] == "prior":
        return Sample(run.posterior.columns, run.posterior.weights)
    else:
        if not (run.posterior.weights > 0.0).all():
            return None  # points of low likelihood are lost, and the bulk of the prior with them
        columns = run.posterior.columns
        log_weight = np.log(run.posterior.weights) - run.posterior.log_likelihood
    weights = np.exp(log_weight - log_weight.max())
    return Sample(columns, weights) if effective_size(weights) >= _N_EFF_PRIOR else None
