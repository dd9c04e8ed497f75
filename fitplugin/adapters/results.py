"""Finished runs in the containers of other tools: arviz and dynesty.

anesthetic and getdist read the files of a run directory as they are.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np

from fitplugin.adapters.base import INSTALL
from fitplugin.arrays import FloatArray, IntArray
from fitplugin.extras import require
from fitplugin.runs.directory import Run, read_chain
from fitplugin.stats.nested import nested_weights
from fitplugin.stats.weighted import equal_weight_rows


def to_arviz(run: Run, seed: int = 0) -> Any:
    """Return equal-weight draws as arviz's container.

    The groups are ``posterior`` (parameters, then blobs), ``sample_stats`` (``lp``, the
    log-likelihood) and, if the run has one, ``prior``. There is one chain; its draws are
    independent up to repeated rows and in random order, so that diagnostics of Markov chains have
    nothing to find. Their number is the effective sample size. The attributes of the posterior
    hold the evidence.

    Parameters
    ----------
    run : Run
        From `fitplugin.runs.directory.read_run`.
    seed : int
        Of the draw.

    Returns
    -------
    arviz.InferenceData, or xarray.DataTree with arviz 1

    Raises
    ------
    MissingExtraError
        If arviz is not installed.
    """
    arviz = require("arviz", "converting a run to arviz", INSTALL)
    posterior = run.posterior
    rng = np.random.default_rng(seed)
    rows = rng.permutation(equal_weight_rows(posterior.weights, rng))
    groups = {
        "posterior": {name: values[np.newaxis, rows] for name, values in posterior.columns.items()},
        "sample_stats": {"lp": posterior.log_likelihood[np.newaxis, rows]},
    }
    if run.prior:
        groups["prior"] = {name: values[np.newaxis] for name, values in run.prior.items()}
    known = ("sampler", "log_z", "log_z_error", "log_z_box", "log_z_box_error", "valid_fraction")
    attributes = {name: run.summary[name] for name in known if name in run.summary}
    attributes["digest"] = run.manifest["digest"]
    if int(arviz.__version__.split(".")[0]) >= 1:
        return arviz.from_dict(groups, attrs={"posterior": attributes})
    return arviz.from_dict(**groups, posterior_attrs=attributes)


def to_dynesty(run: Run) -> Any:
    """Return deaths and births as a ``dynesty.results.Results``, for dynesty's functions and plots.

    The run is that of a dynamic sampler in dynesty's words: the number of live points may vary.
    ``logz`` is over the valid prior, as are births. Likelihood calls are spread evenly, because
    the run does not say which point took how many. Blobs are a structured array.

    Parameters
    ----------
    run : Run
        From `fitplugin.runs.directory.read_run`.

    Raises
    ------
    InputError
        If the sampler records no births.
    """
    from dynesty.results import Results
    from dynesty.utils import compute_integrals

    chain = read_chain(run)
    assert chain.log_birth is not None  # what read_chain promises
    log_l = chain.log_likelihood
    nested = nested_weights(log_l, chain.log_birth)
    log_weight = nested.log_weight + nested.log_z
    # mean volumes, dynesty's convention: finite to the end, as its functions need them
    log_volume = -np.cumsum(np.log1p(1.0 / nested.n_live))
    *_, variance, information = compute_integrals(logl=log_l, logvol=log_volume)
    error = np.sqrt(np.maximum(variance, 0.0))
    low, high = np.array([run.ranges[name] for name in chain.names]).T
    strands = _strands(log_l, chain.log_birth)
    n_points = len(log_l)
    blobs = np.empty(n_points, dtype=[(name, float) for name in chain.blobs])
    for name, values in chain.blobs.items():
        blobs[name] = values
    return Results(
        {
            "samples": chain.samples,
            "samples_u": np.clip((chain.samples - low) / (high - low), 0.0, 1.0),
            "samples_id": strands.strand,
            "samples_it": np.searchsorted(log_l, chain.log_birth, side="right"),
            "samples_n": nested.n_live,
            "samples_batch": strands.batch,
            "batch_logl_bounds": np.column_stack(
                [strands.batch_birth, np.full(len(strands.batch_birth), np.inf)]
            ),
            "niter": n_points,
            "ncall": np.diff(np.linspace(0, chain.n_like, n_points + 1).astype(int)),
            "eff": 100.0 * n_points / chain.n_like,
            "logl": log_l,
            "logvol": log_volume,
            "logwt": log_weight,
            "logz": np.logaddexp.accumulate(log_weight),
            # dynesty's running error, scaled so that it ends at that of the run
            "logzerr": error * (chain.evidence.log_z_error / error[-1]),
            "information": information,
            "blob": blobs,
        }
    )


class _Strands(NamedTuple):
    """Runs of one live point each, of which a nested-sampling run is made."""

    strand: IntArray
    """(n_points,) which strand a point belongs to."""
    batch: IntArray
    """(n_points,) which of the contours below its strand started at."""
    batch_birth: FloatArray
    """Contours at which strands start; the first is ``-inf``, the prior."""


def _strands(log_likelihood: FloatArray, log_birth: FloatArray) -> _Strands:
    """Follow every live point from death to the birth that replaced it.

    A point born on a contour continues a strand that ended there. Where more were born than ended,
    as in a run whose live points grow in number, a strand starts on that contour.
    """
    contours = {-np.inf: 0}
    batch_of: list[int] = []
    ended: dict[float, list[int]] = defaultdict(list)
    index = np.empty(len(log_likelihood), dtype=int)
    for point, (death, birth) in enumerate(zip(log_likelihood, log_birth, strict=True)):
        if ended[birth]:
            strand = ended[birth].pop()
        else:
            strand = len(batch_of)
            batch_of.append(contours.setdefault(birth, len(contours)))
        ended[death].append(strand)
        index[point] = strand
    return _Strands(index, np.array(batch_of)[index], np.array(list(contours)))
