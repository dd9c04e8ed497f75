"""MultiNest, through pymultinest, in a process of its own."""

from __future__ import annotations

import signal
import tempfile
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ClassVar

from numpy.random import SeedSequence
from pydantic import BaseModel, Field

from fitplugin.errors import FitpluginError
from fitplugin.options import Options
from fitplugin.pools.base import Pool
from fitplugin.pools.worker import WorkerProcess
from fitplugin.samplers.base import Problem, ProgressCallback, require_enough_live_points
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.evaluation import named_blobs
from fitplugin.samplers.multinest_child import LOG_FILE, Failed, Finished, Task, main
from fitplugin.samplers.multinest_files import NestedPoints, read_points
from fitplugin.samplers.multinest_library import find_library, require_library

__all__ = ["MultiNest", "MultiNestOptions", "find_library"]

# MultiNest's generator takes seeds below this; larger ones are taken modulo it.
_N_SEEDS = 31328

_LOG_LINES = 5


class MultiNestOptions(Options):
    """Options of the sampler `multinest`."""

    n_live: int = Field(default=400, gt=0)
    """Live points; at least twice the number of parameters."""
    tolerance: float = Field(default=0.5, gt=0.0)
    """Stop when the live points could add no more than this share of Z."""
    sampling_efficiency: float = Field(default=0.8, gt=0.0, le=1.0)
    """Inverse of the enlargement of the ellipsoids; 0.3 for a careful evidence."""


class MultiNest:
    """Nested sampling in ellipsoids with MultiNest, without importance sampling.

    One process evaluates the likelihood, whatever the size of the pool.
    """

    Options: ClassVar[type[BaseModel]] = MultiNestOptions

    citations: ClassVar[tuple[str, ...]] = (
        "F. Feroz, M. P. Hobson, M. Bridges, MultiNest: an efficient and robust Bayesian "
        "inference tool for cosmology and particle physics, MNRAS 398 (2009) 1601, "
        "arXiv:0809.3437",
        "F. Feroz et al., Importance nested sampling and the MultiNest algorithm, "
        "Open J. Astrophys. 2 (2019) 10, arXiv:1306.2144",
        "J. Buchner et al., X-ray spectral modelling of the AGN obscuring region in the CDFS "
        "(PyMultiNest), A&A 564 (2014) A125, arXiv:1402.0004",
        "J. Skilling, Nested sampling for general Bayesian computation, "
        "Bayesian Analysis 1 (2006) 833, doi:10.1214/06-BA127",
    )

    def require(self, options: MultiNestOptions, n_dim: int) -> None:
        """Refuse too few live points, and say what to install if the library is missing."""
        require_enough_live_points(options.n_live, n_dim)
        require_library()

    def run(
        self,
        problem: Problem,
        options: MultiNestOptions,
        pool: Pool,
        seed: SeedSequence,
        directory: Path,
        progress: ProgressCallback,
    ) -> Chain:
        """Sample ``problem``.

        MultiNest's own files live in a short temporary folder, which is removed; nothing is
        written to ``directory``.

        Raises
        ------
        MissingExtraError
            If pymultinest or the MultiNest library is not installed.
        InputError
            If there are too few live points, or almost none of the prior is valid.
        LikelihoodError
            If the likelihood breaks its contract; names theta.
        FitpluginError
            If MultiNest ends early.
        """
        require_enough_live_points(options.n_live, len(problem.names))
        library = require_library()
        n_params = len(problem.names) + len(problem.blob_names)
        with tempfile.TemporaryDirectory(prefix="mn-") as folder:
            task = Task(
                shared_object=library,
                folder=Path(folder),
                n_live=options.n_live,
                tolerance=options.tolerance,
                sampling_efficiency=options.sampling_efficiency,
                seed=int(seed.generate_state(1)[0]) % _N_SEEDS,
            )
            finished = _run_child(problem, task, progress)
            points = read_points(task.folder, n_params)
        return _chain(problem, points, finished, options.n_live)


class _ChildTraceback(Exception):  # noqa: N818
    """The traceback of an error in the child, shown as its cause."""

    def __str__(self) -> str:
        return f"\n\n{self.args[0]}"


def _run_child(problem: Problem, task: Task, progress: ProgressCallback) -> Finished:
    """Run MultiNest in a process that does not outlive this call."""
    receiver, sender = Pipe(duplex=False)
    child = WorkerProcess(target=main, args=(problem, task, sender), daemon=True)
    with receiver:
        try:
            with sender:
                child.start()
            return _listen(receiver, child, task, progress)
        finally:
            if child.pid is not None:
                child.terminate()
                child.join()
                child.close()


def _listen(
    receiver: Connection, child: WorkerProcess, task: Task, progress: ProgressCallback
) -> Finished:
    """Pass on progress until the child has finished, failed or died."""
    while True:
        try:
            message = receiver.recv()
        except EOFError:
            child.join()
            raise FitpluginError(_last_words(child.exitcode, task.folder)) from None
        if isinstance(message, Finished):
            return message
        if isinstance(message, Failed):
            raise message.error from _ChildTraceback(message.details)
        progress(message)


def _last_words(exit_code: int | None, folder: Path) -> str:
    """Say how the child ended, and what it printed last."""
    code = exit_code or 0
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"
    log = folder / LOG_FILE
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    words = " | ".join(line.strip() for line in lines[-_LOG_LINES:] if line.strip())
    return f"MultiNest ended early, {how}; its last words: {words or 'none'}"


def _chain(problem: Problem, points: NestedPoints, finished: Finished, n_live: int) -> Chain:
    fraction = finished.valid_fraction
    log_z, log_z_error = fraction.whole_box(points.log_z, points.log_z_error)
    n_dim = len(problem.names)
    return Chain(
        names=tuple(problem.names),
        samples=points.parameters[:, :n_dim].copy(),
        log_likelihood=points.log_likelihood,
        log_weight=points.log_weight,
        log_birth=points.log_birth,
        blobs=named_blobs(points.parameters[:, n_dim:], problem.blob_names),
        log_z=log_z,
        log_z_error=log_z_error,
        n_like=finished.n_like,
        n_live=n_live,
        sampler="multinest",
        details={
            "log_z_valid": points.log_z,
            "log_z_valid_error": points.log_z_error,
            "valid_fraction": fraction.value,
            "valid_fraction_error": fraction.error,
        },
    )
