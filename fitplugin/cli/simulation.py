"""The command that simulates events."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import click

from fitplugin.cli.options import ALLOW_CODE, AS_JSON
from fitplugin.errors import FitpluginError, InputError


@click.command()
@click.argument("slha", metavar="[SLHA]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--output", "-o", default="simulated.jsonl", show_default=True,
              type=click.Path(dir_okay=False, path_type=Path),
              help="File of results; what is there already is not simulated again.")  # fmt: skip
@click.option("--events", default=700, show_default=True, type=click.IntRange(min=1),
              help="Events to simulate in full, per process.")  # fmt: skip
@click.option("--processes", type=click.IntRange(min=1),
              help="Points at a time; default: available cores.")  # fmt: skip
@click.option("--time-limit", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True),
              help="Give a point up after that: it fails, and the others go on.")  # fmt: skip
@click.option("--production", default="stop1,stop2,sbottom1", show_default=True,
              help="Produced pairs; gluino is known too.")  # fmt: skip
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0),
              help="Every point and process has its own, made of this one.")  # fmt: skip
@click.option("--simulator", default="pythia", show_default=True,
              help="A registered one, package.module:class or file.py:class.")  # fmt: skip
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE",
              help="Of the simulator; may be repeated.")  # fmt: skip
@click.option("--cross-sections", default="natural_susy/cross_sections_14TeV", show_default=True,
              metavar="REF", help="A table, or a function: package.module:function or "
              "file.py:function.")  # fmt: skip
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=BLOCK:INDEX",
              help="Where a parameter stands; default: those of natural SUSY.")  # fmt: skip
@click.option("--export", "export_to", metavar="DIR", type=click.Path(path_type=Path),
              help="Write requests for another chain, and simulate nothing.")  # fmt: skip
@click.option("--region", "regions", multiple=True,
              help="Asked of the other chain; default: those of the simulator.")  # fmt: skip
@click.option("--import", "import_from", metavar="DIR", type=click.Path(path_type=Path),
              help="Read the answers to an export.")  # fmt: skip
@ALLOW_CODE
@AS_JSON
def simulate(
    slha: tuple[Path, ...],
    output: Path,
    events: int,
    processes: int | None,
    time_limit: float | None,
    production: str,
    seed: int,
    simulator: str,
    options: tuple[str, ...],
    cross_sections: str,
    parameters: tuple[str, ...],
    export_to: Path | None,
    regions: tuple[str, ...],
    import_from: Path | None,
    allow_code: bool,
    as_json: bool,
) -> None:
    """Simulate signal-region efficiencies of points given as SLHA files, or folders of them.

    The results are one line of JSON per point. Called again with the same output, it goes on:
    finished points stay, failed ones are tried again. A point that cannot be simulated is named
    with its reason, and the others go on (exit status 1 then). Code that is named on the command
    line runs; --allow-code is for what an export names, with --import.

    \b
    Examples:
      fitplugin simulate points/ --events 700 --processes 8
      fitplugin simulate a.slha b.slha --simulator mychain.py:Delphes -o delphes.jsonl
      fitplugin simulate points/ --export requests/ --region SR1 --region SR2
      fitplugin simulate --import requests/ -o checkmate.jsonl
    """
    from fitplugin.pools.base import available_cores
    from fitplugin.simulation import campaign, session
    from fitplugin.simulation.settings import settings_of
    from fitplugin.simulation.text import summary_text
    from fitplugin.studies.machine import machine_now

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if export_to is not None and import_from is not None:
        raise InputError("--export --import", "are two steps; give one of them")
    if regions and export_to is None:
        raise InputError("--region", "chooses what --export asks for")
    if import_from is not None:
        if slha:
            raise InputError("--import", "reads the points from its folder; name no SLHA files")
        summary = session.import_answers(import_from, output, allow_code=allow_code)
    else:
        settings = settings_of(
            simulator, options, filter(None, map(str.strip, production.split(","))), events, seed,
            cross_sections, parameters, Path(), allow_code=True,  # typed by the user
        )  # fmt: skip
        if export_to is not None:
            n_exported, unusable = session.export(slha, settings, export_to, regions)
            for name, _, reason in unusable:
                click.echo(f"{name}: {reason}", err=True)
            click.echo(f"requests: {n_exported} in {export_to}; what to answer: README.txt there")
            if unusable:
                raise FitpluginError(f"files that are no points: {len(unusable)} (named above)")
            return
        machine = machine_now()
        facts = {"processor": machine.processor, "processors": machine.cpu_count}
        try:
            summary = session.simulate(
                slha, settings, facts, output, processes or available_cores(), time_limit
            )
        except KeyboardInterrupt:
            raise FitpluginError(
                f"interrupted; what is finished is in {output}, and the same command goes on"
            ) from None
    click.echo(
        json.dumps(campaign.to_dict(summary, output), indent=2)
        if as_json
        else summary_text(summary, output)
    )
    if summary.failures:
        n_failed = len(summary.failures)
        raise FitpluginError(f"{n_failed} point{'s' * (n_failed > 1)} failed (named in {output})")
