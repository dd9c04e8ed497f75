"""What arXiv:1611.02704 says of its reconstruction, and whether a run says the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from fitplugin.physics.natural_susy import BENCHMARK
from fitplugin.runs.config import ScanConfig
from fitplugin.runs.directory import Run
from fitplugin.stats.counts import significance
from fitplugin.stats.information import LITTLE, Information, ratio_beyond
from fitplugin.stats.weighted import quantile

_LARGE_MU = 400.0  # GeV; its range ends at 500
_SLIGHTLY = (0.2, 0.95)  # posterior odds over prior odds of large |mu|
# its excess in standard deviations, and its events
_PAPER_EXCESS = {"0-lepton": (3.0, 33.2), "1-lepton": (4.0, 68.9)}


class Statement(NamedTuple):
    """A statement of the paper, whether this run agrees, and the numbers that say so."""

    paper: str
    holds: bool
    found: str


def statements_of(
    config: ScanConfig, run: Run, informations: Mapping[str, Information]
) -> tuple[Statement, ...]:
    """Check the paper's statements on a run of its benchmark; none for any other scan."""
    if config.mock is None or config.mock.point != dict(BENCHMARK):
        return ()
    checks = {"mu": (_little_on_mu, _large_mu), "mQ3": (_measures_mq3,), "mtR": (_limits_mtr,)}
    found = [
        check(run, informations[name])
        for name, of_name in checks.items()
        if name in informations
        for check in of_name
    ]
    return (*found, *_excesses(config, run))


def _little_on_mu(run: Run, information: Information) -> Statement:
    return Statement(
        "little information on mu",
        information.bits < LITTLE,
        f"{information.bits:.2f} bit on |mu|: {information.kind}",
    )


def _large_mu(run: Run, information: Information) -> Statement:
    ratio = ratio_beyond(
        np.abs(run.posterior.columns["mu"]),
        run.posterior.weights,
        np.abs(run.prior["mu"]),
        _LARGE_MU,
    )
    return Statement(
        "large |mu| slightly disfavoured",
        _SLIGHTLY[0] < ratio < _SLIGHTLY[1],
        f"the odds of |mu| above {_LARGE_MU:g} GeV fall to {ratio:.2f} of the prior's",
    )


def _measures_mq3(run: Run, information: Information) -> Statement:
    values, weights = run.posterior.columns["mQ3"], run.posterior.weights
    low, high = quantile(values, weights, [0.15865525, 0.84134475])
    return Statement(
        "a measurement of mQ3",
        information.kind == "measured",
        f"{low:.0f} to {high:.0f} GeV at 68 %, {information.bits:.2f} bit: {information.kind} "
        f"(the ends of the prior at {information.low_end:.2f} and {information.high_end:.2f} of "
        "the highest posterior over prior)",
    )


def _limits_mtr(run: Run, information: Information) -> Statement:
    (limit,) = quantile(run.posterior.columns["mtR"], run.posterior.weights, [0.05])
    return Statement(
        "a lower limit on mtR",
        information.kind == "lower limit",
        f"above {limit:.0f} GeV at 95 %, {information.bits:.2f} bit: {information.kind} "
        f"(the ends of the prior at {information.low_end:.2f} and {information.high_end:.2f})",
    )


def _excesses(config: ScanConfig, run: Run) -> tuple[Statement, ...]:
    found = []
    for region in config.regions:
        if region.name not in _PAPER_EXCESS:
            continue
        paper, events = _PAPER_EXCESS[region.name]
        observed = run.summary["n_observed"][region.name]
        value = float(
            significance(observed, region.background, region.background_error, region.mode)
        )
        found.append(
            Statement(
                f"an excess of about {paper:g} standard deviations in {region.name}",
                bool(abs(value - paper) < 0.5),
                f"{value:.2f}, of {observed:.4g} events over {region.background:g} +- "
                f"{region.background_error:g} (the paper's simulation gave {events:g})",
            )
        )
    return tuple(found)
