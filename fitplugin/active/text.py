"""A loop in words: one line per round, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fitplugin.active.loop import Outcome

_HEAD = (
    f"{'round':>5}{'asked':>7}{'failed':>8}{'undecided':>11}{'entropy':>9}{'contour sd':>12}"
    f"{'sharpness':>11}{'accuracy':>10}{'F1':>8}"
)


def rounds_text(rounds: Sequence[Mapping[str, Any]]) -> str:
    """Return the rounds as a table."""
    return "\n".join([_HEAD, *(_line(metrics) for metrics in rounds)])


def outcome_text(outcome: Outcome) -> str:
    """Return rounds, what was mended, and what happens next."""
    state = outcome.state
    lines = [rounds_text(state.rounds)] if state.rounds else []
    lines += [f"note: {note}" for note in state.notes]
    if outcome.waiting:
        lines.append(
            f"waiting for {outcome.waiting} of {len(state.asked)} answers; the same command reads "
            "them when they are there"
        )
    elif outcome.is_done:
        lines.append("the contour is sharp: both stop tests hold")
    else:
        lines.append("all rounds are done; give more (rounds: in the file) to go on")
    return "\n".join([*lines, f"state: {state.folder}"])


def _line(found: Mapping[str, Any]) -> str:
    test = found.get("test", {})
    sharpness = f"{found['sharpness']:.3f}" if "sharpness" in found else "-"
    accuracy = f"{test['accuracy']:.4f}" if test else "-"
    f1 = f"{test['f1']:.4f}" if test else "-"
    return (
        f"{found['round']:>5}{found['asked']:>7}{found['failed']:>8}{found['undecided']:>11.3f}"
        f"{found['mean_entropy']:>9.4f}{found['contour_std']:>12.3f}{sharpness:>11}"
        f"{accuracy:>10}{f1:>8}"
    )
