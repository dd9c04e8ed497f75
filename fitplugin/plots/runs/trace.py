"""Where every parameter was, from the first point of the prior to the last of the posterior."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fitplugin.arrays import FloatArray
from fitplugin.plots import style
from fitplugin.plots.runs.density import Densities
from fitplugin.plots.runs.nested import COMPRESSION, end_of_posterior, log_volume
from fitplugin.plots.runs.views import View

# more would hide each other
_MAX_POINTS = 8000
# light to dark, so that order survives in grey
_WEIGHTS = LinearSegmentedColormap.from_list("weights", ["#d9d9d9", style.POSTERIOR, "#a03c00"])


def trace_figure(views: Sequence[View], width: style.Width = "page") -> Figure:
    """Every parameter of one run against the compression of the prior, coloured by weight.

    Without births, against the order of likelihood. Marginal posteriors stand beside; dashed lines
    are the benchmark.
    """
    (view,) = views
    names = view.parameters
    x, label, values, weights = _points(view)
    shown = np.arange(0, len(x), -(-len(x) // _MAX_POINTS))
    order = shown[np.argsort(weights[shown], kind="stable")]  # the heavy ones on top
    inches = style.WIDTHS[width]
    row = (1.15 if width == "page" else 0.95) * (1.5 if len(names) == 1 else 1.0)
    figure = Figure(figsize=(inches, row * len(names) + 0.85), layout="constrained")
    axes = figure.subplots(
        len(names), 2, squeeze=False, sharex="col", sharey="row", width_ratios=(5, 1)
    )
    colours = ScalarMappable(Normalize(0.0, 1.0), _WEIGHTS)
    # one that does not vary has no density
    varying = [name for name in names if np.ptp(view.posterior.columns[name]) > 0.0]
    found = Densities(view.posterior, varying, dict(view.run.ranges))
    for (left, right), name in zip(axes, names, strict=True):
        left.scatter(
            x[order], values[name][order], c=colours.to_rgba(weights[order] / weights.max()),
            s=2, lw=0, rasterized=True,
        )  # fmt: skip
        left.set(ylabel=style.label(name, view.symbols), ylim=view.run.ranges[name])
        left.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        if name in varying:
            curve = found.curve(name)
            right.fill_betweenx(curve.x, curve.y / curve.y.max(), color=style.POSTERIOR, alpha=0.35)
            right.plot(curve.y / curve.y.max(), curve.x, color=style.POSTERIOR, lw=1.0)
        right.set(xlim=(0, 1.1), xticks=[])
        right.tick_params(labelleft=False)
        if (truth := view.truth(name)) is not None:
            for axis in (left, right):
                axis.axhline(truth, color=style.TRUTH, ls=style.TRUTH_DASHES, lw=0.7)
    axes[-1, 0].set(xlabel=label, xlim=(x[0], end_of_posterior(x, weights)))
    figure.align_ylabels(axes[:, 0])
    bar = figure.colorbar(colours, ax=axes, location="top", aspect=60, pad=0.01, shrink=0.6)
    bar.set_label("posterior weight / largest weight", fontsize=7, labelpad=2)
    bar.ax.tick_params(labelsize=6, length=2)
    return figure


def _points(view: View) -> tuple[FloatArray, str, dict[str, FloatArray], FloatArray]:
    """Return where points lie on the axis, what that is, parameters by name, and weights."""
    chain = view.nested
    if chain is not None:
        values = dict(zip(chain.names, chain.samples.T, strict=True))
        return -log_volume(chain), COMPRESSION, values, chain.weights
    posterior = view.run.posterior
    order = np.argsort(posterior.log_likelihood, kind="stable")
    values = {name: posterior.columns[name][order] for name in view.parameters}
    x = np.arange(len(order), dtype=float)
    return x, "samples in the order of their likelihood", values, posterior.weights[order]
