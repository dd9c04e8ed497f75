"""The cost that the paper states, and ours beside it; each ratio says what it compares."""

from __future__ import annotations

from typing import NamedTuple

from fitplugin.studies.speed.cost import RunCost

SOURCE = "arXiv:1611.02704"
# "The estimate of the two SR efficiencies with the DGP model took 0.06 seconds per evaluation on a
# single 4 GHz Intel 4790K core", from 16 647 training points and 256 experts; p. 4
SECONDS_PER_PREDICTION = 0.06
N_TRAINING = 16_647
TRAINING_MINUTES = 15.0
# "we used 4 000 live points in MultiNest, which required 10^5 likelihood evaluations ... The whole
# scan took 66 hours on six CPUs"; p. 4
HOURS, CPUS, N_LIVE, N_LIKE = 66.0, 6, 4000, 1e5
CPU_HOURS = HOURS * CPUS
CPU_SECONDS_PER_EVALUATION = 3600.0 * CPU_HOURS / N_LIKE
# "the O(10) minutes per evaluation required to generate the training set"; p. 4
SECONDS_PER_SIMULATED_POINT = 600.0

_HARDWARE = "a 4 GHz Intel 4790K core there, this machine here"
_CODES = (
    "the paper's time holds its sampler, and SPheno, NLL-fast and RooStats at every point, where "
    "our scan asks surrogates, tables and its own likelihood"
)


class Comparison(NamedTuple):
    """One figure of the paper beside ours."""

    figure: str
    paper: float
    ours: float
    unit: str
    ratio: float
    """Paper over ours: how many times cheaper ours is."""
    compares: str
    """What is compared."""
    unequal: str
    """What is not equal in it."""


def compared(
    efficiencies_s: float, run: RunCost, n_simulated: int, seconds_per_point: float, n_regions: int
) -> tuple[Comparison, ...]:
    """Return ours beside the paper's.

    Parameters
    ----------
    efficiencies_s : float
        Efficiencies of all regions at one point alone, with errors [s].
    run : RunCost
        The whole scan.
    n_simulated : int
        Simulated points behind the efficiencies.
    seconds_per_point : float
        Likelihood per point in the batches of the run [s].
    n_regions : int
        Without any, what compares efficiencies is left out.
    """
    hours = run.cpu_hours
    simulated_h = run.n_like * SECONDS_PER_SIMULATED_POINT / 3600.0
    training_h = n_simulated * SECONDS_PER_SIMULATED_POINT / 3600.0
    comparisons = (
        _comparison(
            "efficiencies at one point", SECONDS_PER_PREDICTION, efficiencies_s, "s",
            "the paper's two efficiencies from its distributed Gaussian processes against those of "
            f"our {n_regions} region{'s' * (n_regions > 1)}, at one point alone, with errors, on "
            "one core",
            f"{_HARDWARE}; {N_TRAINING} training points there, {n_simulated} simulated points "
            "here, each learned from squark by squark; all of 256 experts are asked there, a few "
            "local ones here, with smaller errors",
        ),
        _comparison(
            "likelihood at one point of a batch", CPU_SECONDS_PER_EVALUATION, seconds_per_point,
            "CPU-s",
            "all CPU time of the paper's scan per evaluation against our likelihood alone, at "
            "posterior points in batches of the size that the run sends",
            f"{_HARDWARE}; {_CODES}; ours leaves the sampler out",
        ),
        _comparison(
            "whole scan per evaluation", CPU_SECONDS_PER_EVALUATION, 3600.0 * hours / run.n_like,
            "CPU-s", "CPU time of the whole scan over its likelihood calls, on both sides",
            f"{_HARDWARE}; {_CODES}",
        ),
        _comparison(
            "whole scan", CPU_HOURS, hours, "CPU-h",
            f"66 h on six CPUs for 1e5 calls with {N_LIVE} live points against processes x wall "
            f"time of {run.n_like} calls with {run.n_live} live points",
            f"{_HARDWARE}; {_CODES}; the paper does not state its effective samples, ours are "
            f"{run.n_eff:.0f}, with an error of {run.log_z_error:.2g} in ln Z; training counts "
            "only if it took place in our stage 'models', and not in the paper's 66 h",
        ),
        _comparison(
            "simulating each point instead", simulated_h, hours, "CPU-h",
            f"the paper's O(10) min of simulation for each of our {run.n_like} calls against our "
            "scan",
            f"an order of magnitude, not a measurement; and our training set was simulated too: "
            f"{n_simulated} points would be {training_h:.0f} CPU-h at that price, so that the "
            f"first scan is cheaper by {simulated_h / (hours + training_h):.2g} only, further "
            "ones by the ratio",
        ),
    )  # fmt: skip
    # a scan without regions asks no efficiencies, and no simulated points stand behind it
    return comparisons if n_regions else comparisons[1:-1]


def _comparison(
    figure: str, paper: float, ours: float, unit: str, compares: str, unequal: str
) -> Comparison:
    ratio = paper / ours if ours > 0 else float("inf")
    return Comparison(figure, paper, ours, unit, ratio, compares, unequal)
