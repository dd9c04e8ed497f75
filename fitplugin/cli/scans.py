"""Commands that look into a scan file and what it needs: check, train."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import click

from fitplugin.cli.options import ALLOW_CODE, AS_JSON, CACHE, RETRAIN, SCAN, edges_of
from fitplugin.errors import FitpluginError, InputError


def require_labels(scan: Path, allow_code: bool) -> None:
    """Refuse a scan whose labels no figure can show, before anything is computed."""
    from fitplugin.runs.config import read_scan

    symbols = read_scan(scan, allow_code=allow_code).symbols
    if symbols:
        from fitplugin.plots.style import require_drawable

        try:
            require_drawable(symbols)
        except InputError as error:
            raise error.at(str(scan)) from error


@click.command()
@SCAN
@CACHE
@ALLOW_CODE
@AS_JSON
def check(scan: Path, cache: Path | None, allow_code: bool, as_json: bool) -> None:
    """Check a scan file without running it: validity, speed, valid fraction.

    \b
    Example:
      fitplugin check scans/natural_susy/reconstruction.yaml
    """
    from fitplugin.runs.checking import check_scan
    from fitplugin.runs.text import check_table

    require_labels(scan, allow_code)
    found = check_scan(scan, cache, allow_code=allow_code)
    click.echo(json.dumps(found, indent=2) if as_json else check_table(found))


@click.command()
@SCAN
@CACHE
@RETRAIN
@ALLOW_CODE
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
    allow_code: bool,
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
    from fitplugin.runs import training
    from fitplugin.runs.loading import load_scan
    from fitplugin.runs.text import calibration_table

    if n_trials is not None:
        if report is not None:
            raise InputError("--report --search", "are two questions; ask one at a time")
        _search(scan, n_trials, ranges, output, allow_code)
        return
    for option, value in (("--ranges", ranges), ("--output", output)):
        if value is not None:
            raise InputError(option, "belongs to --search")
    if report is None:
        built = load_scan(scan, cache, retrain, in_parallel=True, allow_code=allow_code)
        for name, digest in built.model_digests.items():
            click.echo(f"{name}: ready ({digest[:16]})")
        return
    from fitplugin.plots.calibration.page import PAGE, write_report

    # before minutes of work, not after
    reports.refuse_existing(report, force)
    judged = training.judge(scan, held_out, comparison=not no_comparison, allow_code=allow_code)
    write_report(judged, report, force)
    click.echo(calibration_table(judged.surrogates))
    click.echo(f"report: {report / PAGE}")


def _search(
    scan: Path, n_trials: int, ranges: str | None, output: Path | None, allow_code: bool
) -> None:
    from fitplugin.studies.learned.search import search, search_text

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = output or Path("runs") / f"{scan.stem}-search"
    try:
        found = search(scan, n_trials, folder, edges_of(ranges), allow_code=allow_code)
    except KeyboardInterrupt:
        raise FitpluginError(
            f"interrupted; finished trials are in {folder}, and the same command goes on"
        ) from None
    for each in found:
        click.echo(f"{search_text(each)}\ntrials: {each.path}")
