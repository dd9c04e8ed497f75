"""Commands that make runs and look at them: run, status, merge, plot, report, cite."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from fitplugin.cli.options import ALLOW_CODE, AS_JSON, CACHE, RETRAIN, RUN, SCAN
from fitplugin.cli.scans import require_labels
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
@ALLOW_CODE
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
    if force and resume:
        raise InputError("--force", "discards what --resume continues; give one of them")
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
@click.option("--no-plots", is_flag=True, help="Leave the figures out.")
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


@click.command()
@click.argument("run_directories", metavar="RUN...", nargs=-1, required=True,
                type=click.Path(path_type=Path))  # fmt: skip
@click.option("--output", "-o", type=click.Path(file_okay=False, path_type=Path),
              help="Folder of the figures; default: RUN/plots, several runs need one.")  # fmt: skip
@click.option("--figure", "figures", multiple=True, metavar="NAME",
              help="Only this figure: marginals, corner, yields, masses, run or trace "
              "(may be repeated).")  # fmt: skip
@click.option("--label", "labels", multiple=True,
              help="Name of a run in the legend, one for each run, in their order.")  # fmt: skip
@click.option("--width", type=click.Choice(["page", "column"]), default="page", show_default=True,
              help="Of a journal: both columns, or one.")  # fmt: skip
@click.option("--format", "formats", multiple=True, type=click.Choice(["pdf", "png", "svg"]),
              help="May be repeated; default: pdf and png.")  # fmt: skip
def plot(
    run_directories: tuple[Path, ...],
    output: Path | None,
    figures: tuple[str, ...],
    labels: tuple[str, ...],
    width: Any,
    formats: tuple[str, ...],
) -> None:
    """Draw the figures of a run, or of several runs on top of each other.

    \b
    Examples:
      fitplugin plot runs/reconstruction
      fitplugin plot runs/default runs/paper -o comparison --label default --label paper
    """
    draw_figures(run_directories, output, figures, labels, width, formats)


def draw_figures(
    run_directories: Sequence[Path],
    output: Path | None = None,
    figures: Sequence[str] = (),
    labels: Sequence[str] = (),
    width: Any = "page",
    formats: Sequence[str] = (),
    quiet: bool = False,
) -> None:
    """Draw figures and say where they are."""
    from fitplugin.plots.runs.figures import plot_runs
    from fitplugin.plots.style import FORMATS
    from fitplugin.runs.directory import read_run

    if output is None and len(run_directories) > 1:
        raise InputError("--output", "is needed for several runs: the folder of their figures")
    folder = output or run_directories[0] / "plots"
    paths = plot_runs(
        [read_run(path) for path in run_directories], folder, labels or None, figures or None,
        formats or FORMATS, width,
    )  # fmt: skip
    for path in () if quiet else paths:
        click.echo(f"figure: {path}")


@click.command()
@RUN
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path),
              help="The page; default: report.html in RUN.")  # fmt: skip
@click.option("--force", "-f", is_flag=True, help="Replace an existing report.")
@click.option("--no-trust", is_flag=True, help="Leave out what has to be computed for it.")
@CACHE
@ALLOW_CODE
def report(
    run_directory: Path,
    output: Path | None,
    force: bool,
    no_trust: bool,
    cache: Path | None,
    allow_code: bool,
) -> None:
    """Write one page that says everything of a run: a single HTML file that opens offline.

    \b
    Example:
      fitplugin report runs/reconstruction
    """
    from fitplugin.plots.run_report import page as run_report
    from fitplugin.runs.directory import read_run
    from fitplugin.studies.trust import records
    from fitplugin.studies.trust.claimed_errors import assess, judge

    run = read_run(run_directory)
    target = output or run.path / run_report.PAGE
    run_report.refuse_existing(target, force)
    trust = records.read_trust(run)
    if trust is None and not no_trust:
        try:
            records.write_trust(run, assess(judge(run, cache, allow_code=allow_code)))
        except InputError as error:  # models that are gone are no reason for no report
            click.echo(f"fitplugin: without a section on trust: {error}", err=True)
        trust = records.read_trust(run)
    path = run_report.write_report(
        run, target, trust, records.read_audits(run), cache, force, allow_code=allow_code
    )
    click.echo(f"report: {path}")


@click.command()
@RUN
@ALLOW_CODE
def cite(run_directory: Path, allow_code: bool) -> None:
    """Print what to cite if a result depends on a run, and which part asks for it.

    \b
    Example:
      fitplugin cite runs/reconstruction
    """
    from fitplugin.runs.citing import citations_text
    from fitplugin.runs.directory import read_run

    width = min(shutil.get_terminal_size().columns, 120)
    click.echo(citations_text(read_run(run_directory), width, allow_code=allow_code))
