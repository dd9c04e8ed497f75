"""The shell face: parse and delegate. Exit status 0 done, 2 bad input, 1 anything else."""

from __future__ import annotations

import sys
from typing import Any

import click

import fitplugin
from fitplugin.cli import (
    audits,
    datasets,
    learning,
    models,
    new,
    results,
    runs,
    scans,
    simulation,
    studies,
    tools,
)
from fitplugin.errors import FitpluginError, InputError


class _Commands(click.Group):
    """Turns the package's errors into one line and an exit status."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except InputError as error:
            _fail(str(error), 2)
        except FitpluginError as error:
            _fail(str(error), 1)
        except KeyboardInterrupt:
            _fail("interrupted", 1)
        except MemoryError as error:  # of what was asked for, not of a part that is broken
            _fail(f"not enough memory ({error}); ask for fewer points, or use a larger machine", 1)
        except OSError as error:
            if error.filename is None:  # no file of the user's
                raise
            _fail(f"{error.filename}: {error.strerror}", 1)
        return None


def _fail(message: str, status: int) -> None:
    # one line, whatever a library put into its message
    click.echo(f"fitplugin: error: {' '.join(message.split())}", err=True)
    sys.exit(status)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(fitplugin.__version__, prog_name="fitplugin")
def main() -> None:
    """Reconstruct theory parameters from collider counts, with learned likelihoods.

    \b
    Example:
      fitplugin run scans/natural_susy/smoke.yaml
    """


for _command in (
    runs.run, runs.status, runs.merge, results.plot, results.report, results.cite,
    studies.reconstruct, audits.audit, studies.coverage, studies.bench,
    scans.check, scans.train, models.model,
    simulation.simulate, learning.learn, datasets.dataset,
    tools.doctor, tools.plugins, new.new, tools.counts,
):  # fmt: skip
    main.add_command(_command)
