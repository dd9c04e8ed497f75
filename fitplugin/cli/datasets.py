"""Commands that make and describe tables to learn from: dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from fitplugin.cli.options import ALLOW_CODE, AS_JSON, CACHE, ends_of, range_of
from fitplugin.errors import FitpluginError, InputError

_FILES = click.argument("files", metavar="FILE...", nargs=-1, required=True,
                        type=click.Path(path_type=Path))  # fmt: skip
_FORCE = click.option("--force", "-f", is_flag=True, help="Replace what is there.")


@click.group()
def dataset() -> None:
    """Make tables to learn from: efficiencies, chi2, features."""


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
    from fitplugin.simulation.campaign_file import read_records

    refuse_existing(out, force)
    boxes = dict(range_of(text, "--range") for text in ranges)
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
@ALLOW_CODE
def truth(
    out: Path,
    files: tuple[Path, ...],
    scan: Path,
    points: Path | None,
    force: bool,
    allow_code: bool,
) -> None:
    """Make the table (.csv or .npz) that `fitplugin audit RUN --with` reads.

    \b
    Example:
      fitplugin dataset truth truth.csv simulated.jsonl --scan scan.yaml --points draws.csv
    """
    from fitplugin.data.tables import read_table, refuse_existing, write_table
    from fitplugin.runs.config import read_scan
    from fitplugin.simulation.campaign_file import read_records
    from fitplugin.studies.trust.simulated_truth import truth_columns

    refuse_existing(out, force)
    config = read_scan(scan, allow_code=allow_code)
    table = read_table(str(points)) if points else None
    columns, dropped = truth_columns([read_records(file) for file in files], config, table)
    write_table(out, columns, {"title": f"Simulated points for {scan.name}"}, force)
    click.echo(f"{out}: {len(next(iter(columns.values())))} points")
    if dropped:
        click.echo(f"not simulated, and left out: {dropped} rows of {points}", err=True)


@dataset.command()
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--scan", required=True, type=click.Path(path_type=Path),
              help="Whose regions, counts and combination.")  # fmt: skip
@click.option("--points", metavar="TABLE",
              help="Points with n_signal[REGION], a full spectrum, or parameters.")  # fmt: skip
@click.option("--draw", "n_draws", type=click.IntRange(min=1), metavar="N",
              help="Points drawn from the prior of the scan.")  # fmt: skip
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0),
              help="Of the draws.")  # fmt: skip
@CACHE
@_FORCE
@ALLOW_CODE
def chi2(
    out: Path,
    scan: Path,
    points: str | None,
    n_draws: int | None,
    seed: int,
    cache: Path | None,
    force: bool,
    allow_code: bool,
) -> None:
    """Make a table of chi2 to be learned: the combination of a scan at many points.

    Without --points and --draw: at the simulated points of the scan's efficiencies. A table of
    your own needs the columns to learn from and, for each region of the scan, n_signal[REGION]
    and n_signal_error[REGION] in events. Learn it with likelihoods: {kind: learned, dataset: OUT}.

    \b
    Examples:
      fitplugin dataset chi2 chi2.npz --scan scans/natural_susy/four_regions.yaml --draw 20000
      fitplugin dataset chi2 mine.npz --scan my_regions.yaml --points checkmate.csv
    """
    from fitplugin.data.tables import read_table, refuse_existing, write_table
    from fitplugin.runs.loading import load_scan
    from fitplugin.studies.learned import chi2_table

    refuse_existing(out, force)
    if points is not None and n_draws is not None:
        raise InputError("--points --draw", "are two sources of points; give one of them")
    table = None if points is None else read_table(points)
    built = load_scan(scan, cache, in_parallel=True, allow_code=allow_code)
    if table is not None:
        made = chi2_table.of_points(built, table)
    elif n_draws is not None:
        made = chi2_table.of_prior(built, n_draws, seed)
    else:
        made = chi2_table.of_simulation(built, scan.parent)
    write_table(out, made.columns, made.card, force)
    values = made.columns[chi2_table.CHI2]
    noise = made.card.get("monte_carlo_noise")
    words = "" if noise is None else f"; its Monte Carlo noise: {noise:.2f} on average"
    click.echo(f"{out}: {len(values)} points, chi2 {values.min():.3g} to {values.max():.3g}{words}")


@dataset.command()
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("slha", metavar="SLHA...", nargs=-1, required=True,
                type=click.Path(path_type=Path))  # fmt: skip
@click.option("--production", default="stop1,stop2,sbottom1", show_default=True,
              help="Produced pairs; gluino is known too.")  # fmt: skip
@click.option("--cross-sections", default="natural_susy/cross_sections_14TeV", show_default=True,
              metavar="REF", help="A table, or a function: package.module:function or "
              "file.py:function.")  # fmt: skip
@click.option("--parameter", "parameters", multiple=True, metavar="NAME=BLOCK:INDEX",
              help="Where a parameter stands; default: those of natural SUSY.")  # fmt: skip
@click.option("--processes", type=click.IntRange(min=1),
              help="Files at a time; default: available cores.")  # fmt: skip
@_FORCE
def features(
    out: Path,
    slha: tuple[Path, ...],
    production: str,
    cross_sections: str,
    parameters: tuple[str, ...],
    processes: int | None,
    force: bool,
) -> None:
    """Make a table of model-independent features of SLHA files, or folders of them.

    56 columns: how many final states and resonances of every kind an event holds, and how
    energetic they can be (SCYNet, arXiv:1703.01309, section 4); besides parameters and masses. A
    file without them is named with its reason, and the others go on (exit status 1 then).

    \b
    Example:
      fitplugin dataset features features.npz points/
    """
    from fitplugin.data.tables import refuse_existing, write_table
    from fitplugin.pools.base import available_cores
    from fitplugin.simulation.features_table import features_table
    from fitplugin.simulation.settings import entries_of

    refuse_existing(out, force)
    wanted = tuple(filter(None, map(str.strip, production.split(","))))
    # a function that is typed here is the user's own word
    made, unusable = features_table(
        slha, wanted, cross_sections, entries_of(parameters), processes or available_cores(),
        allow_code=True,
    )  # fmt: skip
    write_table(out, made.columns, made.card, force)
    click.echo(f"{out}: {len(made.columns['name'])} points")
    for name, _, reason in unusable:
        click.echo(f"{name}: {reason}", err=True)
    if unusable:
        raise FitpluginError(f"files without features: {len(unusable)} (named above)")


@dataset.command()
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("table")
@click.option("--points", "n_points", type=click.IntRange(min=1), required=True, metavar="N",
              help="How many to propose.")  # fmt: skip
@click.option("--strategy", type=click.Choice(["density", "seeded"]), default="density",
              show_default=True, help="Draw from the density of all rare points, or narrowly "
              "around each of them.")  # fmt: skip
@click.option("--between", multiple=True, metavar="LOW:HIGH",
              help="Rare range of the target; may be repeated. Default: where points are "
              "few.")  # fmt: skip
@click.option("--width", default=0.02, show_default=True, type=click.FloatRange(0, min_open=True),
              help="seeded: of the Gaussian, in widths of the box.")  # fmt: skip
@click.option("--input", "inputs", multiple=True, metavar="NAME",
              help="Column to draw; default: those of the card.")  # fmt: skip
@click.option("--target", default="chi2", show_default=True)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@_FORCE
def rare(
    out: Path,
    table: str,
    n_points: int,
    strategy: Any,
    between: tuple[str, ...],
    width: float,
    inputs: tuple[str, ...],
    target: str,
    seed: int,
    force: bool,
) -> None:
    """Propose points where a target is rare, to be simulated and added to its table.

    A network is worst where it has seen the fewest points (SCYNet, arXiv:1703.01309, section 3.2).

    \b
    Examples:
      fitplugin dataset rare points.csv chi2.npz --points 500
      fitplugin dataset rare points.csv chi2.npz --points 500 --strategy seeded --between 25:95
    """
    import numpy as np

    from fitplugin.data.tables import read_table, refuse_existing, write_table
    from fitplugin.likelihoods.learned import LearnedOptions, chi2_dataset
    from fitplugin.studies.learned.rare import propose, rare_columns

    refuse_existing(out, force)
    options = LearnedOptions(dataset=table, inputs=inputs or None, target=target)
    data = chi2_dataset([read_table(table)], options)
    ranges = [ends_of(text, "--between") for text in between]
    found = propose(data, n_points, strategy, np.random.default_rng(seed), ranges, width)
    card = {"title": f"Points where {target} of {table} is rare", "strategy": strategy,
            "ranges": found.ranges, "seed": seed}  # fmt: skip
    write_table(out, rare_columns(found, data.input_names), card, force)
    words = ", ".join(f"{low:.4g} to {high:.4g}" for low, high in found.ranges)
    click.echo(f"{out}: {n_points} points like the {found.n_rare} with {target} in {words}")
