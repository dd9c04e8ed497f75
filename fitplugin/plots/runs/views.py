"""Runs as figures see them: what was found, what was asked, and how each is named and drawn."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from fitplugin.errors import InputError
from fitplugin.physics.symbols import Symbols
from fitplugin.plots import style
from fitplugin.plots.runs import samples
from fitplugin.plots.runs.asked import Asked, read_asked
from fitplugin.plots.runs.samples import Sample
from fitplugin.runs.directory import Run, read_chain
from fitplugin.runs.summary import symbols_of
from fitplugin.samplers.chain import Chain

_LONGEST_LABEL = 44


class View(NamedTuple):
    """One run among those of a figure."""

    run: Run
    asked: Asked
    posterior: Sample
    nested: Chain | None
    """Deaths and births, if the sampler records them."""
    label: str
    line: style.Line

    @property
    def symbols(self) -> Symbols:
        """How its quantities are written."""
        return symbols_of(self.run.summary)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The scanned parameters, in the order of the scan."""
        return tuple(self.run.summary["parameters"])

    def truth(self, name: str) -> float | None:
        """Value of a parameter at the benchmark, if the counts are those of one."""
        value = self.run.summary["parameters"].get(name, {}).get("truth")
        return None if value is None else float(value)


def views_of(runs: Sequence[Run], labels: Sequence[str] | None = None) -> list[View]:
    """Look at runs.

    Parameters
    ----------
    runs : sequence of Run
    labels : sequence of str, optional
        A name for each in legends; default: see `labels_of`. A single run is ``posterior``.

    Raises
    ------
    InputError
        If a run has too few effective samples or files that do not fit, or if there are not as
        many different labels as runs.
    """
    if not runs:
        raise InputError("plot", "no run is given; name one run directory or more")
    if labels is None:
        labels = [_posterior(runs[0])] if len(runs) == 1 else labels_of(runs)
    if len(labels) != len(runs) or len(set(labels)) < len(runs):
        raise InputError(
            "labels", f"{len(labels)} came, {len(set(labels))} different, for {len(runs)} runs; "
            "give a different one to each",
        )  # fmt: skip
    return [
        View(
            run,
            read_asked(run.path),
            samples.posterior(run),
            read_chain(run) if (run.path / "chain_dead-birth.txt").is_file() else None,
            "\n".join(textwrap.wrap(label, _LONGEST_LABEL)) or label,
            style.line(number),
        )
        for number, (run, label) in enumerate(zip(runs, labels, strict=True))
    ]


def labels_of(runs: Sequence[Run]) -> list[str]:
    """Return the titles of runs, or the names of their directories where titles do not serve.

    Those that do not tell the runs apart, and those too long for a legend. Equal names get a
    number.
    """
    titles = [str(run.summary.get("title", "")) for run in runs]
    if len(set(titles)) == len(runs) and all(0 < len(title) <= _LONGEST_LABEL for title in titles):
        return titles
    names = [run.path.resolve().name for run in runs]
    if len(set(names)) == len(runs):
        return names
    return [f"{name} ({number})" for number, name in enumerate(names, start=1)]


def _posterior(run: Run) -> str:
    return "constrained prior" if run.summary["sampler"] == "prior" else "posterior"


def common_parameters(views: Sequence[View]) -> list[str]:
    """Return the scanned parameters that all runs share, in the order of the first.

    Raises
    ------
    InputError
        If there is none.
    """
    shared = [name for name in views[0].parameters if all(name in v.parameters for v in views)]
    if not shared:
        sets = "; ".join(f"{view.run.path}: {', '.join(view.parameters)}" for view in views)
        raise InputError("plot", f"the runs have no scanned parameter in common ({sets})")
    return shared


def common_range(views: Sequence[View], name: str) -> tuple[float, float]:
    """Return the least range that holds the prior of a parameter of every run."""
    ranges = [view.run.ranges[name] for view in views]
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def have_one_prior(views: Sequence[View]) -> bool:
    """Whether all runs have the same constrained prior, so that it can be drawn once."""
    return all(view.asked.prior == views[0].asked.prior for view in views)
