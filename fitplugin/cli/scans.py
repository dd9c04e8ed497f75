"""Commands that look into a scan file and what it needs: check, train, model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click

from fitplugin.cli.options import AS_JSON, CACHE, RETRAIN, SCAN


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
@click.option("--force", "-f", is_flag=True, help="Replace an existing report.")
def train(
    scan: Path,
    cache: Path | None,
    retrain: bool,
    report: Path | None,
    held_out: float,
    no_comparison: bool,
    force: bool,
) -> None:
    """Train the surrogates of a scan file, or judge them on held-out points.

    The report (a page index.html with figures, and calibration.json) takes minutes: it also trains
    on parts of the points, and other surrogates to compare with.

    \b
    Examples:
      fitplugin train scans/natural_susy/smoke.yaml
      fitplugin train scans/natural_susy/smoke.yaml --report calibration
    """
    from fitplugin.runs import report as reports
    from fitplugin.runs import runner, training
    from fitplugin.runs.text import calibration_table

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


@click.group()
def model() -> None:
    """Look into stored models."""


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
