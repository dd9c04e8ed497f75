"""A loop in words: one line per round, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fitplugin.active.goal import Goal, Metric
from fitplugin.active.loop import Outcome


def rounds_text(rounds: Sequence[Mapping[str, Any]], metrics: Sequence[Metric]) -> str:
    """Return the rounds as a table, with a column for each metric that any round has."""
    head = f"{'round':>5}{'asked':>7}{'failed':>8}"
    metrics = [
        metric
        for metric in metrics
        if metric.head and any(metric.of(found) is not None for found in rounds)
    ]
    lines = [head + "".join(f"{metric.head:>13}" for metric in metrics)]
    for found in rounds:
        numbers = [metric.of(found) for metric in metrics]
        columns = "".join(f"{'-' if n is None else f'{n:.4f}':>13}" for n in numbers)
        lines.append(f"{found['round']:>5}{found['asked']:>7}{found['failed']:>8}{columns}")
    return "\n".join(lines)


def outcome_text(outcome: Outcome, goal: Goal) -> str:
    """Return rounds, what was mended, and what happens next."""
    state = outcome.state
    lines = [rounds_text(state.rounds, goal.metrics)] if state.rounds else []
    lines += [f"note: {note}" for note in state.notes]
    if outcome.waiting:
        lines.append(
            f"waiting for {outcome.waiting} of {len(state.asked)} answers; the same command reads "
            "them when they are there"
        )
    elif outcome.is_done:
        lines.append(goal.reached)
    else:
        lines.append("all rounds are done; give more (rounds: in the file) to go on")
    return "\n".join([*lines, f"state: {state.folder}"])
