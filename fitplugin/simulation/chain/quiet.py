"""What C++ libraries print, kept from the terminal and at hand for a reason of failure."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def captured_output() -> Iterator[Callable[[], str]]:
    """Send the file descriptors 1 and 2 to a file, and give what reads it.

    Event generators and jet finders write to them from below Python.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as stream:
        saved = [os.dup(descriptor) for descriptor in (1, 2)]
        try:
            for descriptor in (1, 2):
                os.dup2(stream.fileno(), descriptor)

            def read() -> str:
                stream.seek(0)
                return stream.read().decode(errors="replace")

            yield read
        finally:
            for descriptor, copy in zip((1, 2), saved, strict=True):
                os.dup2(copy, descriptor)
                os.close(copy)


def last_words(output: str) -> str:
    r"""Return the errors in what a library printed, or else its last line, as one line.

    >>> last_words("Welcome\n PYTHIA Error in Pythia::init: no process\n")
    'PYTHIA Error in Pythia::init: no process'
    """
    lines = [line.strip(" |*-") for line in output.splitlines() if line.strip(" |*-")]
    errors = [line for line in lines if "error" in line.lower() or "abort" in line.lower()]
    return "; ".join(dict.fromkeys(errors[:3] or lines[-1:])) or "it says nothing more"
