"""How far a loop has come: entropy, sharpness of the contour, mistakes on points never asked."""

from __future__ import annotations

from typing import Any

import numpy as np

from fitplugin.active.choosing import entropy
from fitplugin.active.learning import Learned
from fitplugin.active.limits import NAMES
from fitplugin.active.options import LoopOptions
from fitplugin.arrays import FloatArray
from fitplugin.stats.decisions import mistakes
from fitplugin.surrogates.acquisition import probability_below

_UNDECIDED = (0.05, 0.95)


def judge(
    loop: LoopOptions,
    model: Learned,
    theta: FloatArray,
    test: FloatArray | None,
    truth: FloatArray | None,
) -> dict[str, Any]:
    """Metrics of one round, JSON-ready.

    Parameters
    ----------
    loop : LoopOptions
    model : Learned
    theta : (n_points, n_dim) array
        Candidates.
    test : (n_test, n_dim) array or None
        Points that are never asked.
    truth : (n_test, n_targets) array or None
        Their targets.

    Returns
    -------
    dict
        ``mean_entropy`` [nats per contour]; ``undecided``, share of candidates with a probability
        of 5 to 95 % to be below the level; ``contour_std``, median error of the first target where
        it is within one error of the level; ``sharpness``, that over half the +-1 sd band of the
        expected limit, where both edges are learned; ``test``: mistakes of the first contour, and
        ``near_contour``, mean and spread of the truths where the contour is predicted.

    Source: the stop tests of ATL-PHYS-PUB-2022-045.
    """
    mean, std = model.examine(theta)
    names, level = loop.target.names, loop.target.level
    p = probability_below(mean[:, 0], std[:, 0], level)
    low, high = _UNDECIDED
    on_contour = np.abs(mean[:, 0] - level) < std[:, 0]
    found: dict[str, Any] = {
        "mean_entropy": float(entropy(loop, model, theta).mean() / len(names)),
        "undecided": float(((p > low) & (p < high)).mean()),
        "contour_std": float(np.median(std[on_contour, 0])) if on_contour.any() else 0.0,
    }
    edges = [NAMES[2], NAMES[3]]
    if set(edges) <= set(names) and on_contour.any():
        minus, plus = (mean[on_contour, names.index(name)] for name in edges)
        band = 0.5 * float(np.median(plus - minus))
        found["sharpness"] = found["contour_std"] / max(band, 1e-12)
    if test is not None and truth is not None and len(test):
        found["test"] = confusion(model, test, truth[:, 0], level)
    return found


def confusion(model: Learned, test: FloatArray, truth: FloatArray, level: float) -> dict[str, Any]:
    """Mistakes about the side of the first contour, and truths where it is predicted."""
    mean, std = model.examine(test)
    said, is_below = mean[:, 0] < level, truth < level
    counted = mistakes(said, is_below)
    near = np.abs(mean[:, 0] - level) < std[:, 0]
    found: dict[str, Any] = {
        "n": len(truth),
        "accuracy": float((said == is_below).mean()),
        "f1": counted.f1,
        "n_false_excluded": counted.n_false_valid,
        "n_false_allowed": counted.n_false_invalid,
    }
    if near.any():
        found["near_contour"] = {
            "n": int(near.sum()),
            "mean": float(truth[near].mean()),
            "std": float(truth[near].std()),
        }
    return found


def is_done(loop: LoopOptions, metrics: dict[str, Any]) -> bool:
    """Whether both stop tests hold; a sharpness that is not known cannot."""
    return bool(
        metrics["undecided"] <= loop.stop.undecided
        and metrics.get("sharpness", 0.0) <= loop.stop.sharpness
    )
