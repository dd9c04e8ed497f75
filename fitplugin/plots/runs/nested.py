"""How a sampler came to its posterior: against prior volume, or by its weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.plots import style
from fitplugin.plots.runs.views import View
from fitplugin.samplers.chain import Chain
from fitplugin.stats.nested import nested_weights
from fitplugin.stats.weighted import effective_size

COMPRESSION = r"compression of the prior, $-\ln X$"
"""Label of the axis of prior volume."""
_MAX_VERTICES = 1500
_TAIL = 1e-3


def log_volume(chain: Chain) -> FloatArray:
    """Return the ln of the prior volume just before each death, (n_points,); the first is 0."""
    assert chain.log_birth is not None
    n_live = nested_weights(chain.log_likelihood, chain.log_birth).n_live
    return np.concatenate([[0.0], np.cumsum(np.log1p(-1.0 / n_live[:-1]))])


def end_of_posterior(compression: FloatArray, weights: FloatArray) -> float:
    """Return the compression beyond which next to nothing of the posterior is left."""
    share = np.cumsum(weights) / weights.sum()
    return float(np.interp(1.0 - _TAIL, share, compression))


def run_figure(views: Sequence[View], width: style.Width = "page") -> Figure:
    """How one run went.

    With births: live points, ln L, density of posterior mass in ln X and the share of the evidence,
    all against the compression of the prior, -ln X (J. Skilling, Bayesian Analysis 1 (2006) 833,
    fig. 3). Without: weights against ln L, and how many points carry the posterior.
    """
    (view,) = views
    if view.nested is None:
        return _weights_figure(view, width)
    return _nested_figure(view, view.nested, width)


def _nested_figure(view: View, chain: Chain, width: style.Width) -> Figure:
    assert chain.log_birth is not None
    found = nested_weights(chain.log_likelihood, chain.log_birth)
    compression = -log_volume(chain)
    weights = np.exp(found.log_weight)
    density = np.exp(chain.log_likelihood - compression - found.log_z)
    inches = style.WIDTHS[width]
    figure = Figure(figsize=(inches, 4.6 if width == "page" else 4.2), layout="constrained")
    axes = figure.subplots(4, 1, sharex=True, height_ratios=(1, 1.4, 1.4, 1.4))
    rows = _thinned(compression)
    x = compression[rows]
    colour = view.line.colour
    axes[0].plot(x, found.n_live[rows], color=style.GREY, lw=1.0, drawstyle="steps-pre")
    axes[0].set(ylabel="live points", ylim=(0, 1.15 * found.n_live.max()))
    axes[0].yaxis.set_major_locator(MaxNLocator(3))
    axes[1].plot(x, chain.log_likelihood[rows], color=style.GREY, lw=1.0)
    _focus(axes[1], chain.log_likelihood, weights)
    axes[1].set_ylabel(r"$\ln L$")
    axes[2].fill_between(x, density[rows], color=colour, alpha=0.35, lw=0)
    axes[2].plot(x, density[rows], color=colour, lw=1.2)
    axes[2].set(ylabel="posterior\nper $\\ln X$", ylim=(0, None))
    _draw_evidence(axes[3], x, np.cumsum(weights)[rows], view, found.log_z_error)
    axes[3].set(xlabel=COMPRESSION, xlim=(0.0, end_of_posterior(compression, weights)))
    # where the bulk of the posterior is
    bulk = np.interp([0.025, 0.975], np.cumsum(weights), compression)
    for axis in axes:
        axis.axvspan(*bulk, color=colour, alpha=0.08, lw=0, zorder=0)
        axis.tick_params(top=True)
    figure.align_ylabels()
    return figure


def _draw_evidence(
    axis: Axes, x: FloatArray, share: FloatArray, view: View, log_z_error: float
) -> None:
    """Draw Z accumulating in units of its final value, with its final error as a band."""
    summary = view.run.summary
    low, high = share * np.exp(-log_z_error), share * np.exp(log_z_error)
    axis.fill_between(x, low, high, color=view.line.colour, alpha=0.3, lw=0)
    axis.plot(x, share, color=view.line.colour, lw=1.2)
    axis.axhline(1.0, color=style.GREY, lw=0.5, ls=":")
    axis.set(ylabel="evidence\n$Z(X)/Z$", ylim=(0.0, 1.12 * np.exp(log_z_error)))
    axis.text(
        0.985, 0.08,
        f"$\\ln Z = {summary['log_z']:.2f} \\pm {summary['log_z_error']:.2f}$\n"
        f"{summary['n_like']} likelihood calls\n"
        f"{effective_size(view.posterior.weights):.0f} effective samples",
        transform=axis.transAxes, ha="right", va="bottom", fontsize=7,
    )  # fmt: skip


def _weights_figure(view: View, width: style.Width) -> Figure:
    posterior = view.run.posterior
    weights = posterior.weights / posterior.weights.sum()
    n_eff = effective_size(weights)
    inches = style.WIDTHS[width]
    page = width == "page"
    figure = Figure(figsize=(inches, 2.6 if page else 4.2), layout="constrained")
    left, right = figure.subplots(1, 2) if page else figure.subplots(2, 1)
    left.plot(
        posterior.log_likelihood, weights * len(weights), ".", ms=2, alpha=0.5,
        color=view.line.colour, mew=0, rasterized=True,
    )  # fmt: skip
    left.set(xlabel=r"$\ln L$", ylabel="weight / mean weight", yscale="log")
    _focus(left, posterior.log_likelihood, weights, horizontal=True)
    heaviest = np.sort(weights[weights > 0])[::-1]
    shown = posterior.log_likelihood >= left.get_xlim()[0]
    relative = weights[shown & (weights > 0)] * len(weights)
    left.set_ylim(0.5 * max(relative.min(), 1e-6 * relative.max()), 2 * relative.max())
    rows = _thinned(np.arange(len(heaviest), dtype=float))
    right.plot(
        np.arange(1, len(heaviest) + 1)[rows], np.cumsum(heaviest)[rows],
        color=view.line.colour, lw=1.4,
    )  # fmt: skip
    right.axvline(n_eff, color=style.GREY, lw=0.8, ls="--", label=f"{n_eff:.0f} effective samples")
    right.set(
        xlabel="heaviest samples", ylabel="share of the posterior",
        xlim=(0, len(heaviest)), ylim=(0, 1.03),
    )  # fmt: skip
    summary = view.run.summary
    right.plot([], [], " ", label=f"{len(weights)} samples, {summary['n_like']} likelihood calls")
    label = f"$\\ln Z = {summary['log_z']:.2f} \\pm {summary['log_z_error']:.2f}$"
    right.plot([], [], " ", label=label)
    right.legend(
        loc="lower right", handlelength=1.6, fontsize=7,
        frameon=True, framealpha=1.0, edgecolor="none",
    )  # fmt: skip
    left.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    return figure


def _focus(
    axis: Axes, log_likelihood: FloatArray, weights: FloatArray, horizontal: bool = False
) -> None:
    """Cut an axis of ln L where it plunges: far below the posterior nothing is decided."""
    order = np.argsort(log_likelihood)
    share = np.cumsum(weights[order]) / weights.sum()
    bulk = float(log_likelihood[order][np.searchsorted(share, 1e-3)])
    top = float(log_likelihood.max())
    low = max(float(log_likelihood.min()), top - 3.0 * (top - bulk) - 1.0)
    margin = 0.06 * (top - low)
    (axis.set_xlim if horizontal else axis.set_ylim)(low - margin, top + margin)


def _thinned(x: FloatArray) -> IntArray:
    """Return rows evenly spread over x, few enough for a vector figure; the ends are in."""
    places = np.searchsorted(x, np.linspace(x[0], x[-1], _MAX_VERTICES))
    return np.unique(np.clip(places, 0, len(x) - 1))
