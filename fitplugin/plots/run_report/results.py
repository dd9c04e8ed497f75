"""What a report says of the result: in one paragraph, by parameter, by signal region."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fitplugin.errors import InputError
from fitplugin.physics.symbols import Symbols
from fitplugin.plots.html import Markup, cells, element, folded, join, prose, table
from fitplugin.plots.run_report.typesetting import (
    decimals,
    interval,
    named,
    number,
    per_cent,
    signed,
    symbol,
    unit,
    with_error,
)
from fitplugin.plots.run_report.words import POSTERIOR, REGIONS, SAMPLER
from fitplugin.plots.runs.asked import Region, read_asked
from fitplugin.plots.runs.predictive import p_text, predict
from fitplugin.runs.directory import Run
from fitplugin.runs.summary import symbols_of
from fitplugin.stats.counts import q_mu

_FEW_SAMPLES = 100.0
_MUCH_OUTSIDE = 0.05
_DISAGREE = 0.01
_STRIP = 150.0  # width of a drawn interval, in pixels


def verdict(run: Run) -> Markup:
    """Return the result in one paragraph."""
    summary = run.summary
    symbols = symbols_of(summary)
    words = (_in_words(n, e, symbols) for n, e in summary["parameters"].items())
    found = join(*words, between="; ")
    cost = (
        f"{summary['n_eff']:.0f} effective samples from {summary['n_like']} likelihood "
        f"calls of {summary['sampler']}, {number(summary['wall_time_s'], 3)} s in all."
    )
    evidence = with_error(summary["log_z"], summary["log_z_error"])
    return element(
        "p",
        "Posterior medians with 68 % intervals: ", found, ". ",
        _benchmark(summary["parameters"]), f"ln Z = {evidence} over the valid prior. {cost}",
    )  # fmt: skip


def _in_words(name: str, entry: Mapping[str, Any], symbols: Symbols) -> Markup:
    low, high = entry["interval68"]
    median = entry["median"]
    n = decimals(min(abs(high - median), abs(median - low)))
    value = element("b", signed(f"{median:.{n}f}"))
    end = f" {unit(name, symbols)}" if unit(name, symbols) else ""
    return join(
        symbol(name, symbols), " = ", value,
        element("span", element("span", f"+{high - median:.{n}f}"), " ",
                element("span", signed(f"-{median - low:.{n}f}")), class_="errors"), end,
    )  # fmt: skip


def _benchmark(parameters: Mapping[str, Mapping[str, Any]]) -> str:
    with_truth = [entry for entry in parameters.values() if "truth" in entry]
    if not with_truth:
        return ""
    n = len(with_truth)
    inside = [
        sum(entry[level][0] <= entry["truth"] <= entry[level][1] for entry in with_truth)
        for level in ("interval68", "interval95")
    ]
    return (
        f"The benchmark of the mock data lies in {inside[0]} of {n} intervals of 68 % and in "
        f"{inside[1]} of {n} of 95 %. "
    )


def remarks(run: Run) -> list[str]:
    """Return what a reader should mind, each in a sentence; none if all is well."""
    summary, manifest = run.summary, run.manifest
    sampler = manifest["sampler"]
    found = []
    if not sampler.get("converged", 1.0):
        found.append(f"{summary['sampler']} was stopped before its own criterion was met.")
    if summary["n_eff"] < _FEW_SAMPLES:
        found.append(f"Only {number(summary['n_eff'], 3)} effective samples: intervals are rough.")
    outside = summary["out_of_domain"]
    if outside["posterior_fraction"] > _MUCH_OUTSIDE:
        found.append(
            f"{per_cent(outside['posterior_fraction'])} of the posterior lies outside the "
            f"surrogates' training points (out_of_domain: {outside['policy']})."
        )
    disagree = [n for n in ("runs_log_z_p", "runs_means_p") if sampler.get(n, 1.0) < _DISAGREE]
    found += [f"The merged runs do not agree: {SAMPLER[n]} is {sampler[n]:.1g}." for n in disagree]
    changes = manifest.get("resumed_with_changes") or ()
    if changes:
        found.append(f"It was resumed although something had changed: {'; '.join(changes)}.")
    return found


def posterior(run: Run) -> Markup:
    """Return the table of the scanned parameters, and that of the derived quantities, folded."""
    parameters, symbols = run.summary["parameters"], symbols_of(run.summary)
    has_truth = any("truth" in entry for entry in parameters.values())
    rows = []
    for name, entry in parameters.items():
        truth = [number(entry["truth"]) if "truth" in entry else ""] if has_truth else []
        low, high = run.ranges[name]
        strip = _strip(name, entry, low, high)
        what = named(name, symbols)
        rows.append(cells([what, *_numbers(entry), *truth, interval((low, high)), strip]))
    end = [*(["benchmark"] if has_truth else []), "prior", "within the prior"]
    derived = [
        cells([named(name, symbols), *_numbers(entry)])
        for name, entry in run.summary["derived"].items()
    ]
    return join(
        table(["parameter", *_HEAD, *end], rows),
        prose(POSTERIOR, "note"),
        folded("Masses, yields and all other derived quantities", table(["quantity", *_HEAD],
               derived)) if derived else "",
    )  # fmt: skip


_HEAD = ("mean", "std", "median", "68 % interval", "95 % interval")


def _numbers(entry: Mapping[str, Any]) -> list[str]:
    return [
        *(number(entry[name]) for name in ("mean", "std", "median")),
        *(interval(entry[name]) for name in ("interval68", "interval95")),
    ]


def _strip(name: str, entry: Mapping[str, Any], low: float, high: float) -> Markup:
    """Draw the intervals within the range of the prior."""

    def at(value: float) -> float:
        return min(1.0, max(0.0, (value - low) / (high - low))) * _STRIP

    def bar(class_: str, ends: Sequence[float], height: float) -> str:
        left, right = at(ends[0]), at(ends[1])
        return (
            f'<rect class="{class_}" x="{left:.1f}" y="{7 - height / 2:g}" '
            f'width="{max(right - left, 1.0):.1f}" height="{height:g}"/>'
        )

    bars = bar("axis", (low, high), 2) + bar("s95", entry["interval95"], 6)
    bars += bar("s68", entry["interval68"], 10)
    if "truth" in entry:
        middle = at(entry["truth"])
        bars += f'<rect class="truth" x="{middle - 0.75:.1f}" y="0" width="1.5" height="14"/>'
    said = f"68 % interval of {name} {interval(entry['interval68'])} in {interval((low, high))}"
    return element(
        "svg", Markup(bars), width=f"{_STRIP:g}", height="14", viewBox=f"0 0 {_STRIP:g} 14",
        role="img", aria_label=said,
    )  # fmt: skip


def regions(run: Run) -> Markup:
    """Return the table of the signal regions."""
    try:
        asked = read_asked(run.path).regions
    except InputError as error:
        return element("p", f"No regions can be told: {error}", class_="note")
    if not asked:
        return element("p", "None: this scan counts no events itself.", class_="note")
    # as the figure draws them: the same numbers
    rng = np.random.default_rng(0)
    rows = [_region(run, region, rng) for region in asked]
    head = ("region", "observed", "background", "signal", "68 % interval", "95 % interval",
            "signal + background", "excess [std]", "p")  # fmt: skip
    return join(table(head, rows), prose(REGIONS, "note"))


def _region(run: Run, region: Region, rng: np.random.Generator) -> Markup:
    observed = run.summary["n_observed"][region.name]
    background = with_error(region.background, region.background_error)
    start = [region.name, number(observed), background]
    over = signed(f"{excess(region, observed):+.2f}")
    signal = run.summary["derived"].get(f"n_signal[{region.name}]")
    if signal is None:  # a plugin need not tell it
        return cells([*start, *[number(None)] * 4, over, number(None)])
    names = (f"n_signal[{region.name}]", f"n_signal_error[{region.name}]")
    n_signal, error = (run.posterior.columns[name] for name in names)
    p_value = predict(n_signal, error, run.posterior.weights, region, observed, rng).p_value
    total = signal["mean"] + region.background
    return cells(
        [
            *start,
            with_error(signal["mean"], signal["std"]),
            *(interval(signal[level], 4) for level in ("interval68", "interval95")),
            with_error(total, math.hypot(signal["std"], region.background_error)),
            over,
            p_text(p_value),
        ]
    )


def excess(region: Region, n_observed: float) -> float:
    """Return the significance of a count over the background alone, in standard deviations.

    sign(n - B) sqrt(q0), with the profile likelihood of the background's error.

    Source: Cowan, Cranmer, Gross, Vitells, arXiv:1007.1727, eqs. 12 and 52.

    >>> round(excess(Region("R", 1e4, 1e-6, "mean"), 1e4 + 200), 2)  # 200 / sqrt(1e4), nearly
    1.99
    """
    background = region.background, region.background_error
    q0 = float(q_mu(n_observed, 0.0, 0.0, *background, mode=region.mode))
    return math.copysign(math.sqrt(q0), n_observed - region.background)
