"""MultiNest, through pymultinest, in processes of its own."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.random import SeedSequence
from pydantic import BaseModel, Field

from fitplugin.errors import FitpluginError
from fitplugin.options import Options
from fitplugin.pools.base import Pool
from fitplugin.pools.worker import WorkerProcess
from fitplugin.samplers.base import (
    Problem,
    Progress,
    ProgressCallback,
    even_shares,
    require_enough_live_points,
)
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.evaluation import Recorded, named_blobs
from fitplugin.samplers.evidence import Evidence
from fitplugin.samplers.merge import merge
from fitplugin.samplers.multinest_child import LOG_FILE, Failed, Finished, Task, main
from fitplugin.samplers.multinest_files import read_points
from fitplugin.samplers.multinest_library import require_library
from fitplugin.stats.nested import nested_weights

# MultiNest's generator takes seeds below this; larger ones are taken modulo it.
_N_SEEDS = 31328

_LOG_LINES = 5


class MultiNestOptions(Options):
    """Options of the sampler `multinest`."""

    n_live: int = Field(default=400, gt=0)
    """Live points of all runs together; each has at least twice the number of parameters."""
    runs: int | None = Field(default=None, gt=0)
    """Independent runs, each in its own process (by default one per process of the scan). The
    result depends on it. Several modes want some 400 live points in each."""
    tolerance: float = Field(default=0.5, gt=0.0)
    """Stop when the live points could add no more than this share of Z."""
    sampling_efficiency: float = Field(default=0.8, gt=0.0, le=1.0)
    """Inverse of the enlargement of the ellipsoids; 0.3 for a careful evidence."""


class MultiNest:
    """Nested sampling in ellipsoids with MultiNest, without importance sampling.

    Independent runs, by default one for each process of the scan, each in a process of its own on
    this machine, with its share of the live points and its own seed; merged as nested runs. The
    pool is not used.
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

    def for_processes(self, options: MultiNestOptions, processes: int) -> MultiNestOptions:
        """Return the options of a scan on so many processes: by default a run on each."""
        return options.model_copy(update={"runs": options.runs or processes})

    def require(self, options: MultiNestOptions, n_dim: int) -> None:
        """Refuse too few live points, and say what to install if the library is missing."""
        require_enough_live_points(options.n_live, n_dim, options.runs or 1)
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
        n_runs = options.runs or 1
        require_enough_live_points(options.n_live, len(problem.names), n_runs)
        library = require_library()
        plain = problem.problem if isinstance(problem, Recorded) else problem
        with tempfile.TemporaryDirectory(prefix="mn-") as scratch:
            tasks = [
                Task(
                    shared_object=library,
                    folder=Path(scratch, str(index)),
                    n_live=n_live,
                    tolerance=options.tolerance,
                    sampling_efficiency=options.sampling_efficiency,
                    seed=run_seed,
                    **_journal(problem, index),
                )
                for index, (n_live, run_seed) in enumerate(
                    zip(even_shares(options.n_live, n_runs), _seeds(seed, n_runs), strict=True)
                )
            ]
            for task in tasks:
                task.folder.mkdir()
            finished = _run_children(plain, tasks, progress)
            chains = [_chain(plain, task, done) for task, done in zip(tasks, finished, strict=True)]
        return merge(chains)


def _seeds(seed: SeedSequence, n_runs: int) -> list[int]:
    """Return distinct seeds of MultiNest's generator."""
    return [int(n) for n in np.random.default_rng(seed).choice(_N_SEEDS, n_runs, replace=False)]


def _journal(problem: Problem, index: int) -> dict[str, Any]:
    """Give every run a journal of its own, beside that of the whole."""
    if not isinstance(problem, Recorded):
        return {}
    path = problem.path.with_suffix(f".{index}{problem.path.suffix}")
    return {"journal": path, "allow_changes": problem.allow_changes}


class _ChildTraceback(Exception):  # noqa: N818
    """The traceback of an error in the child, shown as its cause."""

    def __str__(self) -> str:
        return f"\n\n{self.args[0]}"


def _run_children(
    problem: Problem, tasks: Sequence[Task], progress: ProgressCallback
) -> list[Finished]:
    """Run MultiNest in processes that do not outlive this call."""
    with ExitStack() as ends:
        receivers = [_start_child(problem, task, ends) for task in tasks]
        return _listen(receivers, tasks, progress)


def _start_child(problem: Problem, task: Task, ends: ExitStack) -> tuple[Connection, WorkerProcess]:
    receiver, sender = Pipe(duplex=False)
    ends.enter_context(receiver)
    child = WorkerProcess(target=main, args=(problem, task, sender), daemon=True)
    ends.callback(_end_child, child)
    with sender:
        child.start()
    return receiver, child


def _end_child(child: WorkerProcess) -> None:
    if child.pid is not None:
        child.terminate()
        child.join()
        child.close()


def _listen(
    children: Sequence[tuple[Connection, WorkerProcess]],
    tasks: Sequence[Task],
    progress: ProgressCallback,
) -> list[Finished]:
    """Pass on progress until every child has finished, or one has failed or died."""
    records = [Progress.of_search() for _ in tasks]
    finished: list[Finished | None] = [None for _ in tasks]
    place = {receiver: index for index, (receiver, _) in enumerate(children)}
    while place:
        for receiver in wait(list(place)):
            assert isinstance(receiver, Connection)
            index = place[receiver]
            try:
                message = receiver.recv()
            except EOFError:
                child = children[index][1]
                child.join()
                raise FitpluginError(_last_words(child.exitcode, tasks[index].folder)) from None
            if isinstance(message, Failed):
                raise message.error from _ChildTraceback(message.details)
            if isinstance(message, Finished):
                finished[index] = message
                del place[receiver]
            else:
                records[index] = message
        progress(_together(records))
    return [done for done in finished if done is not None]


def _together(records: Sequence[Progress]) -> Progress:
    """Describe independent runs as one; the slowest decides what remains."""
    log_z = np.logaddexp.reduce([record.log_z for record in records]) - np.log(len(records))
    return Progress(
        sum(record.iteration for record in records),
        sum(record.n_like for record in records),
        float(log_z),
        max(record.remaining for record in records),
    )


def _last_words(exit_code: int | None, folder: Path) -> str:
    """Say how the child ended, and what it printed last."""
    code = exit_code or 0
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"
    log = folder / LOG_FILE
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    words = " | ".join(line.strip() for line in lines[-_LOG_LINES:] if line.strip())
    return f"MultiNest ended early, {how}; its last words: {words or 'none'}"


def _chain(problem: Problem, task: Task, finished: Finished) -> Chain:
    """Read one run; weights and evidence follow from deaths and births, as for merged runs."""
    n_dim = len(problem.names)
    points = read_points(task.folder, n_dim + len(problem.blob_names))
    weights = nested_weights(points.log_likelihood, points.log_birth)
    return Chain(
        names=tuple(problem.names),
        samples=points.parameters[:, :n_dim].copy(),
        log_likelihood=points.log_likelihood,
        log_weight=weights.log_weight,
        log_birth=points.log_birth,
        blobs=named_blobs(points.parameters[:, n_dim:], problem.blob_names),
        evidence=Evidence(weights.log_z, weights.log_z_error, False, finished.valid_fraction),
        n_like=finished.n_like,
        n_live=task.n_live,
        sampler="multinest",
        details={
            "log_z_of_multinest": points.log_z,
            "log_z_error_of_multinest": points.log_z_error,
        },
    )
