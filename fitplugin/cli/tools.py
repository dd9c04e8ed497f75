"""Commands that need neither scan nor run: doctor, plugins, counts."""

from __future__ import annotations

import json
from typing import Any

import click

from fitplugin.cli.options import AS_JSON


@click.command()
@AS_JSON
def doctor(as_json: bool) -> None:
    """Say what is installed here, where MultiNest was looked for, and how to get what is missing.

    \b
    Example:
      fitplugin doctor
    """
    from fitplugin.runs.doctor import doctor_text, examine

    found = examine()
    click.echo(json.dumps(found, indent=2) if as_json else doctor_text(found))


@click.command()
@AS_JSON
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


@click.command()
@click.argument("n_observed", type=float)
@click.argument("n_signal", type=float)
@click.argument("signal_error", type=float)
@click.argument("n_background", type=float)
@click.argument("background_error", type=float)
@click.option("--mode", "modes", multiple=True, help="Only this mode (may be repeated).")
@AS_JSON
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
