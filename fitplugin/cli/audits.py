"""The command that says how far a run may be trusted: audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from fitplugin.cli.options import ALLOW_CODE, AS_JSON, CACHE, FORCE, PROCESSES, RUN
from fitplugin.errors import InputError


@click.command()
@RUN
@click.option("--with", "truth", metavar="TRUTH",
              help="A better likelihood: a table of simulated points (.csv, .npz), a scan file "
              "(.yaml), package.module:object or file.py:object.")  # fmt: skip
@click.option("--points", type=click.IntRange(min=2),
              help="Posterior draws to evaluate; default: all that it is worth.")  # fmt: skip
@click.option("--suggest", type=click.IntRange(min=1), metavar="N",
              help="Write the N points whose simulation would help most.")  # fmt: skip
@click.option("--draw", "n_draws", type=click.IntRange(min=1), metavar="N",
              help="Write N draws from the posterior, to be simulated for --with.")  # fmt: skip
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path),
              help="Table of points; default suggested.csv or draws.csv in RUN.")  # fmt: skip
@FORCE
@PROCESSES
@CACHE
@ALLOW_CODE
@AS_JSON
def audit(
    run_directory: Path,
    truth: str | None,
    points: int | None,
    suggest: int | None,
    n_draws: int | None,
    output: Path | None,
    force: bool,
    processes: int | None,
    cache: Path | None,
    allow_code: bool,
    as_json: bool,
) -> None:
    """Say how far a run may be trusted, and judge it by a better likelihood.

    Without options: the posterior with 0, 1 and 2 times the errors of the surrogates, what these
    errors are over the posterior, and how much of it is extrapolated (also in RUN/trust.json).
    With TRUTH: the posterior reweighted to another likelihood, with its effective sample size
    (in RUN/audits/, an interrupted audit goes on when it is called again).

    A table has the scanned parameters and what was simulated: efficiency[REGION],
    efficiency_error[REGION], n_signal[REGION], cross_section, masses, or log_likelihood; and a
    column weight, if its points are draws from the posterior.

    \b
    Examples:
      fitplugin audit runs/reconstruction
      fitplugin audit runs/reconstruction --suggest 20
      fitplugin audit runs/reconstruction --draw 200 -o points.csv
      fitplugin audit runs/reconstruction --with simulated.csv
    """
    from fitplugin.runs.directory import read_run
    from fitplugin.studies.trust import records
    from fitplugin.studies.trust.claimed_errors import assess, reevaluate
    from fitplugin.studies.trust.suggestion import suggest as choose
    from fitplugin.studies.trust.text import suggestion_text, trust_text

    asked = [name for name, value in (("--with", truth), ("--suggest", suggest),
                                      ("--draw", n_draws)) if value is not None]  # fmt: skip
    if len(asked) > 1:
        raise InputError(" ".join(asked), "are questions of their own; ask one at a time")
    run = read_run(run_directory)
    if truth is not None:
        _audit_with(run, truth, points, processes, cache, force, allow_code, as_json)
        return
    if n_draws is not None:
        target = output or run.path / "draws.csv"
        records.write_points(
            target, records.draws_table(run, n_draws, allow_code=allow_code), force
        )
        click.echo(f"draws from the posterior: {target}")
        return
    reevaluated = reevaluate(run, cache, *([points] if points else []), allow_code=allow_code)
    if suggest is not None:
        suggestion = choose(reevaluated, suggest)
        target = output or run.path / "suggested.csv"
        records.write_points(target, suggestion.columns, force)
        click.echo(f"{suggestion_text(suggestion)}\npoints to simulate: {target}")
        return
    trust = assess(reevaluated)
    path = records.write_trust(run, trust)
    click.echo(
        json.dumps(trust.to_dict(), indent=2) if as_json else f"{trust_text(trust)}\ntrust: {path}"
    )


def _audit_with(
    run: Any,
    truth: str,
    points: int | None,
    processes: int | None,
    cache: Path | None,
    force: bool,
    allow_code: bool,
    as_json: bool,
) -> None:
    from fitplugin.runs.resolved import config_of
    from fitplugin.runs.runner import open_pool
    from fitplugin.studies.trust import records
    from fitplugin.studies.trust.audit import audit as judge_by
    from fitplugin.studies.trust.text import audit_text

    config = config_of(run, allow_code=allow_code)
    if processes is not None:
        config = config.model_copy(update={"processes": processes, "pool": None})
    path = records.audit_path(run, truth, force)
    with open_pool(config) as pool:
        found = judge_by(
            run, truth, pool, path.with_suffix(".journal"), points, cache, allow_code=allow_code
        )
    written = records.write_audit(run, found, path)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    click.echo(audit_text(found))
    for file in written:
        click.echo(f"audit: {file}")
