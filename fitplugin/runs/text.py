"""Tables for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fitplugin.stats.classification import Classification

if TYPE_CHECKING:
    from fitplugin.runs.training import Judged
    from fitplugin.surrogates.store import Stored


def summary_table(summary: Mapping[str, Any]) -> str:
    """Return the posterior, the evidence and the cost of a run, as lines of text."""
    head = (
        f"{'':<12}{'mean':>10}{'std':>10}{'median':>10}{'68 % interval':>23}{'95 % interval':>23}"
        + (f"{'truth':>9}" if any("truth" in e for e in summary["parameters"].values()) else "")
    )
    lines = [summary["title"], head] if summary.get("title") else [head]
    for name, entry in summary["parameters"].items():
        truth = f"{entry['truth']:9.5g}" if "truth" in entry else ""
        lines.append(
            f"{name:<12}{entry['mean']:10.5g}{entry['std']:10.4g}{entry['median']:10.5g}"
            f"{_interval(entry['interval68']):>23}{_interval(entry['interval95']):>23}{truth}"
        )
    counts = ", ".join(f"{name} {count:.4g}" for name, count in summary["n_observed"].items())
    if counts:
        lines.append(f"observed: {counts}")
    lines.append(
        f"ln Z: {summary['log_z_box']:.3f} +- {summary['log_z_box_error']:.3f} over the whole box, "
        f"{summary['log_z']:.3f} +- {summary['log_z_error']:.3f} over the valid prior "
        f"({summary['valid_fraction']:.4f} of the box)"
    )
    lines.append(
        f"{summary['sampler']}: {summary['n_like']} likelihood calls, "
        f"{summary['n_eff']:.0f} effective samples, {summary['wall_time_s']:.1f} s in all"
    )
    outside = summary["out_of_domain"]
    lines.append(
        f"outside the surrogates' training points: {outside['posterior_fraction']:.2%} of the "
        f"posterior ({outside['n_points']} points; out_of_domain: {outside['policy']})"
    )
    return "\n".join(lines)


def check_table(found: Mapping[str, Any]) -> str:
    """Return the result of `fitplugin check` as lines of text."""
    counts = ", ".join(f"{name} {count:.4g}" for name, count in found["n_observed"].items())
    return "\n".join(
        [
            f"scanned parameters: {', '.join(found['names'])}",
            *_table_lines(found.get("table")),
            f"observed: {counts or 'no counting regions'}",
            f"valid fraction of the box: {found['valid_fraction']:.3f}"
            f" +- {found['valid_fraction_error']:.3f}",
            f"time per point: {1e6 * found['seconds_per_point']:.0f} us alone, "
            f"{1e6 * found['seconds_per_point_in_batch']:.0f} us in a batch",
            *_gate_lines(found.get("gate")),
            f"advice: {found['advice']}",
            f"digest: {found['digest']}",
        ]
    )


def _table_lines(table: Mapping[str, Any] | None) -> list[str]:
    if table is None:
        return []
    not_read = ", ".join(table["not_read"]) or "nothing"
    return [f"learned from {table['name']}: {table['n_points']} points; not read: {not_read}"]


def _gate_lines(gate: Mapping[str, Any] | None) -> list[str]:
    if gate is None:
        return []
    asks = f"gate: asks where {gate['threshold']} > {gate['cut']:g}"
    if "lost" not in gate:
        return [f"{asks}; its mistakes are not known: name points it has not seen under dataset"]
    return [
        f"{asks}; loses {gate['lost']:.1%} of the valid points, asks for {gate['passed']:.1%} of "
        f"the others ({gate['n_judged']} held out)"
    ]


def calibration_table(judged: Sequence[Judged]) -> str:
    """Return one line per target of the calibration report."""
    lines = [
        f"{'surrogate':<22}{'target':<24}{'points':>7}{'RMSE':>10}{'chi2/n':>8}"
        f"{'68 %':>7}{'95 %':>7}{'99.7 %':>8}{'log score':>11}"
    ]
    for surrogate in judged:
        for target, c in surrogate.calibration.items():
            start = f"{surrogate.name:<22}{target:<24}{c.n_points:>7}"
            if isinstance(c, Classification):
                lines.append(
                    f"{start}   recall {c.recall:.3f}, precision {c.precision:.3f}, F1 {c.f1:.3f}"
                    f" at {c.threshold:g}; {c.n_false_valid} false 1, {c.n_false_invalid} false 0"
                )
                continue
            lines.append(
                f"{start}{c.rmse:>10.3g}"
                f"{c.chi2_per_point:>8.2f}{c.coverage68:>7.3f}{c.coverage95:>7.3f}"
                f"{c.coverage997:>8.3f}{c.log_score:>11.3f}"
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


def model_table(path: str, stored: Stored, width: int = 80) -> str:
    """Return what is known of a stored model, in lines of at most ``width`` where words allow."""
    card = stored.card
    longest = max(map(len, card.inputs))
    inputs = [
        f"{name:<{longest}}  [{facts.range[0]:.6g}, {facts.range[1]:.6g}] {facts.unit or ''}"
        for name, facts in card.inputs.items()
    ]
    training = ["not recorded"]
    if facts := card.training:
        training = [f"{facts.name}: {facts.n_points} points, seed {facts.seed}", facts.sha256]
    rows = {
        "file": [f"{path} ({_size(stored.n_bytes)})"],
        "sha256": [stored.sha256],
        "kind": [f"{card.kind} (fitplugin {card.fitplugin_version}, schema {card.schema_version})"],
        "learns": [", ".join(card.targets)],
        "from": inputs,
        "options": [_facts(card.options)] if card.options else ["none"],
        "trained on": training,
        "calibration": [
            f"{name}: {_facts(value) if isinstance(value, dict) else _word(value)}"
            for name, value in (card.calibration or {}).items()
        ]
        or ["not recorded"],
        "check vector": [f"reproduced ({len(card.check.inputs)} points)"],
        "cite": list(card.citations) or ["nothing"],
    }
    lines = []
    for label, entries in rows.items():
        for number, entry in enumerate(entries):
            start = f"{label if number == 0 else '':<14}"
            # names, paths and checksums stay whole, to be copied
            lines += textwrap.wrap(
                entry,
                width,
                initial_indent=start,
                subsequent_indent=" " * 16,
                break_long_words=False,
                break_on_hyphens=False,
            )
    return "\n".join(lines)


def _facts(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_word(value)}" for name, value in values.items())


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return f"({', '.join(map(_word, value))})"
    if isinstance(value, Mapping):
        return f"({_facts(value)})"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _size(n_bytes: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= scale:
            return f"{n_bytes / scale:.1f} {unit}"
    return f"{n_bytes} bytes"
