"""The process in which MultiNest runs; whatever happens here, the parent survives.

Python ignores exceptions in functions called from C, and MultiNest would carry on with
whatever is in memory as a likelihood; so nothing may leave the callbacks below.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import FitpluginError, LikelihoodError
from fitplugin.pools.worker import exit_with_parent
from fitplugin.samplers.base import Problem, Progress
from fitplugin.samplers.evaluation import PointLikelihood, Recorded
from fitplugin.samplers.evidence import ValidFraction
from fitplugin.samplers.multinest_files import ROOT
from fitplugin.samplers.prior import require_valid_fraction

LOG_FILE = "output.txt"
"""Everything that MultiNest, or the likelihood, prints."""

# MultiNest leaves out points at or below log_zero; they are counted apart, see ValidFraction.
_LOG_ZERO = -1e90
_LOG_INVALID = -1e100

_SECONDS_BETWEEN_RECORDS = 0.2


class Task(NamedTuple):
    """What the child is to do."""

    shared_object: Path
    folder: Path
    n_live: int
    tolerance: float
    sampling_efficiency: float
    seed: int
    journal: Path | None = None
    """Where evaluations are recorded and, on resuming, taken from."""
    allow_changes: bool = False


class Finished(NamedTuple):
    """What the child reports when all is written."""

    n_like: int
    valid_fraction: ValidFraction


class Failed(NamedTuple):
    """What the child reports when the likelihood, or anything else, raised."""

    error: FitpluginError
    details: str


def main(problem: Problem, task: Task, parent: Connection) -> None:
    """Run MultiNest; send `Progress` records, then `Finished` or `Failed`."""
    exit_with_parent()
    _redirect_output(task.folder / LOG_FILE)
    callbacks = _Callbacks(problem, task, parent)
    try:
        callbacks.open_journal()
        run = _import_run(task.shared_object)
        run(
            LogLikelihood=callbacks.log_likelihood,
            Prior=None,
            n_dims=len(problem.names),
            n_params=len(problem.names) + len(problem.blob_names),
            n_live_points=task.n_live,
            evidence_tolerance=task.tolerance,
            sampling_efficiency=task.sampling_efficiency,
            importance_nested_sampling=False,
            # One sequence of deaths with a constant number of live points, hence with births
            # that can be reconstructed; the ellipsoids separate modes all the same.
            multimodal=False,
            # All live points are written once per interval: shorter ones cost more than a cheap
            # likelihood. The evidence is reported every ten of them.
            n_iter_before_update=max(10, task.n_live // 10),
            outputfiles_basename=str(task.folder / ROOT),
            seed=task.seed,
            resume=False,
            verbose=False,
            log_zero=_LOG_ZERO,
            dump_callback=callbacks.report,
            use_MPI=False,
        )
        parent.send(Finished(callbacks.n_like, callbacks.valid_fraction()))
    except BaseException as error:
        callbacks.abort(error)


class _Callbacks:
    """The functions that MultiNest calls."""

    def __init__(self, problem: Problem, task: Task, parent: Connection) -> None:
        self._problem = problem
        self._point = PointLikelihood(problem)
        self._task = task
        self._n_live = task.n_live
        self._parent = parent
        self.n_like = 0
        # MultiNest first draws from the prior until it has n_live valid points
        self._n_initial_draws = 0
        self._n_initial_valid = 0
        self._record = Progress.of_search()
        self._next_record = 0.0

    def open_journal(self) -> None:
        """Record evaluations from now on, if the task says where."""
        if self._task.journal is not None:
            self._point = PointLikelihood(
                Recorded(self._problem, self._task.journal, self._task.allow_changes)
            )

    def log_likelihood(self, cube: Any, n_dim: int, n_params: int) -> float:
        """Replace the unit cube by theta and the blobs, and return the log-likelihood."""
        try:
            # far cheaper than numpy.ctypeslib.as_array, which makes a type at every call
            memory = (ctypes.c_double * n_params).from_address(ctypes.addressof(cube.contents))
            return self._evaluate(np.frombuffer(memoryview(memory)), n_dim)
        except BaseException as error:
            self.abort(error)

    def report(
        self,
        n_samples: int,
        n_live: int,
        n_params: int,
        live: FloatArray,
        posterior: FloatArray,
        summaries: Any,
        max_log_likelihood: float,
        log_z: float,
        *_: Any,
    ) -> None:
        """Send a progress record; MultiNest calls this whenever it has written its files."""
        try:
            iteration = n_samples - n_live
            live_share = min(float(posterior[-n_live:, -1].sum()), 1.0 - 1e-12)
            log_z_found = log_z + np.log1p(-live_share)
            most = max_log_likelihood - iteration / n_live - log_z_found
            box = log_z + np.log(self.valid_fraction().value)
            remaining = float(np.logaddexp(0.0, most))
            self._record = Progress(iteration, self.n_like, float(box), remaining)
            self._parent.send(self._record)
        except BaseException as error:
            self.abort(error)

    def valid_fraction(self) -> ValidFraction:
        """Return the share of the prior with a likelihood above zero."""
        return ValidFraction.measured(self._n_initial_valid, self._n_initial_draws)

    def abort(self, error: BaseException) -> NoReturn:
        """Send the error and end this process, at once: returning would resume MultiNest."""
        if not isinstance(error, FitpluginError):
            error = LikelihoodError(f"the process of MultiNest raised {error!r}")
        try:
            self._parent.send(Failed(error, traceback.format_exc()))
            self._parent.close()
        finally:
            os._exit(1)

    def _evaluate(self, values: FloatArray, n_dim: int) -> float:
        theta = self._problem.prior_transform(values[:n_dim].copy())
        log_likelihood, blobs = self._point(theta)
        values[:n_dim] = theta
        values[n_dim:] = blobs
        self.n_like += 1
        self._count_calls()
        is_valid = log_likelihood > _LOG_ZERO
        if self._n_initial_valid < self._n_live:
            self._count_initial(is_valid)
        return log_likelihood if is_valid else _LOG_INVALID

    def _count_initial(self, is_valid: bool) -> None:
        self._n_initial_draws += 1
        self._n_initial_valid += is_valid
        # MultiNest itself would look for valid points for ever
        require_valid_fraction(self._n_initial_valid, self._n_initial_draws)

    def _count_calls(self) -> None:
        """Send the last record with the new number of calls, now and then."""
        now = time.monotonic()
        if now > self._next_record:
            self._next_record = now + _SECONDS_BETWEEN_RECORDS
            self._parent.send(self._record._replace(n_like=self.n_like))


def _import_run(library: Path) -> Callable[..., None]:
    """Import pymultinest so that it loads this library and no other."""
    with _loader_finds(library), _modules_hidden("mpi4py", "matplotlib"):
        import pymultinest

    run: Callable[..., None] = pymultinest.run
    return run


@contextmanager
def _loader_finds(library: Path) -> Iterator[None]:
    """Let pymultinest, which asks the loader for a bare name, get the library found earlier."""
    original = ctypes.cdll.LoadLibrary
    ctypes.cdll.LoadLibrary = lambda name: (  # type: ignore[method-assign]
        ctypes.CDLL(str(library)) if "multinest" in str(name) else original(name)
    )
    try:
        yield
    finally:
        ctypes.cdll.LoadLibrary = original  # type: ignore[method-assign]


@contextmanager
def _modules_hidden(*names: str) -> Iterator[None]:
    """Make imports fail: mpi4py would initialise MPI merely by being there, plots are slow."""
    before = {name: sys.modules[name] for name in names if name in sys.modules}
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update(before)


def _redirect_output(path: Path) -> None:
    """Send standard output and error, also those of compiled code, to a file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
