"""Commands that ask something of a scan: reconstruct, coverage, bench."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import click

from fitplugin.cli.options import (
    ALLOW_CODE,
    AS_JSON,
    CACHE,
    FORCE,
    NO_PLOTS,
    PROCESSES,
    REPLACE_RUN,
    RESUME,
    RETRAIN,
    RUN_DIRECTORY,
    SCAN,
    refuse_both,
)
from fitplugin.cli.results import draw_figures
from fitplugin.cli.runs import keeping

_OUTPUT = click.option("--output", "-o", type=click.Path(path_type=Path), help="Folder to write.")


@click.command()
@SCAN
@RUN_DIRECTORY
@click.option("--poisson", type=click.IntRange(min=0), metavar="SEED",
              help="Draw the mock counts with this seed.")  # fmt: skip
@REPLACE_RUN
@RESUME
@CACHE
@RETRAIN
@ALLOW_CODE
@NO_PLOTS
@AS_JSON
def reconstruct(
    scan: Path,
    output: Path | None,
    poisson: int | None,
    force: bool,
    resume: bool,
    cache: Path | None,
    retrain: bool,
    allow_code: bool,
    no_plots: bool,
    as_json: bool,
) -> None:
    """Reconstruct a benchmark from its own mock counts, and compare with the truth.

    A run of the scan file, whose run directory holds besides reconstruction.json and .txt: yields
    and significances per region, recovered intervals against the benchmark, what the data say of
    each parameter, and for the benchmark of arXiv:1611.02704 the paper's statements, checked.

    \b
    Examples:
      fitplugin reconstruct scans/natural_susy/reconstruction.yaml
      fitplugin reconstruct scans/natural_susy/reconstruction.yaml --poisson 3 -o runs/poisson-3
    """
    from fitplugin.runs import runner
    from fitplugin.runs.config import read_scan
    from fitplugin.runs.directory import write_json
    from fitplugin.studies.reconstruction.recovery import compare, require_mock
    from fitplugin.studies.reconstruction.text import reconstruction_text

    refuse_both(force, resume)
    changes: dict[str, Any] = {}
    config = read_scan(scan, allow_code=allow_code)
    require_mock(config, str(scan))
    if poisson is not None:
        changes["mock"] = {"counts": "poisson", "seed": poisson}
    target = runner.output_of(scan, output)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with keeping(target):
        run = runner.run(
            scan, output, force, cache, retrain, resume, changes=changes, allow_code=allow_code
        )
    found = compare(run, cache, allow_code=allow_code)
    text = reconstruction_text(found)
    write_json(run.path / "reconstruction.json", found.to_dict())
    (run.path / "reconstruction.txt").write_text(text + "\n", encoding="utf-8")
    if not no_plots:
        draw_figures([run.path], quiet=as_json)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
    else:
        click.echo(f"{text}\nrun directory: {run.path}")


@click.command()
@SCAN
@click.option("--mocks", "n_mocks", type=int, required=True, metavar="N", help="Mocks in all.")
@_OUTPUT
@click.option("--n-live", default=400, show_default=True, help="Live points for each mock.")
@click.option("--draws", "n_draws", default=99, show_default=True,
              help="Posterior draws among which the truth is ranked.")  # fmt: skip
@PROCESSES
@click.option("--resume", "-r", is_flag=True, help="Continue, or extend, what is there.")
@click.option("--force", "-f", is_flag=True, help="Discard what is there.")
@CACHE
@ALLOW_CODE
@AS_JSON
def coverage(
    scan: Path,
    n_mocks: int,
    output: Path | None,
    n_live: int,
    n_draws: int,
    processes: int | None,
    resume: bool,
    force: bool,
    cache: Path | None,
    allow_code: bool,
    as_json: bool,
) -> None:
    """Check the scan on mock experiments: whether its credible intervals are what they say.

    Each mock takes a true point from the prior, draws counts from the likelihood, samples the
    posterior, and ranks the truth among its draws. All ranks are equally probable if everything
    is right (simulation-based calibration).

    \b
    Examples:
      fitplugin coverage scans/natural_susy/reconstruction.yaml --mocks 200
      fitplugin coverage scans/natural_susy/reconstruction.yaml --mocks 500 --resume
    """
    from fitplugin.plots.coverage import plot_coverage
    from fitplugin.studies.coverage.study import coverage_text, study

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    found = study(
        scan, n_mocks, output, n_live, n_draws, processes, resume, force, cache,
        allow_code=allow_code,
    )  # fmt: skip
    figures = plot_coverage(found)
    if as_json:
        click.echo((found.folder / "coverage.json").read_text(encoding="utf-8").rstrip())
        return
    click.echo(coverage_text(found))
    for path in figures:
        click.echo(f"figure: {path}")
    click.echo(f"folder: {found.folder}")


@click.command()
@SCAN
@click.option("--against", metavar="LIKELIHOOD",
              help="Another likelihood for this scan: package.module:object, file.py:object or a "
              "scan file (.yaml).")  # fmt: skip
@click.option("--run", "run_directory", type=click.Path(path_type=Path),
              help="A finished run of this scan; default: run it.")  # fmt: skip
@click.option("--simulated", type=click.Path(path_type=Path), metavar="FILE",
              help="Results of `fitplugin simulate`: its seconds beside ours.")  # fmt: skip
@click.option("--limit", "limit_s", default=600.0, show_default=True,
              help="Longest run with the other likelihood [s]; beyond, extrapolate.")  # fmt: skip
@_OUTPUT
@FORCE
@CACHE
@ALLOW_CODE
@AS_JSON
def bench(
    scan: Path,
    against: str | None,
    run_directory: Path | None,
    simulated: Path | None,
    limit_s: float,
    output: Path | None,
    force: bool,
    cache: Path | None,
    allow_code: bool,
    as_json: bool,
) -> None:
    """Measure where the time of a scan goes, and how it compares.

    Time per likelihood by part, alone and in batches; the whole scan; beside what
    arXiv:1611.02704 states, and beside another likelihood at equal effective samples and equal
    error of ln Z.

    \b
    Examples:
      fitplugin bench scans/natural_susy/reconstruction.yaml
      fitplugin bench scan.yaml --against mine.py:log_likelihood
      fitplugin bench scan.yaml --simulated simulated.jsonl
    """
    from fitplugin.plots.speed import write_speed
    from fitplugin.studies.speed.measurement import measure, output_of, refuse_existing
    from fitplugin.studies.speed.text import speed_text

    target = output_of(scan, output)
    refuse_existing(target, force)
    found = measure(
        scan, against, run_directory, cache, limit_s, simulated=simulated, allow_code=allow_code
    )
    written = write_speed(found, target, force)
    click.echo(json.dumps(found.to_dict(), indent=2) if as_json else speed_text(found))
    if not as_json:
        for path in written:
            click.echo(f"bench: {path}")
