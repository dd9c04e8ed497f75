"""Commands around simulated events: simulate, dataset."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import click

from fitplugin.cli.options import AS_JSON
from fitplugin.errors import FitpluginError, InputError

_FILES = click.argument("files", metavar="FILE...", nargs=-1, required=True,
                        type=click.Path(path_type=Path))  # fmt: skip
_FORCE = click.option("--force", "-f", is_flag=True, help="Replace what is there.")


@click.command()
@click.argument("slha", metavar="[SLHA]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--output", "-o", default="simulated.jsonl", show_default=True,
              type=click.Path(dir_okay=False, path_type=Path),
              help="File of results; what is there already is not simulated again.")  # fmt: skip
@click.option("--events", default=700, show_default=True, type=click.IntRange(min=1),
              help="Events to simulate in full, per process.")  # fmt: skip
@click.option("--processes", type=click.IntRange(min=1),
              help="Points at a time; default: available cores.")  # fmt: skip
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
@AS_JSON
def simulate(
    slha: tuple[Path, ...],
    output: Path,
    events: int,
    processes: int | None,
    production: str,
    seed: int,
    simulator: str,
    options: tuple[str, ...],
    cross_sections: str,
    parameters: tuple[str, ...],
    export_to: Path | None,
    regions: tuple[str, ...],
    import_from: Path | None,
    as_json: bool,
) -> None:
    """Simulate signal-region efficiencies of points given as SLHA files, or folders of them.

    The results are one line of JSON per point. Called again with the same output, it goes on:
    finished points stay, failed ones are tried again. A point that cannot be simulated is named
    with its reason, and the others go on (exit status 1 then).

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
        summary = session.import_answers(import_from, output)
    else:
        settings = settings_of(
            simulator, options, filter(None, map(str.strip, production.split(","))), events, seed,
            cross_sections, parameters, Path(),
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
                slha, settings, facts, output, processes or available_cores()
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


@click.group()
def dataset() -> None:
    """Build and look at tables of simulated efficiencies."""


@dataset.command()
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@_FILES
@click.option("--merge", metavar="TABLE",
              help="Table to add to (a copy), such as natural_susy/efficiencies.")  # fmt: skip
@click.option("--range", "ranges", multiple=True, metavar="NAME=LOW:HIGH",
              help="Box of a parameter; default: that of --merge, or extremes.")  # fmt: skip
@_FORCE
def build(
    out: Path, files: tuple[Path, ...], merge: str | None, ranges: tuple[str, ...], force: bool
) -> None:
    """Make a training set (.npz or .csv) of the results of `fitplugin simulate`.

    Name it in a scan file, under a region: efficiency: {dataset: OUT, region: ...}. Events of a
    point that is there already are added to it; a simulation that is repeated counts once.

    \b
    Example:
      fitplugin dataset build efficiencies.npz simulated.jsonl --merge natural_susy/efficiencies
    """
    from fitplugin.data.tables import read_table, refuse_existing, write_table
    from fitplugin.simulation import dataset as datasets
    from fitplugin.simulation.records import read_records

    refuse_existing(out, force)
    boxes = dict(_range(text) for text in ranges)
    table = read_table(merge) if merge else None
    built = datasets.build([read_records(file) for file in files], table, boxes)
    write_table(out, built.columns, built.card, force)
    repeated = f", {built.n_repeated} counted before" if built.n_repeated else ""
    click.echo(
        f"{out}: {len(built.columns['id'])} rows; simulations: {built.n_new} of new points, "
        f"{built.n_merged} of points that were there{repeated}"
    )


@dataset.command()
@click.argument("table")
@AS_JSON
def show(table: str, as_json: bool) -> None:
    """Describe a table of efficiencies: a shipped one by name, or a file.

    \b
    Example:
      fitplugin dataset show natural_susy/efficiencies
    """
    from fitplugin.data.tables import read_table
    from fitplugin.simulation.text import dataset_facts, dataset_text

    facts = dataset_facts(read_table(table))
    click.echo(json.dumps(facts, indent=2) if as_json else dataset_text(facts))


@dataset.command()
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@_FILES
@click.option("--scan", required=True, type=click.Path(path_type=Path),
              help="Whose regions and processes.")  # fmt: skip
@click.option("--points", type=click.Path(path_type=Path),
              help="Table of `fitplugin audit --draw`: take the weights from there.")  # fmt: skip
@_FORCE
def truth(out: Path, files: tuple[Path, ...], scan: Path, points: Path | None, force: bool) -> None:
    """Make the table (.csv or .npz) that `fitplugin audit RUN --with` reads.

    \b
    Example:
      fitplugin dataset truth truth.csv simulated.jsonl --scan scan.yaml --points draws.csv
    """
    from fitplugin.data.tables import read_table, refuse_existing, write_table
    from fitplugin.runs.config import read_scan
    from fitplugin.simulation.records import read_records
    from fitplugin.studies.simulated_truth import truth_columns

    refuse_existing(out, force)
    config = read_scan(scan)
    table = read_table(str(points)) if points else None
    columns, dropped = truth_columns([read_records(file) for file in files], config, table)
    write_table(out, columns, {"title": f"Simulated points for {scan.name}"}, force)
    click.echo(f"{out}: {len(next(iter(columns.values())))} points")
    if dropped:
        click.echo(f"not simulated, and left out: {dropped} rows of {points}", err=True)


def _range(text: str) -> tuple[str, tuple[float, float]]:
    name, _, ends = text.partition("=")
    low, _, high = ends.partition(":")
    try:
        box: Any = (float(low), float(high))
    except ValueError:
        raise InputError("--range", f"{text!r} must be NAME=LOW:HIGH") from None
    if not box[0] < box[1]:
        raise InputError("--range", f"{text!r} is inverted or empty")
    return name, box
