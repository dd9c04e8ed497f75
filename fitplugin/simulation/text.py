"""What a campaign and a dataset say, in lines for the terminal."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fitplugin.data.tables import Table
from fitplugin.errors import InputError
from fitplugin.physics.simulated_table import regions_of
from fitplugin.simulation.campaign import Summary

_MOST_FAILURES = 10


def summary_text(summary: Summary, output: Path) -> str:
    """Return how a campaign ended, and what to do next."""
    n_done = len(summary.done)
    lines = [f"simulated: {n_done} point{'s' * (n_done != 1)}"]
    if summary.seconds:
        low, high = min(summary.seconds), max(summary.seconds)
        spread = f" ({low:.1f}-{high:.1f})" if len(summary.seconds) > 1 else ""
        lines[0] += f", {statistics.median(summary.seconds):.1f} s each{spread} on one core"
    if summary.already_there:
        lines.append(f"there before: {len(summary.already_there)}")
    if summary.unanswered:
        lines.append(f"no answer yet: {len(summary.unanswered)} ({_some(summary.unanswered)})")
    for name, reason in list(summary.failures.items())[:_MOST_FAILURES]:
        lines.append(f"failed: {name}: {reason}")
    if len(summary.failures) > _MOST_FAILURES:
        lines.append(f"failed: {len(summary.failures) - _MOST_FAILURES} more")
    lines.append(f"results: {output}")
    lines.append(f"next: fitplugin dataset build efficiencies.npz {output}")
    return "\n".join(lines)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def dataset_facts(table: Table) -> dict[str, Any]:
    """Return what a table of efficiencies holds, as plain values.

    Raises
    ------
    InputError
        If it is no such table.
    """
    regions = regions_of(table)
    if "process" not in table.columns or not regions:
        raise InputError(table.name, "is no table of efficiencies: it has no process or region")
    process = np.asarray(table.columns["process"])
    generated = table.numbers(["n_generated"])[:, 0]
    efficiencies = {}
    for name in dict.fromkeys(map(str, process)):
        rows = process == name
        passed = table.numbers([f"passed_{region}" for region in regions])[rows]
        efficiencies[name] = {
            "rows": int(rows.sum()),
            "events": int(generated[rows].sum()),
            "mean_efficiency": dict(
                zip(regions, (passed / generated[rows, None]).mean(axis=0).tolist(), strict=True)
            ),
        }
    return {
        "table": table.name,
        "title": table.card.get("title", ""),
        "source": table.card.get("source", ""),
        "points": len(np.unique(table.columns["id"])),
        "rows": len(process),
        "inputs": {name: facts["range"] for name, facts in table.card.get("inputs", {}).items()},
        "processes": efficiencies,
        "sha256": table.digest,
    }


def dataset_text(facts: Mapping[str, Any]) -> str:
    """Return them as lines of text."""
    processes = facts["processes"]
    regions = next(iter(processes.values()))["mean_efficiency"]
    lines = [
        f"{facts['table']}: {facts['title']}",
        f"{facts['points']} points, {facts['rows']} rows, sha256 {facts['sha256'][:16]}",
        "inputs: " + ", ".join(f"{n} {r[0]:g} to {r[1]:g}" for n, r in facts["inputs"].items()),
        "",
        f"{'mean efficiency [%]':<20}" + "".join(f"{name:>11}" for name in processes),
        f"{'points':<20}" + "".join(f"{found['rows']:>11}" for found in processes.values()),
        f"{'events':<20}" + "".join(f"{found['events']:>11}" for found in processes.values()),
    ]
    lines += [
        f"{region:<20}"
        + "".join(
            f"{100 * found['mean_efficiency'][region]:>11.3f}" for found in processes.values()
        )
        for region in regions
    ]
    return "\n".join(lines)
