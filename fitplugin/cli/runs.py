"""Commands that make runs and look at them: run, status, merge, plot."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import click

from fitplugin.cli.options import AS_JSON, CACHE, RETRAIN, RUN, SCAN
from fitplugin.errors import FitpluginError, InputError


@click.command()
@SCAN
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Run directory.")
@click.option("--force", "-f", is_flag=True,
              help="Replace an existing run directory; discard an interrupted run.")  # fmt: skip
@click.option("--resume", "-r", is_flag=True, help="Continue an interrupted run, if there is one.")
@click.option("--allow-changes", is_flag=True,
              help="Resume although the scan, data, models or code have changed.")  # fmt: skip
@click.option("--member", metavar="I/K",
              help="Make one of K independent runs, for `fitplugin merge`.")  # fmt: skip
@CACHE
@RETRAIN
@click.option("--no-plots", is_flag=True, help="Leave the figures out.")
def run(
    scan: Path,
    output: Path | None,
    force: bool,
    resume: bool,
    allow_changes: bool,
    member: str | None,
    cache: Path | None,
    retrain: bool,
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
    from fitplugin.runs import runner, unfinished
    from fitplugin.runs.text import summary_table

    if force and resume:
        raise InputError("--force", "discards what --resume continues; give one of them")
    chosen = runner.Member.parse(member) if member else None
    target = runner.output_of(scan, output, chosen)
    # a batch system's way to say that time is up
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        done = runner.run(scan, output, force, cache, retrain, resume, allow_changes, chosen)
    except (FitpluginError, KeyboardInterrupt) as error:
        part = unfinished.part_of(target)
        if part.exists() and not isinstance(error, InputError):
            click.echo(f"fitplugin: kept in {part}; --resume continues the run", err=True)
        raise
    click.echo(summary_table(done.summary))
    if not no_plots:
        _plot(done.path)
    click.echo(f"run directory: {done.path}")


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
@click.option("--no-plots", is_flag=True, help="Leave the figures out.")
def merge(run_directories: tuple[Path, ...], output: Path, force: bool, no_plots: bool) -> None:
    """Merge independent runs of one scan into one, and say whether they agree.

    \b
    Example:
      fitplugin run scan.yaml --member 1/2
      fitplugin run scan.yaml --member 2/2
      fitplugin merge runs/scan-1-of-2 runs/scan-2-of-2 -o runs/scan
    """
    from fitplugin.runs.merging import merge_runs
    from fitplugin.runs.text import summary_table

    done = merge_runs(run_directories, output, force)
    click.echo(summary_table(done.summary))
    sampler = done.manifest["sampler"]
    click.echo(
        f"{len(run_directories)} runs agree with p = {sampler['runs_log_z_p']:.2g} in ln Z and "
        f"{sampler['runs_means_p']:.2g} in the means"
    )
    if not no_plots:
        _plot(done.path)
    click.echo(f"run directory: {done.path}")


@click.command()
@RUN
def plot(run_directory: Path) -> None:
    """Draw the figures of a run: marginals with the prior, and a corner plot.

    \b
    Example:
      fitplugin plot runs/reconstruction
    """
    _plot(run_directory)


def _plot(run_directory: Path) -> None:
    from fitplugin.plots.marginals import plot_run
    from fitplugin.runs.directory import read_run

    for path in plot_run(read_run(run_directory)):
        click.echo(f"figure: {path}")
