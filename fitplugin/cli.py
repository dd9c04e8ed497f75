"""The shell face: parse and delegate. Exit status 0 done, 2 bad input, 1 anything else."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import click

import fitplugin
from fitplugin.errors import FitpluginError, InputError

_CACHE = click.option(
    "--cache", type=click.Path(file_okay=False, path_type=Path),
    help="Folder of trained models (default: your user cache).",
)  # fmt: skip
_RETRAIN = click.option("--retrain", is_flag=True, help="Train again, even what is in the cache.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
_SCAN = click.argument("scan", type=click.Path(path_type=Path))


class _Commands(click.Group):
    """Turns the package's errors into one line and an exit status."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except InputError as error:
            _fail(str(error), 2)
        except FitpluginError as error:
            _fail(str(error), 1)
        except KeyboardInterrupt:
            _fail("interrupted", 1)
        return None


def _fail(message: str, status: int) -> None:
    # one line, whatever a library put into its message
    click.echo(f"fitplugin: error: {' '.join(message.split())}", err=True)
    sys.exit(status)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(fitplugin.__version__, prog_name="fitplugin")
def main() -> None:
    """Reconstruct theory parameters from collider counts, with learned likelihoods.

    \b
    Example:
      fitplugin run scans/natural_susy/smoke.yaml
    """


@main.command()
@_SCAN
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Run directory.")
@click.option("--force", "-f", is_flag=True,
              help="Replace an existing run directory; discard an interrupted run.")  # fmt: skip
@click.option("--resume", "-r", is_flag=True, help="Continue an interrupted run, if there is one.")
@click.option("--allow-changes", is_flag=True,
              help="Resume although the scan, data, models or code have changed.")  # fmt: skip
@click.option("--member", metavar="I/K",
              help="Make one of K independent runs, for `fitplugin merge`.")  # fmt: skip
@_CACHE
@_RETRAIN
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


@main.command()
@click.argument("run_directory", metavar="RUN", type=click.Path(path_type=Path))
@_JSON
def status(run_directory: Path, as_json: bool) -> None:
    """Say how far a run is, from any shell: running, interrupted or complete.

    \b
    Example:
      fitplugin status runs/reconstruction
    """
    from fitplugin.runs.status import read_status, status_text

    found = read_status(run_directory)
    click.echo(json.dumps(found, indent=2) if as_json else status_text(found))


@main.command()
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


@main.command()
@_JSON
def doctor(as_json: bool) -> None:
    """Say what is installed here, where MultiNest was looked for, and how to get what is missing.

    \b
    Example:
      fitplugin doctor
    """
    from fitplugin.runs.doctor import doctor_text, examine

    found = examine()
    click.echo(json.dumps(found, indent=2) if as_json else doctor_text(found))


@main.command()
@_SCAN
@_CACHE
@_JSON
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


@main.command()
@_SCAN
@_CACHE
@_RETRAIN
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


@main.command()
@click.argument("run_directory", metavar="RUN", type=click.Path(path_type=Path))
def plot(run_directory: Path) -> None:
    """Draw the figures of a run: marginals with the prior, and a corner plot.

    \b
    Example:
      fitplugin plot runs/reconstruction
    """
    _plot(run_directory)


@main.command()
@_JSON
def plugins(as_json: bool) -> None:
    """List every plugin with its group, the package it comes from, and what it is.

    \b
    Example:
      fitplugin plugins
    """
    from fitplugin import plugins as registry

    found = [info for group in registry.GROUPS for info in registry.describe(group)]
    if as_json:
        click.echo(json.dumps([info._asdict() for info in found], indent=2))
        return
    for info in found:
        click.echo(f"{info.group:<23} {info.name:<15} {info.origin:<12} {info.summary}")


@main.command()
@click.argument("n_observed", type=float)
@click.argument("n_signal", type=float)
@click.argument("signal_error", type=float)
@click.argument("n_background", type=float)
@click.argument("background_error", type=float)
@click.option("--mode", "modes", multiple=True, help="Only this mode (may be repeated).")
@_JSON
def counts(
    n_observed: float,
    n_signal: float,
    signal_error: float,
    n_background: float,
    background_error: float,
    modes: tuple[Any, ...],
    as_json: bool,
) -> None:
    """Print every likelihood of one counting region, in every mode.

    \b
    Example:
      fitplugin counts 33.2 21 4.2 12.2 3.9
    """
    from fitplugin.runs.text import counts_table
    from fitplugin.stats import counts as likelihood
    from fitplugin.stats.limits import expected_limit

    data = (n_observed, n_signal, signal_error, n_background, background_error)
    background = (n_background, background_error)
    found = {}
    for mode in modes or likelihood.MODES:
        values = {
            "log_marginal": likelihood.log_marginal(*data, mode=mode),
            "log_profile": likelihood.log_profile(*data, mode=mode),
            "q_mu": likelihood.q_mu(*data, mode=mode),
            "q_mu (mu >= 0)": likelihood.q_mu(*data, mode=mode, restrict=True),
            "significance": likelihood.significance(n_observed, *background, mode=mode),
            "S95 expected": expected_limit(*background, mode=mode),
        }
        found[mode] = {name: float(value) for name, value in values.items()}
    click.echo(json.dumps(found, indent=2) if as_json else counts_table(found))


@main.group()
def model() -> None:
    """Look into stored models."""


@model.command()
@click.argument("file", type=click.Path(path_type=Path))
@_JSON
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


def _plot(run_directory: Path) -> None:
    from fitplugin.plots.marginals import plot_run
    from fitplugin.runs.directory import read_run

    for path in plot_run(read_run(run_directory)):
        click.echo(f"figure: {path}")


if __name__ == "__main__":
    main()
