"""What predictions and errors of a model decide: arXiv:2007.04506, sections 4.2 and 5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from fitplugin.arrays import FloatArray
from fitplugin.stats.classification import is_binary
from fitplugin.stats.decisions import (
    DECISIONS,
    Mistakes,
    coverage,
    is_certain,
    mistakes,
    overlaps,
    percent_error,
)


class FurtherMeasures(NamedTuple):
    """Measures beyond the usual ones: a window of the target, a veto of uncertain points."""

    window: tuple[float, float] | None = None
    veto: float | None = None


NONE_FURTHER = FurtherMeasures()


def measures(
    mean: FloatArray, std: FloatArray, truth: FloatArray, asked: FurtherMeasures = NONE_FURTHER
) -> dict[str, Any]:
    """Judge (n_points,) predictions and errors by truths.

    Returns
    -------
    dict
        JSON-ready. Of classes: ``decisions``, by text. Otherwise ``percent_error`` (where no truth
        is 0), ``coverage``, and what is asked: ``window``, ``veto``.
    """
    if is_binary(truth):
        return {"decisions": {d.text: _scores(d.judge(mean, std, truth)) for d in DECISIONS}}
    found: dict[str, Any] = {"coverage": {k: s for k, (s, _) in coverage(mean, std, truth).items()}}
    if (truth != 0).all():
        found["percent_error"] = percent_error(mean, truth)
    if asked.window is not None:
        low, high = asked.window
        inside = (truth >= low) & (truth <= high)
        found["window"] = {
            "low": low,
            "high": high,
            **_scores(mistakes(overlaps(mean, std, asked.window), inside)),
        }
    if asked.veto is not None:
        kept = is_certain(mean, std, asked.veto)
        found["veto"] = {"factor": asked.veto, "n_vetoed": int((~kept).sum())}
        if kept.any() and (truth != 0).all():
            found["veto"]["percent_error"] = percent_error(mean[kept], truth[kept])
    return found


def measures_text(found: Mapping[str, Any]) -> list[str]:
    """Return the measures as lines of text."""
    lines = []
    if "decisions" in found:
        lines.append(f"{'said valid where > 0.5':<24}{'recall':>9}{'precision':>11}{'F1':>9}")
        lines += [_line(text, scores) for text, scores in found["decisions"].items()]
    if "percent_error" in found:
        lines.append(f"mean percent error: {found['percent_error']:.3g} %")
    if "coverage" in found:
        parts = ", ".join(f"{k} {share:.1%}" for k, share in found["coverage"].items())
        lines.append(f"truths within {parts} (a Gaussian: 68.3 %, 95.4 %, 99.7 %)")
    if "window" in found:
        window = found["window"]
        lines.append(f"{'may be in the window':<24}{'recall':>9}{'precision':>11}{'F1':>9}")
        lines.append(_line(f"{window['low']:g} to {window['high']:g}, 3 sd", window))
    if "veto" in found:
        veto = found["veto"]
        text = f"known within a factor {veto['factor']:g}: all but {veto['n_vetoed']} points"
        if "percent_error" in veto:
            text += f", mean percent error {veto['percent_error']:.3g} %"
        lines.append(text)
    return lines


def _line(label: str, scores: Mapping[str, Any]) -> str:
    return f"{label:<24}{scores['recall']:>9.4f}{scores['precision']:>11.4f}{scores['f1']:>9.4f}"


def _scores(found: Mistakes) -> dict[str, Any]:
    return {
        "recall": found.recall,
        "precision": found.precision,
        "f1": found.f1,
        **found.to_dict(),
    }
