"""What the tests of pools have workers do; workers import it by name."""

import os
import signal
import time
from pathlib import Path

from fitplugin.errors import LikelihoodError


def square(number):
    return number * number


def refuse(number):
    raise LikelihoodError(f"no {number}")


def throw(error):
    raise error


def threads(_):
    import numpy as np

    assert np.pi > 3
    return os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"]


def process_id(_):
    time.sleep(0.05)
    return os.getpid()


def sleep(seconds):
    time.sleep(seconds)
    return seconds


def die_at_three(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_once(path, number):
    """Kill the worker the first time that it is tried."""
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def wait_for_file(path):
    """Return once a file is there; no path, no wait."""
    until = time.monotonic() + 20.0
    while path is not None and not Path(path).exists():
        if time.monotonic() > until:
            raise TimeoutError(f"{path} did not come")
        time.sleep(0.01)
    return path


def start_and_sleep(path, seconds):
    """Say in a file which process has started, and sleep."""
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(str(os.getpid()))
    partial.rename(path)
    time.sleep(seconds)
    return seconds


class CountedLikelihood:
    """Counts in a folder how often it is unpickled, and where."""

    def __init__(self, folder, size):
        self.folder = folder
        self.ballast = bytes(size)

    def __setstate__(self, state):
        self.__dict__ = state
        with (self.folder / str(os.getpid())).open("a") as file:
            file.write("x")

    def __call__(self, number):
        return len(self.ballast) + number


def process_id_of(ballast, _):
    """Return the process, from a function that is as large as its ballast."""
    return process_id(len(ballast))


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)
