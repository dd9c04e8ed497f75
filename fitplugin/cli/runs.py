"""Commands that make runs: run, status, merge."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from fitplugin.cli.options import (
    ALLOW_CODE,
    AS_JSON,
    CACHE,
    NO_PLOTS,
    REPLACE_RUN,
    RESUME,
    RETRAIN,
    RUN,
    RUN_DIRECTORY,
    SCAN,
    refuse_both,
)
from fitplugin.cli.results import draw_figures
from fitplugin.cli.scans import require_labels
from fitplugin.errors import FitpluginError, InputError


@click.command()
@SCAN
@RUN_DIRECTORY
@REPLACE_RUN
@RESUME
@click.option("--allow-changes", is_flag=True,
              help="Resume although the scan, data, models or code have changed.")  # fmt: skip
@click.option("--member", metavar="I/K",
              help="Make one of K independent runs, for `fitplugin merge`.")  # fmt: skip
@CACHE
@RETRAIN
@ALLOW_CODE
@NO_PLOTS
def run(
    scan: Path,
    output: Path | None,
    force: bool,
    resume: bool,
    allow_changes: bool,
    member: str | None,
    cache: Path | None,
    retrain: bool,
    allow_code: bool,
    no_plots: bool,
) -> None:
    """Run a scan file: train, sample, summarise, plot.

    The run directory (default runs/NAME for NAME.yaml) is never overwritten without --force. An
    interrupted run stays in NAME.part, with everything that was evaluated; --resume continues it.

    \b
    Examples:
      fitplugin run scans/natural_susy/reconstruction.yaml -o runs/first
      fitplugin run scans/natural_susy/reconstruction.yaml -o runs/first --resume
    """
    from fitplugin.runs import runner
    from fitplugin.runs.member import Member
    from fitplugin.runs.text import summary_table

    require_labels(scan, allow_code)
    refuse_both(force, resume)
    chosen = Member.parse(member) if member else None
    # a batch system's way to say that time is up
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with keeping(runner.output_of(scan, output, chosen)):
        done = runner.run(
            scan, output, force, cache, retrain, resume, allow_changes, chosen,
            allow_code=allow_code,
        )  # fmt: skip
    click.echo(summary_table(done.summary))
    if not no_plots:
        draw_figures([done.path])
    click.echo(f"run directory: {done.path}")


@contextmanager
def keeping(target: Path) -> Iterator[None]:
    """Say what is kept of a run if it is interrupted."""
    from fitplugin.runs import unfinished

    try:
        yield
    except (FitpluginError, KeyboardInterrupt) as error:
        part = unfinished.part_of(target)
        if part.exists() and not isinstance(error, InputError):
            click.echo(f"fitplugin: kept in {part}; --resume continues the run", err=True)
        raise


@click.command()
@RUN
@AS_JSON
def status(run_directory: Path, as_json: bool) -> None:
    """Say how far a run is, from any shell: running, interrupted or complete.

    \b
    Example:
      fitplugin status runs/reconstruction
    """
    from fitplugin.runs.status import read_status, status_text

    found = read_status(run_directory)
    click.echo(json.dumps(found, indent=2) if as_json else status_text(found))


@click.command()
@click.argument("run_directories", metavar="RUN...", nargs=-1, required=True,
                type=click.Path(path_type=Path))  # fmt: skip
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path),
              help="Directory of the merged run.")  # fmt: skip
@click.option("--force", "-f", is_flag=True, help="Replace an existing run directory.")
@ALLOW_CODE
@NO_PLOTS
def merge(
    run_directories: tuple[Path, ...],
    output: Path,
    force: bool,
    allow_code: bool,
    no_plots: bool,
) -> None:
    """Merge independent runs of one scan into one, and say whether they agree.

    \b
    Example:
      fitplugin run scan.yaml --member 1/2
      fitplugin run scan.yaml --member 2/2
      fitplugin merge runs/scan-1-of-2 runs/scan-2-of-2 -o runs/scan
    """
    from fitplugin.runs.merging import merge_runs
    from fitplugin.runs.text import summary_table

    done = merge_runs(run_directories, output, force, allow_code=allow_code)
    click.echo(summary_table(done.summary))
    sampler = done.manifest["sampler"]
    click.echo(
        f"{len(run_directories)} runs agree with p = {sampler['runs_log_z_p']:.2g} in ln Z and "
        f"{sampler['runs_means_p']:.2g} in the means"
    )
    if not no_plots:
        draw_figures([done.path])
    click.echo(f"run directory: {done.path}")
