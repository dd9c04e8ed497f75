"""Commands that show what is in runs: plot, report, cite."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from fitplugin.cli.options import ALLOW_CODE, CACHE, RUN
from fitplugin.errors import InputError


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
    from fitplugin.studies.trust.claimed_errors import assess, reevaluate

    run = read_run(run_directory)
    target = output or run.path / run_report.PAGE
    run_report.refuse_existing(target, force)
    trust = records.read_trust(run)
    if trust is None and not no_trust:
        try:
            records.write_trust(run, assess(reevaluate(run, cache, allow_code=allow_code)))
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
