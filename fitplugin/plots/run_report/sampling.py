"""What a report says of the sampling: evidence, time and cost, the sampler's own diagnostics."""

from __future__ import annotations

from typing import Any

from fitplugin.plots.html import Markup, cells, element, facts, join, table
from fitplugin.plots.run_report.typesetting import number, per_cent, signed, with_error
from fitplugin.plots.run_report.words import EVIDENCE, SAMPLER, STAGES
from fitplugin.runs.directory import Run


def evidence(run: Run) -> Markup:
    """Return the table of the evidence, with a sentence for each number."""
    summary = run.summary
    rows = [
        cells([title, with_error(summary[name], summary[f"{name}_error"]), meaning])
        for name, (title, meaning) in EVIDENCE.items()
    ]
    highest = signed(f"{summary['max_log_likelihood']:.3f}")
    rows.append(cells(["highest ln L", highest, "Of all points that were evaluated and kept."]))
    return table(["", "value", "meaning"], rows, class_="words")


def cost(run: Run) -> Markup:
    """Return wall time by stage, and what was paid for a sample."""
    summary, manifest = run.summary, run.manifest
    seconds = manifest.get("seconds", {})
    total = sum(seconds.values())
    rows = [
        cells(
            [STAGES.get(stage, stage), f"{value:.2f}", per_cent(value / total, 2) if total else ""]
        )
        for stage, value in seconds.items()
    ]
    rows.append(cells(["in all", f"{total:.2f}", ""]))
    sampling = seconds.get("sampler", 0.0)
    entries: dict[str, object] = {
        "likelihood calls": summary["n_like"],
        "live points": summary["n_live"],
        "effective samples": f"{summary['n_eff']:.0f}",
        "calls per effective sample": number(summary["n_like"] / summary["n_eff"], 3),
        "processes": manifest.get("processes"),
    }
    if sampling > 0:
        entries["calls per second"] = number(summary["n_like"] / sampling, 3)
        entries["effective samples per second"] = number(summary["n_eff"] / sampling, 3)
    libraries = manifest.get("libraries", {})
    entries["machine"] = f"{manifest.get('platform')}, Python {manifest.get('python')}"
    entries["libraries"] = ", ".join(f"{name} {version}" for name, version in libraries.items())
    timings = table(["stage", "seconds", "share"], rows, own=len(rows) - 1)
    return join(timings, facts({k: v for k, v in entries.items() if v not in (None, "")}))


def sampler(run: Run) -> Markup:
    """Return what the sampler says of itself."""
    details = {name: value for name, value in run.manifest["sampler"].items() if name != "name"}
    rows = [
        cells([element("code", name), _detail(name, value), SAMPLER.get(name, "")])
        for name, value in details.items()
    ]
    what = run.manifest["sampler"].get("name", run.summary["sampler"])
    if not rows:
        return element("p", f"{what}: no diagnostics of its own.")
    return join(element("p", f"{what}, in its own words:"),
                table(["", "value", "meaning"], rows, class_="words"))  # fmt: skip


def _detail(name: str, value: Any) -> str:
    return ("yes" if value else "no") if name == "converged" else number(value)
