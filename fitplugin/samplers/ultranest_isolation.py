"""Keep UltraNest away from what is not its own: MPI, logging, numpy's global generator."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from fitplugin.errors import FitpluginError

# What UltraNest raises when it cannot go on.
_GIVING_UP = (ArithmeticError, AssertionError, LookupError, RuntimeError, ValueError)


class OneProcess:
    """An MPI communicator of one; with it, UltraNest leaves mpi4py alone."""

    def Get_size(self) -> int:  # noqa: N802
        """Return 1."""
        return 1

    def Get_rank(self) -> int:  # noqa: N802
        """Return 0, that of the first."""
        return 0


@contextmanager
def isolated(seed: int) -> Iterator[None]:
    """Seed numpy's global generator, which UltraNest uses; silence it; then put all back."""
    logger = logging.getLogger("ultranest")
    handlers, disabled = logger.handlers, logger.disabled
    state = np.random.get_state()  # noqa: NPY002
    # UltraNest adds a handler that prints where it finds none
    logger.handlers, logger.disabled = [logging.NullHandler()], True
    np.random.seed([seed & 0xFFFFFFFF, seed >> 32])  # noqa: NPY002
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"ultranest(\.|$)")
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
        logger.handlers, logger.disabled = handlers, disabled


@contextmanager
def named_errors() -> Iterator[None]:
    """Tell UltraNest's own accidents from those of the likelihood.

    Raises
    ------
    FitpluginError
        If UltraNest gives up, or what the likelihood raised.
    """
    try:
        yield
    except FitpluginError:
        raise
    except _GIVING_UP as error:
        raise FitpluginError(
            f"UltraNest gave up: {type(error).__name__}: {error}. Try more live points, another "
            "seed or another sampler"
        ) from error
