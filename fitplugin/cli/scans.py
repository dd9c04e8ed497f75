"""Commands that look into a scan file and what it needs: check, train, model."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import click

from fitplugin.cli.options import AS_JSON, CACHE, RETRAIN, SCAN, range_of
from fitplugin.errors import FitpluginError, InputError


@click.command()
@SCAN
@CACHE
@AS_JSON
def check(scan: Path, cache: Path | None, as_json: bool) -> None:
    """Check a scan file without running it: validity, speed, valid fraction.

    \b
    Example:
      fitplugin check scans/natural_susy/reconstruction.yaml
    """
    from fitplugin.runs import runner
    from fitplugin.runs.text import check_table

    found = runner.check(scan, cache)
    click.echo(json.dumps(found, indent=2) if as_json else check_table(found))


@click.command()
@SCAN
@CACHE
@RETRAIN
@click.option(
    "--report", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Train on all but a held-out part and write figures and numbers there.",
)  # fmt: skip
@click.option("--held-out", default=0.1, show_default=True,
              type=click.FloatRange(0, 0.9, min_open=True),
              help="Share of the points that the report holds out.")  # fmt: skip
@click.option(
    "--no-comparison", is_flag=True,
    help="Leave learning curves and other surrogates out of the report: faster.",
)  # fmt: skip
@click.option(
    "--search",
    "n_trials",
    type=click.IntRange(min=1),
    metavar="N",
    help="Try N sets of hyper-parameters for every learned chi2; train and store nothing.",
)
@click.option("--ranges", metavar="A,B,...", help="Ranges of chi2 for the errors of --search.")
@click.option(
    "--output",
    "-o",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the trials of --search are kept; default: runs/NAME-search.",
)
@click.option("--force", "-f", is_flag=True, help="Replace an existing report.")
def train(
    scan: Path,
    cache: Path | None,
    retrain: bool,
    report: Path | None,
    held_out: float,
    no_comparison: bool,
    n_trials: int | None,
    ranges: str | None,
    output: Path | None,
    force: bool,
) -> None:
    """Train the surrogates of a scan file, or judge them on held-out points.

    The report (a page index.html with figures, and calibration.json) takes minutes: it also trains
    on parts of the points, and other surrogates to compare with.

    A search draws hyper-parameters at random; every trial is judged on validation points of its
    own, beside the nearest neighbour. Interrupted, or called with a larger N, it goes on.

    \b
    Examples:
      fitplugin train scans/natural_susy/smoke.yaml
      fitplugin train scans/natural_susy/smoke.yaml --report calibration
      fitplugin train learned.yaml --search 20
    """
    from fitplugin.runs import report as reports
    from fitplugin.runs import runner, training
    from fitplugin.runs.text import calibration_table

    if n_trials is not None:
        if report is not None:
            raise InputError("--report --search", "are two questions; ask one at a time")
        _search(scan, n_trials, ranges, output)
        return
    for option, value in (("--ranges", ranges), ("--output", output)):
        if value is not None:
            raise InputError(option, "belongs to --search")
    if report is None:
        built = runner.load_scan(scan, cache, retrain, in_parallel=True)
        for name, digest in built.model_digests.items():
            click.echo(f"{name}: ready ({digest[:16]})")
        return
    from fitplugin.plots.report import PAGE, write_report

    # before minutes of work, not after
    reports.refuse_existing(report, force)
    judged = training.judge(scan, held_out, comparison=not no_comparison)
    write_report(judged, report, force)
    click.echo(calibration_table(judged.surrogates))
    click.echo(f"report: {report / PAGE}")


def _search(scan: Path, n_trials: int, ranges: str | None, output: Path | None) -> None:
    from fitplugin.studies.search import search, search_text

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = output or Path("runs") / f"{scan.stem}-search"
    try:
        found = search(scan, n_trials, folder, _edges(ranges))
    except KeyboardInterrupt:
        raise FitpluginError(
            f"interrupted; finished trials are in {folder}, and the same command goes on"
        ) from None
    for each in found:
        click.echo(f"{search_text(each)}\ntrials: {each.path}")


def _edges(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(edge) for edge in text.split(",")]
    except ValueError:
        raise InputError("--ranges", f"{text!r} must be numbers with commas between") from None


@click.group()
def model() -> None:
    """Look into stored models, and judge them."""


@model.command(name="test")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("table")
@click.option("--training", metavar="TABLE",
              help="What the model has learned from: adds its nearest neighbour.")  # fmt: skip
@click.option("--within", multiple=True, metavar="NAME=LOW:HIGH",
              help="Use these points only; may be repeated.")  # fmt: skip
@click.option("--ranges", metavar="A,B,...", help="Ranges of the target.")
@AS_JSON
def judge(
    file: Path,
    table: str,
    training: str | None,
    within: tuple[str, ...],
    ranges: str | None,
    as_json: bool,
) -> None:
    """Judge a stored model by a table of points that it has not seen.

    Mean errors, overall and by range of the target. With points of another model or of another
    part of the parameter space this is a transfer test.

    \b
    Example:
      fitplugin model test MODEL.npz other_model.npz --training chi2.npz
    """
    from fitplugin.data.tables import read_table
    from fitplugin.studies.learned_chi2 import judge_stored, judgement_text

    found = judge_stored(
        file,
        read_table(table),
        dict(range_of(text, "--within") for text in within),
        _edges(ranges),
        None if training is None else read_table(training),
    )
    click.echo(json.dumps(found.to_dict(), indent=2) if as_json else judgement_text(found))


@model.command(name="train")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("table")
@click.option("--inputs", help="Columns with commas between, or `features`; default: those that "
              "the card of the table names.")  # fmt: skip
@click.option("--target", default="chi2", show_default=True)
@click.option("--kind", default="deep_network", show_default=True, help="A surrogate.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE",
              help="Of the surrogate; may be repeated.")  # fmt: skip
@click.option("--within", multiple=True, metavar="NAME=LOW:HIGH",
              help="Learn from these points only; may be repeated.")  # fmt: skip
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@click.option("--force", "-f", is_flag=True, help="Replace what is there.")
def learn(
    out: Path,
    table: str,
    inputs: str | None,
    target: str,
    kind: str,
    options: tuple[str, ...],
    within: tuple[str, ...],
    seed: int,
    force: bool,
) -> None:
    """Learn a table and store the model, without a scan file.

    Name it in a scan file under likelihoods: {kind: learned, model: OUT}. An interrupted training
    of a deep_network goes on when the command is called again.

    \b
    Examples:
      fitplugin model train chi2_model.npz chi2.npz --option transform=sqrt
      fitplugin model train scynet.npz chi2.npz --inputs features --option mode=reparametrised
    """
    from fitplugin.studies.learned_chi2 import learn_table

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    names = inputs if inputs is None or inputs == "features" else inputs.split(",")
    ranges = dict(range_of(text, "--within") for text in within)
    try:
        learn_table(out, table, names, target, kind, options, ranges, seed, force)
    except KeyboardInterrupt:
        raise FitpluginError("interrupted; the same command goes on from there") from None
    click.echo(f"model: {out}")


@model.command()
@click.argument("file", type=click.Path(path_type=Path))
@AS_JSON
def show(file: Path, as_json: bool) -> None:
    """Describe a stored model, and prove it.

    Its check vector is predicted again; a model that predicts something else is refused.

    \b
    Example:
      fitplugin model show ~/.cache/fitplugin/models/MODEL.npz
    """
    from fitplugin.runs.text import model_table
    from fitplugin.surrogates.store import inspect

    stored = inspect(file)
    if as_json:
        click.echo(json.dumps(stored.card.model_dump(mode="json"), indent=2))
        return
    width = min(shutil.get_terminal_size().columns, 120)
    click.echo(model_table(str(file), stored, width))
