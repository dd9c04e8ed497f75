"""Commands on single models: model."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import click

from fitplugin.cli.options import ALLOW_CODE, AS_JSON, edges_of, range_of
from fitplugin.errors import FitpluginError


@click.group()
def model() -> None:
    """Train, judge and look into stored models."""


@model.command(name="test")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("table")
@click.option("--training", metavar="TABLE",
              help="What the model has learned from: adds its nearest neighbour.")  # fmt: skip
@click.option("--within", multiple=True, metavar="NAME=LOW:HIGH",
              help="Use these points only; may be repeated.")  # fmt: skip
@click.option("--ranges", metavar="A,B,...", help="Ranges of the target.")
@click.option("--window", metavar="LOW:HIGH",
              help="Tell who has a target in this window: mean +- 3 sd overlaps it.")  # fmt: skip
@click.option("--veto", type=click.FloatRange(1, min_open=True), metavar="FACTOR",
              help="Also without points whose mean +- 3 sd spans a larger factor.")  # fmt: skip
@ALLOW_CODE
@AS_JSON
def judge(
    file: Path,
    table: str,
    training: str | None,
    within: tuple[str, ...],
    ranges: str | None,
    window: str | None,
    veto: float | None,
    allow_code: bool,
    as_json: bool,
) -> None:
    """Judge a stored model by a table of points that it has not seen.

    Mean errors, overall and by range of the target, and how often mean +- 1, 2, 3 sd is right; of
    classes: recall, precision and F1 at mean + k sd. With points of another model or of another
    part of the parameter space this is a transfer test.

    \b
    Example:
      fitplugin model test MODEL.npz other_model.npz --training chi2.npz
      fitplugin model test m_higgs.npz spectra.csv --within m_higgs=110:130 --window 123:127
    """
    from fitplugin.data.tables import read_table
    from fitplugin.studies.learned.judged_model import judge_stored, judgement_text
    from fitplugin.studies.learned.measures import FurtherMeasures

    found = judge_stored(
        file,
        read_table(table),
        dict(range_of(text, "--within") for text in within),
        edges_of(ranges),
        None if training is None else read_table(training),
        FurtherMeasures(
            None if window is None else range_of(f"window={window}", "--window")[1], veto
        ),
        allow_code=allow_code,
    )
    click.echo(json.dumps(found.to_dict(), indent=2) if as_json else judgement_text(found))


@model.command(name="train")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("table")
@click.option("--inputs", help="Columns with commas between, or `features`; default: those that "
              "the card of the table names.")  # fmt: skip
@click.option("--target", default="chi2", show_default=True)
@click.option("--kind", default="deep_network", show_default=True, help="A surrogate.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE",
              help="Of the surrogate; may be repeated.")  # fmt: skip
@click.option("--within", multiple=True, metavar="NAME=LOW:HIGH",
              help="Learn from these points only; may be repeated.")  # fmt: skip
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@click.option("--force", "-f", is_flag=True, help="Replace what is there.")
def learn(
    out: Path,
    table: str,
    inputs: str | None,
    target: str,
    kind: str,
    options: tuple[str, ...],
    within: tuple[str, ...],
    seed: int,
    force: bool,
) -> None:
    """Learn a table and store the model, without a scan file.

    Name it in a scan file under likelihoods: {kind: learned, model: OUT}. An interrupted training
    of a deep_network goes on when the command is called again.

    \b
    Examples:
      fitplugin model train chi2_model.npz chi2.npz --option transform=sqrt
      fitplugin model train scynet.npz chi2.npz --inputs features --option mode=reparametrised
    """
    from fitplugin.studies.learned.judged_model import learn_table
    from fitplugin.surrogates.store import read_card

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    names = inputs if inputs is None or inputs == "features" else inputs.split(",")
    ranges = dict(range_of(text, "--within") for text in within)
    try:
        # a kind that is typed here is the user's own word
        learn_table(out, table, names, target, kind, options, ranges, seed, force, allow_code=True)
    except KeyboardInterrupt:
        raise FitpluginError("interrupted; the same command goes on from there") from None
    click.echo(f"model: {out}")
    facts = read_card(out).calibration or {}
    if facts.get("converged") is False:
        click.echo(
            f"warning: the chains have not agreed (R-hat {facts['r_hat_90']:g} for nine tenths of "
            "the predictions); draw more, or use a smaller network",
            err=True,
        )


@model.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--prior", "changes", multiple=True, required=True, metavar="NAME=VALUE",
              help="family, weight_scale or bias_scale; may be repeated.")  # fmt: skip
@click.option("--force", "-f", is_flag=True, help="Replace what is there.")
@ALLOW_CODE
def reweight(
    file: Path, out: Path, changes: tuple[str, ...], force: bool, allow_code: bool
) -> None:
    """Give the networks of a bnn another prior, without training.

    Each is weighted by the ratio of the priors; how many still count is told. With few left,
    train with that prior instead.

    \b
    Example:
      fitplugin model reweight m_higgs.npz wider.npz --prior weight_scale=2
    """
    from fitplugin.studies.learned.reweighted_model import reweight_stored

    found = reweight_stored(file, out, changes, force, allow_code=allow_code)
    click.echo(f"model: {out}\neffective networks: {found.effective:.1f} of {found.n_networks}")
    if found.has_collapsed:
        click.echo("warning: few networks count; errors are not to be trusted. Train with this "
                   "prior instead.", err=True)  # fmt: skip


@model.command()
@click.argument("file", type=click.Path(path_type=Path))
@ALLOW_CODE
@AS_JSON
def show(file: Path, allow_code: bool, as_json: bool) -> None:
    """Describe a stored model, and prove it.

    Its check vector is predicted again; a model that predicts something else is refused.

    \b
    Example:
      fitplugin model show ~/.cache/fitplugin/models/MODEL.npz
    """
    from fitplugin.runs.text import model_table
    from fitplugin.surrogates.store import inspect

    stored = inspect(file, allow_code=allow_code)
    if as_json:
        click.echo(json.dumps(stored.card.model_dump(mode="json"), indent=2))
        return
    width = min(shutil.get_terminal_size().columns, 120)
    click.echo(model_table(str(file), stored, width))
