"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

from fitplugin.errors import InputError

SCAN = click.argument("scan", type=click.Path(path_type=Path))
RUN = click.argument("run_directory", metavar="RUN", type=click.Path(path_type=Path))
CACHE = click.option(
    "--cache", type=click.Path(file_okay=False, path_type=Path),
    help="Folder of trained models (default: your user cache).",
)  # fmt: skip
RETRAIN = click.option("--retrain", is_flag=True, help="Train again, even what is in the cache.")
ALLOW_CODE = click.option(
    "--allow-code", is_flag=True,
    help="Run code that the files named here refer to; only for files that you trust.",
)  # fmt: skip
RUN_DIRECTORY = click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Run directory."
)
REPLACE_RUN = click.option(
    "--force", "-f", is_flag=True,
    help="Replace an existing run directory; discard an interrupted run.",
)  # fmt: skip
RESUME = click.option(
    "--resume", "-r", is_flag=True, help="Continue an interrupted run, if there is one."
)
NO_PLOTS = click.option("--no-plots", is_flag=True, help="Leave the figures out.")
FORCE = click.option("--force", "-f", is_flag=True, help="Replace what is there.")
PROCESSES = click.option("--processes", type=int, help="Worker processes; default: the scan's.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def refuse_both(force: bool, resume: bool) -> None:
    """Refuse to discard a run and to continue it."""
    if force and resume:
        raise InputError("--force", "discards what --resume continues; give one of them")


def range_of(text: str, option: str) -> tuple[str, tuple[float, float]]:
    """Return name and ends of ``NAME=LOW:HIGH``."""
    name, equals, ends = text.partition("=")
    if not (name and equals):
        raise InputError(option, f"{text!r} must be NAME=LOW:HIGH")
    return name, ends_of(ends, option, "NAME=LOW:HIGH", text)


def ends_of(
    ends: str, option: str, form: str = "LOW:HIGH", text: str | None = None
) -> tuple[float, float]:
    """Return the two numbers of ``LOW:HIGH``."""
    low, _, high = ends.partition(":")
    try:
        box = float(low), float(high)
    except ValueError:
        raise InputError(option, f"{text or ends!r} must be {form}") from None
    if not box[0] < box[1]:
        raise InputError(option, f"{text or ends!r} is inverted or empty")
    return box


def edges_of(text: str | None) -> list[float] | None:
    """Return the numbers of ``A,B,...``."""
    if text is None:
        return None
    try:
        return [float(edge) for edge in text.split(",")]
    except ValueError:
        raise InputError("--ranges", f"{text!r} must be numbers with commas between") from None
