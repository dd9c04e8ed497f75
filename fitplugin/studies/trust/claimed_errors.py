"""How far the posterior of a run depends on the errors that its surrogates claim."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtri
from tqdm import tqdm

from fitplugin.arrays import FloatArray
from fitplugin.likelihoods.base import Term
from fitplugin.likelihoods.joint import Batch, JointLikelihood
from fitplugin.runs.directory import Run
from fitplugin.runs.resolved import config_of
from fitplugin.studies.finished import Draws, draw, reopen, require_same
from fitplugin.studies.trust.reweighting import Reweighted, reweight

FACTORS = (0.0, 1.0, 2.0)
_N_DRAWS = 4000
_N_NODES = 16
_NEGLIGIBLE, _SMALL = 0.1, 0.3  # shifts of a mean, in standard deviations
_MUCH_OUTSIDE = 0.05


class Scaled(NamedTuple):
    """The posterior with all errors of the surrogates multiplied by a factor."""

    factor: float
    posterior: Reweighted


class RegionTrust(NamedTuple):
    """The error of a region's expected signal, and what it does to the likelihood.

    Attributes
    ----------
    relative_error : float
        Posterior median of error over signal: cross-section and surrogates.
    surrogate_relative_error, surrogate_relative_error95 : float
        The surrogates' part of it: posterior median and 95 % quantile.
    likelihood_scatter : float
        Posterior mean of the relative standard deviation of the region's likelihood when its
        signal varies by the surrogates' error: how far the weight of a point is not known.
    """

    relative_error: float
    surrogate_relative_error: float
    surrogate_relative_error95: float
    likelihood_scatter: float


class Trust(NamedTuple):
    """How far a posterior depends on its surrogates.

    Attributes
    ----------
    n_points : int
        Posterior draws that were evaluated again.
    scales : tuple of Scaled
        Without the surrogates' errors, with them, and with twice as large ones.
    regions : mapping of str to RegionTrust
    mass_errors : mapping of str to float
        Posterior mean of the error of each predicted mass [GeV].
    extrapolated_fraction : float
        Share of the posterior where a surrogate extrapolates.
    unresolved_fraction : float
        Share of the posterior where the surrogates' error of some region's signal exceeds half
        of the signal.
    """

    n_points: int
    scales: tuple[Scaled, ...]
    regions: Mapping[str, RegionTrust]
    mass_errors: Mapping[str, float]
    extrapolated_fraction: float
    unresolved_fraction: float

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        shifts = [
            (abs(scaled.posterior.largest_shift[1]), scaled.posterior.largest_shift[0], scaled)
            for scaled in self.scales
            if scaled.factor != 1
        ]
        shift, name, scaled = max(shifts, key=lambda entry: entry[0])
        depends = (
            "does not depend"
            if shift < _NEGLIGIBLE
            else "depends a little"
            if shift < _SMALL
            else "DEPENDS"
        )
        text = (
            f"the posterior {depends} on the errors of the surrogates: with {scaled.factor:g} "
            f"times their errors the mean of {name} moves by {shift:.2f} of its standard "
            "deviation, and no other mean by more"
        )
        if self.extrapolated_fraction > _MUCH_OUTSIDE:
            text += (
                f"; {self.extrapolated_fraction:.0%} of it lies where they EXTRAPOLATE: train there"
            )
        return text

    def to_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "n_points": self.n_points,
            "scales": [
                {"factor": scaled.factor, **scaled.posterior.to_dict()} for scaled in self.scales
            ],
            "regions": {name: region._asdict() for name, region in self.regions.items()},
            "masses": {name: {"error": error} for name, error in self.mass_errors.items()},
            "extrapolated_fraction": self.extrapolated_fraction,
            "unresolved_fraction": self.unresolved_fraction,
            "verdict": self.verdict,
        }


class Reevaluated(NamedTuple):
    """Draws from the posterior of a run, evaluated again with and without surrogate errors."""

    run: Run
    joint: JointLikelihood
    draws: Draws
    batches: Mapping[float, Batch]
    """By factor on the surrogates' errors; there are at least 0 and 1."""

    @property
    def scatter(self) -> dict[str, FloatArray]:
        """Relative standard deviation of each region's likelihood over the surrogates' error.

        (n_draws,) for every region. The signal takes `_N_NODES` equally probable values of a
        lognormal with the surrogates' error; its other errors stay in proportion to it.
        """
        return {region.name: self._scatter(region) for region in self.joint.regions}

    def _scatter(self, region: Term) -> FloatArray:
        signal_name, error_name = region.needs
        signal, others = (self.batches[0.0].blobs[name] for name in region.needs)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.nan_to_num(self.surrogate_error(region.name) / signal)
            k_squared = np.log1p(np.square(relative))
        nodes = np.asarray(ndtri((np.arange(_N_NODES) + 0.5) / _N_NODES))[:, np.newaxis]
        factor = np.exp(np.sqrt(k_squared) * nodes - 0.5 * k_squared)
        values = region.log_likelihood(
            {signal_name: (factor * signal).ravel(), error_name: (factor * others).ravel()}
        ).reshape(factor.shape)
        likelihood = np.exp(values - values.max(axis=0))
        scatter: FloatArray = likelihood.std(axis=0) / likelihood.mean(axis=0)
        return scatter

    def surrogate_error(self, region: str) -> FloatArray:
        """The surrogates' part of the error of a region's expected signal [events], (n_draws,)."""
        error = {f: batch.blobs[f"n_signal_error[{region}]"] for f, batch in self.batches.items()}
        own: FloatArray = np.sqrt(np.maximum(np.square(error[1.0]) - np.square(error[0.0]), 0.0))
        return own


def reevaluate(
    run: Run,
    cache: Path | None = None,
    n_draws: int = _N_DRAWS,
    seed: int = 0,
    *,
    allow_code: bool = False,
) -> Reevaluated:
    """Evaluate draws from the posterior of a run again, with 0, 1 and 2 times the errors.

    Parameters
    ----------
    run : Run
    cache : path, optional
        Folder of trained models.
    n_draws : int
        At most; the effective size of the posterior is the other limit.
    seed : int
    allow_code : bool
        Run code that the scan of the run names.

    Raises
    ------
    InputError
        If the run was made with other models, data or code than are there, or holds a single
        sample.
    """
    draws = draw(run, n_draws, seed)
    as_run = config_of(run, allow_code=allow_code).surrogate_error
    joint = reopen(run, cache, allow_code=allow_code).joint
    batches = {}
    for factor in tqdm(FACTORS, desc="surrogate errors", disable=None, leave=False):
        # the run may itself have been made with another factor than one
        scaled = (
            joint if factor == as_run else reopen(run, cache, factor, allow_code=allow_code).joint
        )
        batches[factor] = scaled.evaluate(draws.theta)
        if factor == as_run:
            require_same(run, draws, batches[factor].log_likelihood)
    return Reevaluated(run, joint, draws, batches)


def assess(reevaluated: Reevaluated) -> Trust:
    """Say how far a posterior depends on the errors of its surrogates."""
    run, draws, batches = reevaluated.run, reevaluated.draws, reevaluated.batches
    scales = tuple(
        Scaled(
            factor,
            reweight(tuple(run.ranges), draws.theta, batch.log_likelihood - draws.log_likelihood),
        )
        for factor, batch in batches.items()
    )
    blobs = batches[1.0].blobs
    regions, unresolved = {}, np.zeros(len(draws.rows), dtype=bool)
    for name, scatter in reevaluated.scatter.items():
        signal = blobs[f"n_signal[{name}]"]
        own = reevaluated.surrogate_error(name)
        unresolved |= own > 0.5 * signal
        there = signal > 0
        with_all = blobs[f"n_signal_error[{name}]"][there] / signal[there]
        relative = own[there] / signal[there]
        regions[name] = RegionTrust(
            _quantile(with_all, 0.5), _quantile(relative, 0.5), _quantile(relative, 0.95),
            float(scatter.mean()),
        )  # fmt: skip
    mass_errors = {
        name.removesuffix("_error"): float(values.mean())
        for name, values in blobs.items()
        if name.startswith("m_") and name.endswith("_error")
    }
    outside = run.summary["out_of_domain"]["posterior_fraction"]
    return Trust(len(draws.rows), scales, regions, mass_errors, outside, float(unresolved.mean()))


def _quantile(values: FloatArray, probability: float) -> float:
    return float(np.quantile(values, probability)) if len(values) else 0.0
