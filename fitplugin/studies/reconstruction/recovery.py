"""The reconstruction of a benchmark from its own mock counts, compared with the truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.likelihoods.joint import JointLikelihood
from fitplugin.physics.symbols import plain
from fitplugin.runs.config import ScanConfig
from fitplugin.runs.directory import Run
from fitplugin.runs.resolved import config_of
from fitplugin.runs.summary import symbols_of
from fitplugin.stats.counts import significance
from fitplugin.stats.information import Information, information
from fitplugin.stats.weighted import quantile, summarise
from fitplugin.studies.finished import reopen
from fitplugin.studies.reconstruction.statements import Statement, statements_of

_LEAST_PRIOR = 1000  # points


class RegionRecovery(NamedTuple):
    """Counts of a region: the benchmark's, and what the posterior makes of them, in events.

    ``significance`` is that of the mock counts against the background alone, sqrt(q), in the
    region's own convention of the errors.
    """

    background: float
    background_error: float
    n_signal: float
    n_signal_error: float
    n_observed: float
    significance: float
    posterior_n_signal: tuple[float, float]
    """Mean and standard deviation."""


class Recovery(NamedTuple):
    """A parameter: recovered interval against truth.

    ``pull`` is (mean - truth) / std. Where the regions cannot see the sign, ``is_absolute``, and
    all numbers are of the absolute value.
    """

    truth: float
    mean: float
    std: float
    interval68: tuple[float, float]
    interval95: tuple[float, float]
    in68: bool
    in95: bool
    pull: float
    lower95: float
    """95 % of the posterior is above."""
    is_absolute: bool
    information: Information


class Reconstruction(NamedTuple):
    """A benchmark, its mock, and what a scan recovers of it."""

    benchmark: Mapping[str, float]
    counts: str
    """``asimov`` or ``poisson``."""
    regions: Mapping[str, RegionRecovery]
    parameters: Mapping[str, Recovery]
    statements: tuple[Statement, ...]
    log_z: float
    log_z_error: float
    n_like: int
    n_eff: float
    wall_time_s: float

    def to_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            **self._asdict(),
            "benchmark": dict(self.benchmark),
            "regions": {name: region._asdict() for name, region in self.regions.items()},
            "parameters": {
                name: {**p._asdict(), "information": p.information._asdict()}
                for name, p in self.parameters.items()
            },
            "statements": [statement._asdict() for statement in self.statements],
        }


def require_mock(config: ScanConfig, where: str) -> None:
    """Refuse a scan that has no truth to compare with.

    Raises
    ------
    InputError
        If its counts are observed ones, or it draws no prior sample.
    """
    if config.mock is None:
        raise InputError(
            f"{where}: mock",
            "is missing: a reconstruction starts from a benchmark, such as "
            "'mock: {benchmark: natural_susy}' in the place of 'observed'",
        )
    if config.prior_sample < _LEAST_PRIOR:
        raise InputError(
            f"{where}: prior_sample",
            f"is {config.prior_sample}; a reconstruction compares with {_LEAST_PRIOR} prior "
            "points at least",
        )


def compare(run: Run, cache: Path | None = None, *, allow_code: bool = False) -> Reconstruction:
    """Compare a run of mock counts with its benchmark.

    Raises
    ------
    InputError
        If the run is of observed counts or has no prior sample, or its models are gone.
    """
    config = config_of(run, allow_code=allow_code)
    require_mock(config, str(run.path))
    assert config.mock is not None
    benchmark = config.mock.point
    parameters = {name: _recovery(run, name, benchmark[name]) for name in run.summary["parameters"]}
    summary = run.summary
    return Reconstruction(
        benchmark,
        config.mock.counts,
        _regions(run, config, reopen(run, cache, allow_code=allow_code).joint),
        parameters,
        statements_of(config, run, {name: p.information for name, p in parameters.items()}),
        summary["log_z"],
        summary["log_z_error"],
        summary["n_like"],
        summary["n_eff"],
        summary["wall_time_s"],
    )


def _recovery(run: Run, name: str, truth: float) -> Recovery:
    is_absolute = not symbols_of(run.summary).get(name, plain(name)).has_sign
    values, weights, prior = run.posterior.columns[name], run.posterior.weights, run.prior[name]
    if is_absolute:
        values, prior, truth = np.abs(values), np.abs(prior), abs(truth)
    found = summarise(values, weights)
    return Recovery(
        truth,
        found.mean,
        found.std,
        found.interval68,
        found.interval95,
        _within(truth, found.interval68),
        _within(truth, found.interval95),
        (found.mean - truth) / found.std,
        float(quantile(values, weights, [0.05])[0]),
        is_absolute,
        information(values, weights, prior),
    )


def _regions(run: Run, config: ScanConfig, joint: JointLikelihood) -> dict[str, RegionRecovery]:
    assert config.mock is not None
    theory, point = joint.theory, config.mock.point
    at_benchmark = theory.observables(np.array([[point[name] for name in theory.input_names]]))
    found = {}
    for region in config.regions:
        signal: FloatArray = run.posterior.columns[f"n_signal[{region.name}]"]
        posterior = summarise(signal, run.posterior.weights)
        n_observed = run.summary["n_observed"][region.name]
        found[region.name] = RegionRecovery(
            region.background,
            region.background_error,
            float(at_benchmark.values[f"n_signal[{region.name}]"][0]),
            float(at_benchmark.values[f"n_signal_error[{region.name}]"][0]),
            n_observed,
            float(
                significance(n_observed, region.background, region.background_error, region.mode)
            ),
            (posterior.mean, posterior.std),
        )
    return found


def _within(value: float, interval: tuple[float, float]) -> bool:
    return bool(interval[0] <= value <= interval[1])
