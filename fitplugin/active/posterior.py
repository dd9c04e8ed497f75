"""A goal: the posterior of counting regions over the box, by answers that change it most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat
from scipy.special import logsumexp

from fitplugin.active.goal import Learned, Metric, Picture, StopOptions
from fitplugin.active.regions import CountingRegion, needs_of
from fitplugin.arrays import FloatArray, IntArray
from fitplugin.options import Options
from fitplugin.stats.counts import Mode, log_marginal
from fitplugin.stats.weighted import effective_size
from fitplugin.surrogates import acquisition

_AFFORDABLE = 800  # candidates whose joint covariance is affordable
_LEAST = 1e-300
_LEVELS = (-3.0, -1.15)  # of ln L below its best: 95 and 68 % of two Gaussian parameters


class PosteriorOptions(Options):
    """Counting regions, and what else the likelihood of a scan needs."""

    regions: tuple[CountingRegion, ...] = Field(min_length=1)
    luminosity: PositiveFloat = Field(description="[1/fb]")
    signal_error: NonNegativeFloat = Field(
        0.1, description="Relative error of the expected signal, of the cross-section above all."
    )
    mode: Mode = Field("mean", description="Of the lognormal nuisances.")


class _Change(NamedTuple):
    """What the log-likelihood is, and how it moves with each target by its error."""

    log_likelihood: FloatArray
    """(n_points,), the errors of the targets included in that of the signal."""
    by_target: FloatArray
    """(n_points, n_targets), for one standard deviation."""
    std: FloatArray
    """(n_points, n_targets), of the targets."""

    @property
    def weights(self) -> FloatArray:
        """Posterior of the points under a flat prior, (n_points,), sum 1."""
        return np.asarray(np.exp(self.log_likelihood - logsumexp(self.log_likelihood)))

    @property
    def log_likelihood_std(self) -> FloatArray:
        """(n_points,), of all targets together."""
        return np.asarray(np.sqrt(np.square(self.by_target).sum(axis=1)))


class Posterior:
    """The posterior over the box under a flat prior: over the rows, where the oracle has a list.

    The logarithm of the cross-section and the roots of efficiencies are learned: counted events
    leave the same error in a root everywhere. Asked next are the points whose answers take most of
    the variance of ln L from the posterior, each counted as if it were there already.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("log_likelihood_std", "sd of ln L", "sd of $\\ln L$ in the posterior"),
        Metric("share", "share", "posterior share of the box"),
        Metric("test.log_likelihood_rms", "rms, test", "error of $\\ln L$, test points"),
    )
    choices: ClassVar[tuple[str, ...]] = ("posterior",)
    reached: ClassVar[str] = "the posterior is known: the stop test holds"

    def __init__(self, options: PosteriorOptions) -> None:
        self._options = options

    @property
    def names(self) -> tuple[str, ...]:
        """Targets that are learned."""
        regions = self._options.regions
        return ("log_cross_section", *(f"root_efficiency[{each.name}]" for each in regions))

    @property
    def needs(self) -> tuple[str, ...]:
        """Numbers that the oracle must answer."""
        return needs_of(self._options.regions)

    def targets(self, answers: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Targets, (n_points,) each, and ``NAME_error`` where there are errors."""
        found = {"log_cross_section": np.log(np.maximum(answers["cross_section"], _LEAST))}
        for region in self._options.regions:
            efficiency = np.maximum(answers[f"efficiency[{region.name}]"], 0.0)
            error = answers[f"efficiency_error[{region.name}]"]
            # no event seen: the error of a root as if it were one
            root = np.sqrt(np.maximum(efficiency, error))
            found[f"root_efficiency[{region.name}]"] = np.sqrt(efficiency)
            found[f"root_efficiency[{region.name}]_error"] = error / np.maximum(2.0 * root, _LEAST)
        return found

    def pick(
        self, kind: str, model: Learned, theta: FloatArray, cube: FloatArray, n: int
    ) -> IntArray:
        """Rows of the n candidates whose answers take most variance of ln L from the posterior."""
        change = self._change(*model.examine(theta))
        scores = acquisition.posterior_change(1.0, change.log_likelihood_std, change.weights)
        rows = acquisition.best(scores, _AFFORDABLE)
        covariance = np.stack([model.joint(theta[rows], name)[1] for name in self.names])
        slope = change.by_target[rows] / change.std[rows]
        weight = change.weights[rows, np.newaxis] * np.square(slope)
        noise = np.array([1e-2 * float(np.median(np.diagonal(each))) for each in covariance])
        return rows[acquisition.variance_elsewhere(weight.T, covariance, covariance, noise, n)]

    def judge(
        self,
        model: Learned,
        theta: FloatArray,
        test: FloatArray | None,
        truth: FloatArray | None,
    ) -> dict[str, Any]:
        """Metrics of a round, JSON-ready.

        Returns
        -------
        dict
            ``log_likelihood_std``, root mean square over the posterior of what the errors of the
            targets make of ln L; ``share``, effective share of the candidates in the posterior;
            ``test``: root mean square of the differences of ln L from the truth, over the true
            posterior of the test points and without their mean, which is no matter.
        """
        change = self._change(*model.examine(theta))
        spread = float(np.sqrt(change.weights @ np.square(change.log_likelihood_std)))
        share = effective_size(change.weights) / len(theta)
        found: dict[str, Any] = {"log_likelihood_std": spread, "share": float(share)}
        if test is not None and truth is not None and len(test):
            true = self._change(truth, np.zeros_like(truth))
            off = self._change(*model.examine(test)).log_likelihood - true.log_likelihood
            off = off - true.weights @ off
            rms = float(np.sqrt(true.weights @ np.square(off)))
            found["test"] = {"n": len(test), "log_likelihood_rms": rms}
        return found

    def is_reached(self, metrics: Mapping[str, Any], stop: StopOptions) -> bool:
        """Whether ln L is known well enough in the posterior."""
        return bool(metrics["log_likelihood_std"] <= stop.log_likelihood_std)

    def picture(self, model: Learned, theta: FloatArray) -> Picture:
        """What an answer may change as the shade, 68 and 95 % of the likelihood as lines."""
        change = self._change(*model.examine(theta))
        below = change.log_likelihood - change.log_likelihood.max()
        shade = np.exp(below) * change.log_likelihood_std
        label = "$L / L_\\mathrm{max} \\times$ sd of $\\ln L$"
        return Picture(shade, label, (("68 and 95 % of the likelihood", below, _LEVELS),))

    def log_likelihood(self, mean: FloatArray, std: FloatArray) -> FloatArray:
        """Log-likelihood at targets (n_points, n_targets) with their errors, (n_points,)."""
        options, total = self._options, np.zeros(len(mean))
        cross_section = np.exp(np.minimum(mean[:, 0], 300.0))
        for index, region in enumerate(options.regions, start=1):
            root = np.maximum(mean[:, index], 0.0)
            events = options.luminosity * cross_section
            n_signal = events * np.square(root)
            relative = np.hypot(options.signal_error, std[:, 0])
            error = np.hypot(n_signal * relative, 2.0 * events * root * std[:, index])
            total = total + log_marginal(
                region.n_observed, n_signal, error, region.background, region.background_error,
                mode=options.mode,
            )  # fmt: skip
        return np.asarray(total)

    def _change(self, mean: FloatArray, std: FloatArray) -> _Change:
        none = np.zeros_like(std)
        columns = []
        for index in range(mean.shape[1]):
            shift = np.zeros_like(mean)
            shift[:, index] = std[:, index]
            up, down = (self.log_likelihood(mean + s * shift, none) for s in (1.0, -1.0))
            columns.append(0.5 * np.abs(up - down))
        return _Change(
            self.log_likelihood(mean, std), np.stack(columns, axis=1), np.maximum(std, _LEAST)
        )
