"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fitplugin.stats.calibration import Classification

if TYPE_CHECKING:
    from fitplugin.runs.training import Judged


def summary_table(summary: Mapping[str, Any]) -> str:
    """Return the posterior, the evidence and the cost of a run, as lines of text."""
    head = (
        f"{'':<12}{'mean':>9}{'std':>9}{'median':>9}{'68 % interval':>20}{'95 % interval':>20}"
        f"{'truth':>9}"
    )
    lines = [summary["title"], head] if summary.get("title") else [head]
    for name, entry in summary["parameters"].items():
        truth = f"{entry['truth']:9.5g}" if "truth" in entry else ""
        lines.append(
            f"{name:<12}{entry['mean']:9.5g}{entry['std']:9.4g}{entry['median']:9.5g}"
            f"{_interval(entry['interval68']):>20}{_interval(entry['interval95']):>20}{truth}"
        )
    counts = ", ".join(f"{name} {count:.4g}" for name, count in summary["n_observed"].items())
    lines.append(f"observed: {counts}")
    evidence = f"{summary['log_z_box']:.3f} +- {summary['log_z_error']:.3f} over the whole box"
    if "log_z" in summary:
        evidence += f", {summary['log_z']:.3f} over the valid prior"
        evidence += f" ({summary['valid_fraction']:.4f} of the box)"
    lines.append(f"ln Z: {evidence}")
    lines.append(
        f"{summary['sampler']}: {summary['n_like']} likelihood calls, "
        f"{summary['n_eff']:.0f} effective samples, {summary['wall_time_s']:.1f} s in all"
    )
    return "\n".join(lines)


def check_table(found: Mapping[str, Any]) -> str:
    """Return the result of `fitplugin check` as lines of text."""
    counts = ", ".join(f"{name} {count:.4g}" for name, count in found["n_observed"].items())
    return "\n".join(
        [
            f"scanned parameters: {', '.join(found['names'])}",
            f"observed: {counts}",
            f"valid fraction of the box: {found['valid_fraction']:.3f}"
            f" +- {found['valid_fraction_error']:.3f}",
            f"time per point: {1e6 * found['seconds_per_point']:.0f} us alone, "
            f"{1e6 * found['seconds_per_point_in_batch']:.0f} us in a batch",
            f"digest: {found['digest']}",
        ]
    )


def calibration_table(judged: Sequence[Judged]) -> str:
    """Return one line per target of the calibration report."""
    lines = [
        f"{'surrogate':<22}{'target':<24}{'points':>7}{'RMSE':>10}{'chi2/n':>8}"
        f"{'68 %':>7}{'95 %':>7}{'99.7 %':>8}"
    ]
    for surrogate in judged:
        for target, c in surrogate.calibration.items():
            start = f"{surrogate.name:<22}{target:<24}{c.n_points:>7}"
            if isinstance(c, Classification):
                lines.append(
                    f"{start}   recall {c.recall:.3f}, precision {c.precision:.3f}, F1 {c.f1:.3f}"
                    f" at {c.threshold:g}"
                )
                continue
            lines.append(
                f"{start}{c.rmse:>10.3g}"
                f"{c.chi2_per_point:>8.2f}{c.coverage68:>7.3f}{c.coverage95:>7.3f}"
                f"{c.coverage997:>8.3f}"
            )
    return "\n".join(lines)


def counts_table(found: Mapping[str, Mapping[str, float]]) -> str:
    """Return one line per mode of `fitplugin counts`."""
    names = list(next(iter(found.values())))
    lines = [f"{'mode':<12}" + "".join(f"{name:>16}" for name in names)]
    lines += [
        f"{mode:<12}" + "".join(f"{values[name]:16.8f}" for name in names)
        for mode, values in found.items()
    ]
    return "\n".join(lines)


def _interval(ends: Sequence[float]) -> str:
    return f"[{ends[0]:.5g}, {ends[1]:.5g}]"
