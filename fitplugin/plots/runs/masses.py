"""What the posterior says of the masses, over what the constrained prior says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from fitplugin.arrays import FloatArray
from fitplugin.plots import style
from fitplugin.plots.runs.density import Ends
from fitplugin.plots.runs.panel import Quantity, draw_grid
from fitplugin.plots.runs.samples import Sample, prior_of_all
from fitplugin.plots.runs.views import View, have_one_prior
from fitplugin.stats.weighted import quantile

MASSES = ("m_higgs", "m_stop1", "m_stop2", "m_sbottom1", "m_chargino1", "m_neutralino1")
"""Masses [GeV] that are drawn where runs have them, in this order."""
# the far tails would take the room of the rest
_SHOWN = (0.001, 0.999)


def masses_of(views: Sequence[View]) -> list[str]:
    """Return the masses that all runs have stored, and that vary."""
    return [
        name
        for name in MASSES
        if all(
            name in view.posterior.columns and np.ptp(view.posterior.columns[name]) > 0.0
            for view in views
        )
    ]


def masses_figure(views: Sequence[View], width: style.Width = "page") -> Figure:
    """Posteriors of the masses, the constrained prior in grey, hard windows of the scan shaded.

    The prior comes from the chain itself; see `fitplugin.plots.runs.samples.prior_of_all`. It is
    left out where the runs have different ones.
    """
    prior = prior_of_all(views[0].run, views[0].nested) if have_one_prior(views) else None
    quantities = [_quantity(name, views, prior) for name in masses_of(views)]
    return draw_grid(quantities, views, lambda _: prior, width)


def _quantity(name: str, views: Sequence[View], prior: Sample | None) -> Quantity:
    windows = {
        (window.low, window.high)
        for view in views
        for window in view.asked.windows
        if window.observable == name
    }
    # runs with different windows: nothing is required by all of them
    agreed = len(windows) == 1 and all(
        any(window.observable == name for window in view.asked.windows) for view in views
    )
    window: Ends | None = next(iter(windows)) if agreed else None
    shown = [view.posterior for view in views] + ([] if prior is None else [prior])
    ends = np.array([_range(sample, name) for sample in shown])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    margin = 0.06 * (high - low)
    # an end of the window that is near is shown, one that is far would take the room of the rest
    near = [
        end for end in window or () if end is not None and low - high < end - low < 2 * (high - low)
    ]
    low, high = min([low, *near]) - margin, max([high, *near]) + margin
    return Quantity(name, low, high, window or (None, None), window)


def _range(sample: Sample, name: str) -> FloatArray:
    return quantile(sample.columns[name], sample.weights, _SHOWN)
