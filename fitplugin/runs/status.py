"""How far a run is, read from another shell."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from fitplugin.errors import InputError
from fitplugin.runs import directory, unfinished


def read_status(target: Path) -> dict[str, Any]:
    """Return the state of a run: ``running``, ``interrupted`` or ``complete``, and how far it is.

    Raises
    ------
    InputError
        If there is no run, finished or not.
    """
    found = unfinished.standing(target)
    if found is not None:
        progress = found.progress
        return {
            "state": "running" if found.is_running else "interrupted",
            "directory": str(found.folder),
            "attempts": found.started["attempts"],
            **{name: value for name, value in progress.items() if name != "time"},
            "seconds_since_report": (
                round(time.time() - progress["time"], 1) if "time" in progress else None
            ),
            "journal_bytes": found.n_evaluated_bytes,
        }
    if not target.exists():
        raise InputError(
            str(target), "is no run, finished or unfinished; `fitplugin run SCAN` makes one"
        )
    summary = directory.read_run(target).summary
    keys = ("sampler", "n_like", "n_eff", "log_z", "log_z_error", "log_z_box", "wall_time_s")
    return {
        "state": "complete",
        "directory": str(target),
        **{key: summary[key] for key in keys if key in summary},
    }


def status_text(found: Mapping[str, Any]) -> str:
    """Return the state of a run in a line or two."""
    state, folder = found["state"], found["directory"]
    if state == "complete":
        return (
            f"complete: {folder}; {found['sampler']}, {found['n_like']} likelihood calls, "
            f"{found['n_eff']:.0f} effective samples, ln Z {found['log_z']:.3f} +- "
            f"{found['log_z_error']:.3f}"
        )
    lines = [f"{state}: {folder}, attempt {found['attempts']}, {_how_far(found)}"]
    if state == "interrupted":
        lines.append("continue it with `fitplugin run SCAN --resume`")
    return "\n".join(lines)


def _how_far(found: Mapping[str, Any]) -> str:
    if found.get("stage") is None:
        return "nothing evaluated yet"
    unit = "points of the prior" if found["stage"] == "prior" else "iterations"
    text = f"{found.get('done', 0)} of {found.get('total') or '?'} {unit}"
    if found["stage"] == "sampler":
        text += f", {found.get('n_like', 0)} likelihood calls"
        if found.get("log_z_box") is not None:
            text += f", ln Z so far {found['log_z_box']:.2f}"
        if found.get("eta_s") is not None and found["state"] == "running":
            text += f", {timedelta(seconds=round(found['eta_s']))} to go"
    return f"{text} ({found['seconds_since_report']:.0f} s ago, {found['host']})"
