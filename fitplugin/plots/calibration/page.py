"""The calibration report as one static page with its figures: no script, nothing from outside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fitplugin.physics.leading_order import BASELINES
from fitplugin.plots import html
from fitplugin.plots.calibration.figures import plot_calibration, stem_of
from fitplugin.plots.calibration.words import NUMBERS
from fitplugin.runs.comparison import MAX_ROWS
from fitplugin.runs.models import file_name
from fitplugin.runs.report import nominal_error, write_numbers, writing
from fitplugin.runs.training import Judged, Report, Trial
from fitplugin.stats.calibration import Calibration
from fitplugin.stats.classification import Classification, best_threshold

PAGE = "index.html"
_MANY = 2  # targets beyond which their figures and tables are folded


def write_report(report: Report, folder: Path, force: bool = False) -> None:
    """Write numbers, figures and page into a new folder.

    Raises
    ------
    InputError
        If the folder exists, unless it is a report and ``force`` is given.
    """
    with writing(folder, force) as scratch:
        write_numbers(report, scratch)
        for judged in tqdm(report.surrogates, desc="figures", disable=None, leave=False):
            plot_calibration(judged, scratch)
        (scratch / PAGE).write_text(page(report), encoding="utf-8")


def page(report: Report) -> str:
    """Return the HTML of the report; figures are files beside it."""
    links = ", ".join(
        f'<a href="#{escape(j.name)}">{escape(j.name)}</a>' for j in report.surrogates
    )
    body = f"""<p>{escape(report.title)}</p>
<p>Every surrogate of the scan was trained without {100 * report.held_out_share:g} % of its points,
then asked for those. What you see are these held-out points, which no training has seen. A
surrogate that corrects its errors (<code>calibration: scale</code>, <code>conformal</code> or
<code>coverage</code>) does so within its training, on a further share of the training points that
it keeps aside: the report does not use that share, and the correction has not seen the points of
the report. All is seeded by <code>training_seed: {report.training_seed}</code>. All numbers are in
<a href="calibration.json">calibration.json</a>; each figure is also there as a PDF.</p>
<p>Surrogates: {links}.</p>
<h2 id="summary">Summary</h2>
{_overview(report.surrogates)}
{"".join(map(_section, report.surrogates))}
<h2 id="numbers">What the numbers mean</h2>
<dl>{"".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in NUMBERS.items())}</dl>"""
    title = f"Calibration of {Path(report.scan).name}"
    return html.page(title, html.Markup(body), images="'self' file:")


def _overview(surrogates: Iterable[Judged]) -> str:
    values, classes = [], []
    for judged in surrogates:
        for target, c in judged.calibration.items():
            start = [judged.name, target, str(c.n_points)]
            if isinstance(c, Classification):
                least = best_threshold(judged.columns(target)[0], judged.columns(target)[2])
                classes.append(html.cells([*start, *_class_numbers(c), f"{least:.3f}"]))
            else:
                values.append(
                    html.cells([*start, _short(c.excess_rmse)])
                    + html.cells(_value_numbers(c))
                    + _coverage(c)
                    + html.cells([f"{c.pull_mean:+.3f}", f"{c.pull_std:.2f}"])
                )
    head = ["surrogate", "target", "points"]
    return html.table(
        [*head, "error", *_VALUE_HEAD, "99.7 %", "pull mean", "pull std"], values
    ) + html.table([*head, *_CLASS_HEAD, "least mistakes at"], classes)


_VALUE_HEAD = ("relative error", "RMSE", "log score", "chi2/n", "68 %", "95 %")
_CLASS_HEAD = (
    "threshold", "precision", "recall", "F1", "false 1", "false 0", "Brier score", "log loss"
)  # fmt: skip


def _value_numbers(c: Calibration) -> list[str]:
    relative = c.mean_relative_error
    return [
        "-" if np.isnan(relative) else f"{100 * relative:.3g} %",
        _short(c.rmse), f"{c.log_score:.3f}", _short(c.chi2_per_point),
    ]  # fmt: skip


def _class_numbers(c: Classification) -> list[str]:
    return [
        f"{c.threshold:g}", f"{c.precision:.4f}", f"{c.recall:.4f}", f"{c.f1:.4f}",
        str(c.n_false_valid), str(c.n_false_invalid), f"{c.brier:.4f}", f"{c.log_loss:.4f}",
    ]  # fmt: skip


def _coverage(c: Calibration, all_levels: bool = True) -> str:
    levels = [(0.6827, c.coverage68), (0.95, c.coverage95), (0.9973, c.coverage997)]
    return "".join(
        f"<td{' class=off' if abs(found - level) > 3 * nominal_error(level, c.n_points) else ''}>"
        f"{found:.3f}</td>"
        for level, found in levels[: None if all_levels else 2]
    )


def _section(judged: Judged) -> str:
    many = len(judged.calibration) > _MANY
    figures = [_figures(judged, target, many) for target in judged.calibration]
    return (
        f'<h2 id="{escape(judged.name)}">{escape(judged.name)}</h2>{_facts(judged)}'
        + "".join(figures)
        + _learning(judged)
        + _comparison(judged, many)
    )


def _facts(judged: Judged) -> str:
    trial = judged.trial
    if trial is None:
        return ""
    options = escape(json.dumps(dict(trial.options), indent=1))
    return (
        f"<p>A <code>{escape(trial.kind)}</code> surrogate of {len(judged.held_out.input_names)} "
        f"inputs, trained on {trial.n_training} points in {trial.seconds:.1f} s, judged on "
        f"{judged.held_out.n_points}; {1e6 * trial.seconds_per_point:.3g} us per prediction.</p>"
        f"<details><summary>Its options</summary><pre>{options}</pre></details>"
    )


def _figures(judged: Judged, target: str, folded: bool) -> str:
    summary, stem = judged.calibration[target], stem_of(judged.name, target)
    if isinstance(summary, Classification):
        return f"<h3>{escape(target)}</h3>" + _image(
            f"{stem}.png", "Share of class 1 against its probability, with the number of points; "
            "precision, recall and F1 against the threshold",
        )  # fmt: skip
    what = target
    # masses have no sign: a negative one is what the surrogate has to add to leading order
    if target in BASELINES and (judged.columns(target)[2] < 0).any():
        what = f"{target} minus its leading-order value, as it is learned"
    both = _image(f"{stem}.png", f"{what}: predicted against simulated, and pulls") + _image(
        f"{stem}_slices.png",
        f"{target}: coverage of 68 % (circles) and 95 % (squares) in slices of every input and "
        "of the target (last)",
    )
    if folded:
        return f"<details><summary>{escape(target)}: figures</summary>{both}</details>"
    return f"<h3>{escape(target)}</h3>{both}"


def _image(name: str, text: str) -> str:
    return html.image(name, text, f"{text}.")


def _learning(judged: Judged) -> str:
    if not judged.curve:
        return ""
    missing = "".join(
        f"<p>With {t.n_training} points: {escape(t.reason)}.</p>" for t in judged.curve if t.reason
    )
    text = "The same surrogate trained on 1/8, 1/4, 1/2 and all of the training points"
    return (
        f"<h3>Learning curve</h3>{_image(f'{file_name(judged.name)}_learning.png', text)}{missing}"
    )


def _comparison(judged: Judged, many: bool) -> str:
    if not judged.comparison:
        return ""
    n_rows = max(trial.n_training for trial in judged.comparison)
    text = (
        f"<h3>Comparison</h3><p>All candidates learn the same {n_rows} points"
        f" (at most {MAX_ROWS}; fewer where their name says so) and are judged on the same "
        "held-out ones; this scan's surrogate is trained again on them, so that it has no "
        "advantage. The best score is bold (log score, log loss or error). The random committees "
        "of mode paper share one training and differ in how its experts are combined.</p>"
    )
    targets = list(judged.calibration)
    tables = {target: _candidates(judged, target) for target in targets}
    if not many:
        return text + "".join(f"<h4>{escape(t)}</h4>{table}" for t, table in tables.items())
    folded = "".join(
        f"<details><summary>{escape(t)}: all numbers</summary>{table}</details>"
        for t, table in tables.items()
    )
    return f"{text}<p>Error / spread of each target:</p>{_matrix(judged)}{folded}"


def _candidates(judged: Judged, target: str) -> str:
    trained = [trial for trial in judged.comparison if target in trial.calibration]
    is_class = isinstance(judged.calibration[target], Classification)
    head = _CLASS_HEAD if is_class else _VALUE_HEAD
    scores = [
        c.log_loss if isinstance(c, Classification) else -c.log_score
        for c in (trial.calibration[target] for trial in trained)
    ]
    best = trained[int(np.argmin(scores))] if trained else None
    rows = []
    for trial in judged.comparison:
        if target not in trial.calibration:
            rows.append(_no_result(trial, len(head) + 2, judged.calibration))
            continue
        c = trial.calibration[target]
        if isinstance(c, Classification):
            cells = _class_numbers(c)
            marked = _marked(cells, len(cells) - 1 if trial is best else None)
        else:
            marked = _marked(_value_numbers(c), 2 if trial is best else None)
            marked += _coverage(c, all_levels=False)
        rows.append(html.cells([trial.label]) + marked + html.cells(_cost(trial)))
    return html.table(["candidate", *head, "time [s]", "us/point"], rows, own=0)


def _matrix(judged: Judged) -> str:
    spread = judged.held_out.targets.std(axis=0)
    targets = list(judged.calibration)

    def errors(trial: Trial) -> list[float]:
        found = (trial.calibration[target] for target in targets)
        # targets of 0 and 1 among others have no such error
        return [
            c.excess_rmse / s if isinstance(c, Calibration) else float("nan")
            for c, s in zip(found, spread, strict=True)
        ]

    table = {t.label: errors(t) for t in judged.comparison if t.calibration}
    least = np.min(list(table.values()), axis=0)
    rows = []
    for trial in judged.comparison:
        if not trial.calibration:
            rows.append(_no_result(trial, len(targets) + 2, targets))
            continue
        cells = "".join(
            f"<td{' class=best' if value == low else ''}>{value:.4f}</td>"
            for value, low in zip(table[trial.label], least, strict=True)
        )
        rows.append(html.cells([trial.label]) + cells + html.cells(_cost(trial)))
    return html.table(["candidate", *targets, "time [s]", "us/point"], rows, own=0)


def _no_result(trial: Trial, width: int, targets: Iterable[str]) -> str:
    # a message may name all targets, which says no more than this
    reason = escape((trial.reason or "").replace(", ".join(targets), "the targets"))
    start = html.cells([trial.label])
    return f"{start}<td class=reason colspan={width}>not possible: {reason}</td>"


def _cost(trial: Trial) -> list[str]:
    return [f"{trial.seconds:.2f}", f"{1e6 * trial.seconds_per_point:.3g}"]


def _marked(contents: Sequence[str], best: int | None) -> str:
    return html.cells(contents, {} if best is None else {best: "best"})


def _short(value: float) -> str:
    return f"{value:.3g}"
