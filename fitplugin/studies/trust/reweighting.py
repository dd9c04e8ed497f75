"""A posterior under another likelihood, by giving its draws other weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.stats.weighted import effective_size, summarise


class Marginal(NamedTuple):
    """One parameter under the other likelihood.

    ``shift`` is that of its mean, in standard deviations of the posterior before.
    """

    mean: float
    std: float
    interval68: tuple[float, float]
    shift: float


class Reweighted(NamedTuple):
    """Draws from one posterior, weighted to be those of another.

    Attributes
    ----------
    n_draws : int
    n_eff : float
        Kish's effective sample size of the new weights.
    largest_share : float
        Weight of the heaviest draw, as a share of all.
    log_z_change : float
        New ln Z minus old.
    log_z_change_error : float
        Of the finite number of draws.
    parameters : mapping of str to Marginal
    weights : (n_draws,) array
        With maximum 1.
    """

    n_draws: int
    n_eff: float
    largest_share: float
    log_z_change: float
    log_z_change_error: float
    parameters: Mapping[str, Marginal]
    weights: FloatArray

    @property
    def largest_shift(self) -> tuple[str, float]:
        """The parameter whose mean moves most, and by how much."""
        name = max(self.parameters, key=lambda name: abs(self.parameters[name].shift))
        return name, self.parameters[name].shift

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the weights, ready for JSON."""
        content = self._asdict()
        del content["weights"]
        content["parameters"] = {name: m._asdict() for name, m in self.parameters.items()}
        return content


def reweight(
    names: Sequence[str],
    theta: FloatArray,
    change: FloatArray,
    base: FloatArray | None = None,
) -> Reweighted:
    """Reweight draws by the ratio of two likelihoods.

    Parameters
    ----------
    names : sequence of str
        Of the columns of theta.
    theta : (n_draws, n_dim) array
        Draws from the posterior before.
    change : (n_draws,) array
        New ln L minus old; ``-inf`` where the new likelihood refuses a point.
    base : (n_draws,) array, optional
        Weights of the draws before, equal by default.

    Raises
    ------
    InputError
        If the new likelihood refuses every draw.

    >>> found = reweight(["x"], np.array([[0.0], [1.0]]), np.log([1.0, 3.0]))
    >>> float(round(found.parameters["x"].mean, 3)), float(round(found.log_z_change, 3))
    (0.75, 0.693)
    """
    base = np.ones(len(theta)) if base is None else base
    if not np.isfinite(change).any():
        raise InputError("draws", "are all refused by the other likelihood; nothing to reweight")
    ratio = np.exp(change - change.max())
    weights = base * ratio
    before, after = base / base.sum(), weights / weights.sum()
    mean_ratio = float(before @ ratio)
    error = np.sqrt(np.square(before * (ratio - mean_ratio)).sum()) / mean_ratio
    marginals = {}
    for name, column in zip(names, theta.T, strict=True):
        old, new = summarise(column, before), summarise(column, after)
        shift = (new.mean - old.mean) / old.std if old.std > 0 else 0.0
        marginals[name] = Marginal(new.mean, new.std, new.interval68, float(shift))
    return Reweighted(
        len(theta),
        effective_size(weights),
        float(after.max()),
        float(np.log(mean_ratio) + change.max()),
        float(error),
        marginals,
        weights / weights.max(),
    )
