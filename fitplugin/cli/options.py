"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

SCAN = click.argument("scan", type=click.Path(path_type=Path))
RUN = click.argument("run_directory", metavar="RUN", type=click.Path(path_type=Path))
CACHE = click.option(
    "--cache", type=click.Path(file_okay=False, path_type=Path),
    help="Folder of trained models (default: your user cache).",
)  # fmt: skip
RETRAIN = click.option("--retrain", is_flag=True, help="Train again, even what is in the cache.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
