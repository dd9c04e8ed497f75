"""UltraNest's reactive nested sampler, on roots that are all valid."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.random import SeedSequence
from pydantic import BaseModel, Field

from fitplugin.arrays import FloatArray
from fitplugin.errors import MissingExtraError
from fitplugin.options import Options
from fitplugin.pools.base import Pool
from fitplugin.samplers.base import (
    Problem,
    Progress,
    ProgressCallback,
    require_enough_live_points,
)
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.evaluation import named_blobs
from fitplugin.samplers.evidence import Evidence
from fitplugin.samplers.remembered import Remembered
from fitplugin.samplers.ultranest_isolation import OneProcess, isolated, named_errors
from fitplugin.stats.nested import nested_weights

if TYPE_CHECKING:
    from fitplugin.samplers.ultranest_roots import Roots

# UltraNest wants finite numbers. No point with this one ever lives: all roots are above it.
_FLOOR = -1e300


class UltraNestOptions(Options):
    """Options of the sampler `ultranest`."""

    n_live: int = Field(default=400, gt=0)
    """Live points at least; UltraNest adds more where it needs them. At least twice the number of
    parameters; UltraNest raises fewer than 32/log_z_error to that."""
    tolerance: float = Field(default=0.01, gt=0.0)
    """Stop when the live points could add no more than this to ln Z."""
    log_z_error: float = Field(default=0.5, gt=0.0)
    """Add live points until ln Z has no larger error than this."""
    n_eff: int = Field(default=400, ge=0)
    """Add live points until there are as many effective samples."""
    n_live_per_cluster: int = Field(default=40, gt=0)
    """Live points in every cluster, at least; never more than ``n_live``."""
    n_batch: int = Field(default=256, gt=0)
    """Points proposed at a time, at least; a multiple of the number of workers, and of the points
    they are given at a time."""
    max_calls: int | None = Field(default=None, gt=0)
    """Stop after about this many likelihood calls, converged or not."""


class UltraNest:
    """Reactive nested sampling in regions around the live points (MLFriends) with UltraNest."""

    Options: ClassVar[type[BaseModel]] = UltraNestOptions

    citations: ClassVar[tuple[str, ...]] = (
        "J. Buchner, UltraNest - a robust, general purpose Bayesian inference engine, "
        "JOSS 6 (2021) 3001, arXiv:2101.09604",
        "J. Buchner, A statistical test for nested sampling algorithms (RadFriends), "
        "Stat. Comput. 26 (2016) 383, arXiv:1407.5459",
        "J. Buchner, Collaborative nested sampling: big data versus complex physical models "
        "(MLFriends), PASP 131 (2019) 108005, arXiv:1707.04476",
        "J. Skilling, Nested sampling for general Bayesian computation, "
        "Bayesian Analysis 1 (2006) 833, doi:10.1214/06-BA127",
    )

    def require(self, options: UltraNestOptions, n_dim: int) -> None:
        """Refuse too few live points, and say what to install if UltraNest is missing."""
        require_enough_live_points(options.n_live, n_dim)
        if importlib.util.find_spec("ultranest") is None:
            raise MissingExtraError(
                "the sampler ultranest", "ultranest", "pip install 'fitplugin[ultranest]'"
            )

    def run(
        self,
        problem: Problem,
        options: UltraNestOptions,
        pool: Pool,
        seed: SeedSequence,
        directory: Path,
        progress: ProgressCallback,
    ) -> Chain:
        """Sample ``problem``; nothing is written to ``directory``.

        ``details`` holds UltraNest's own ``ultranest_log_z_error``, the largest by which a
        bootstrap exceeds ln Z: a bound, while the error in ``evidence`` is a standard error.

        Raises
        ------
        MissingExtraError
            If UltraNest is not installed.
        InputError
            If there are too few live points, or almost none of the prior is valid.
        LikelihoodError
            If the likelihood breaks its contract; names theta.
        FitpluginError
            If UltraNest gives up.
        """
        self.require(options, len(problem.names))
        from fitplugin.samplers.ultranest_roots import Roots

        root_seed, other_seed = seed.generate_state(2, np.uint64)
        remembered = Remembered(problem, pool)
        roots = Roots(
            problem,
            pool,
            np.random.default_rng(root_seed),
            remembered,
            options.n_live,
            lambda n_like: progress(Progress.of_search(n_like)),
        )
        roots.fill()
        with isolated(int(other_seed)), named_errors():
            sampler = _new_sampler(problem, options, remembered, roots)
            _iterate(sampler, options, remembered, roots, progress)
        chain = _chain(problem, options, sampler, remembered, roots)
        log_z, remaining = chain.evidence.log_z_box, _remaining(chain)
        progress(Progress(len(chain.samples), chain.n_like, log_z, remaining))
        return chain


def _new_sampler(
    problem: Problem, options: UltraNestOptions, remembered: Remembered, roots: Roots
) -> Any:
    from ultranest import ReactiveNestedSampler

    sampler = ReactiveNestedSampler(
        list(problem.names),
        lambda unit_cube: np.maximum(remembered(unit_cube), _FLOOR),
        vectorized=True,
        num_test_samples=0,
        ndraw_min=options.n_batch,
        ndraw_max=max(options.n_batch, 65536),
        comm=OneProcess(),
    )
    # UltraNest asks its store of points from an earlier run before it draws roots itself
    sampler.pointstore = roots
    sampler.log_to_pointstore = True
    return sampler


def _iterate(
    sampler: Any,
    options: UltraNestOptions,
    remembered: Remembered,
    roots: Roots,
    progress: ProgressCallback,
) -> None:
    def report(info: dict[str, Any], **other: Any) -> None:
        # before the first death UltraNest knows no evidence
        remaining = np.logaddexp(0.0, info["logz_remain"] - info["logz"])
        log_z = float(info["logz"]) + math.log(roots.fraction.value)
        n_like = roots.n_like + remembered.n_like
        progress(Progress(int(info["it"]), n_like, log_z, float(remaining)))

    max_calls = options.max_calls and max(1, options.max_calls - roots.n_like)
    sampler.run(
        dlogz=options.log_z_error,
        # a share of Z
        frac_remain=-math.expm1(-options.tolerance),
        min_ess=options.n_eff,
        min_num_live_points=options.n_live,
        cluster_num_live_points=min(options.n_live_per_cluster, options.n_live),
        max_ncalls=max_calls,
        show_status=False,
        viz_callback=report,
        # Otherwise the size of batches is adapted when a tenth of a second has passed, and the
        # points depend on the speed of the machine.
        log_interval=1,
    )


def _remaining(chain: Chain) -> float:
    """Return ln(Z_total/Z_found) before the deaths of the points that were not replaced."""
    assert chain.log_birth is not None
    if np.ptp(chain.log_likelihood) == 0.0:
        return 0.0
    is_last = chain.log_likelihood > chain.log_birth.max()
    return float(np.log(chain.weights.sum()) - np.log(chain.weights[~is_last].sum()))


def _chain(
    problem: Problem,
    options: UltraNestOptions,
    sampler: Any,
    remembered: Remembered,
    roots: Roots,
) -> Chain:
    results = sampler.results
    unit_cube: FloatArray = np.asarray(results["weighted_samples"]["upoints"], dtype=float)
    found = remembered.find(unit_cube)
    births = _births(sampler)
    log_birth = np.array([births[row.tobytes()] for row in unit_cube])
    weights = nested_weights(found.log_likelihood, log_birth)
    n_like = roots.n_like + remembered.n_like
    stopped_early = options.max_calls is not None and n_like >= options.max_calls
    return Chain(
        names=tuple(problem.names),
        samples=found.theta,
        log_likelihood=found.log_likelihood,
        log_weight=weights.log_weight,
        log_birth=log_birth,
        blobs=named_blobs(found.blob_values, problem.blob_names),
        evidence=Evidence(
            log_measured=float(results["logz"]),
            log_measured_error=weights.log_z_error,
            over_box=False,
            fraction=roots.fraction,
        ),
        n_like=n_like,
        n_live=len(sampler.root.children),
        sampler="ultranest",
        details={
            "converged": float(not stopped_early),
            "n_eff": float(results["ess"]),
            "ultranest_log_z_error": float(results["logzerr"]),
        },
    )


def _births(sampler: Any) -> dict[bytes, float]:
    """Return the contour within which each point was drawn: the likelihood of its parent."""
    births: dict[bytes, float] = {}
    parents = [sampler.root]
    while parents:
        parent = parents.pop()
        for child in parent.children:
            births[sampler.pointpile.getu(child.id).tobytes()] = float(parent.value)
        parents.extend(parent.children)
    return births
