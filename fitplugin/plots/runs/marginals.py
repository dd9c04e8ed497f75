"""Marginal posteriors of the scanned parameters over the constrained prior."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from fitplugin.plots import style
from fitplugin.plots.runs import samples
from fitplugin.plots.runs.panel import draw_grid, parameter
from fitplugin.plots.runs.views import View, common_parameters, common_range, have_one_prior


def marginals_figure(views: Sequence[View], width: style.Width = "page") -> Figure:
    """Every scanned parameter that the runs share: grey prior, posterior, benchmark line.

    The prior is that of the box with the constraints applied; every curve integrates to one. It is
    left out where runs have different ones. Fig. 2 of arXiv:1611.02704.

    Raises
    ------
    InputError
        If the runs have no parameter in common.
    """
    prior = samples.prior(views[0].run) if have_one_prior(views) else None
    quantities = [
        parameter(name, common_range(views, name), views[0].symbols)
        for name in common_parameters(views)
    ]
    return draw_grid(quantities, views, lambda _: prior, width)
