"""The command that asks an oracle where it matters."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import click

from fitplugin.cli.options import ALLOW_CODE, AS_JSON
from fitplugin.errors import FitpluginError


@click.command()
@click.argument("loop", type=click.Path(path_type=Path))
@click.option("--output", "-o", type=click.Path(file_okay=False, path_type=Path),
              help="State folder; default: learned/, and the name of the file.")  # fmt: skip
@click.option("--no-plots", is_flag=True, help="Write no figures.")
@ALLOW_CODE
@AS_JSON
def learn(loop: Path, output: Path | None, no_plots: bool, allow_code: bool, as_json: bool) -> None:
    """Learn a contour or a posterior by few simulations: ask an oracle, learn, ask again.

    Everything that was asked and answered is in the state folder; called again, the loop goes on
    from there, also after a kill, and with more rounds if the file has more by then. There are also
    model.npz, the surrogate of the last round, and points.csv, the answers as a table to learn
    from (exit status 0 also while answers are waited for).

    \b
    Examples:
      fitplugin learn scans/loops/exclusion.yaml
      fitplugin learn scans/loops/resonance.yaml --allow-code
    """
    from fitplugin.active.goal import Learned
    from fitplugin.active.learning import write_points
    from fitplugin.active.loop import open_loop
    from fitplugin.active.text import outcome_text
    from fitplugin.plots.active import write_figures
    from fitplugin.surrogates import save

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    output = output or Path("learned") / loop.stem
    running = open_loop(loop, output, allow_code=allow_code)

    def draw(model: Learned) -> None:
        if not no_plots:
            write_figures(running, model, output / "plots")

    try:
        outcome = running.run(draw)
    except KeyboardInterrupt:
        raise FitpluginError(
            f"interrupted; what is answered is in {output}, and the same command goes on"
        ) from None
    if outcome.model is not None:
        stored = running.options.surrogate.model_dump(mode="json")
        save(outcome.model.model, "multitask_gp", stored, output / "model.npz")
        write_points(outcome.state, output / "points.csv")
    if as_json:
        click.echo(json.dumps({
            "state": str(output), "rounds": outcome.state.rounds, "waiting": outcome.waiting,
            "is_done": outcome.is_done, "notes": outcome.state.notes,
        }, indent=2))  # fmt: skip
        return
    click.echo(outcome_text(outcome, running.options.goal))
