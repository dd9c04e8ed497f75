"""Run a scan file: check, train, sample prior and posterior, write the run directory."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import numpy as np

from fitplugin import plugins
from fitplugin.errors import FitpluginError, InputError
from fitplugin.physics.symbols import NATURAL_SUSY
from fitplugin.pools.base import Pool
from fitplugin.runs import directory, unfinished
from fitplugin.runs.build import Scan
from fitplugin.runs.changes import changed
from fitplugin.runs.config import NO_CHANGES, Changes, ScanConfig, read_scan
from fitplugin.runs.loading import load_scan
from fitplugin.runs.member import Member, share_of
from fitplugin.runs.progress import ScanBar, prior_bar
from fitplugin.runs.resolved import config_of
from fitplugin.runs.summary import best_evidence, environment, manifest_of, summarise_run
from fitplugin.runs.unfinished import How, Unfinished
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.prior import PriorSample, Validity, sample_prior


def run(
    path: str | Path,
    output: str | Path | None = None,
    force: bool = False,
    cache: str | Path | None = None,
    retrain: bool = False,
    resume: bool = False,
    allow_changes: bool = False,
    member: Member | None = None,
    changes: Changes = NO_CHANGES,
    *,
    allow_code: bool = False,
) -> directory.Run:
    """Run a scan file and return its run directory, read back.

    The run works in ``NAME.part``, where every evaluation is kept, and ends by renaming it.

    Parameters
    ----------
    path : path
        A scan file.
    output : path, optional
        The run directory; default ``runs/NAME`` for a scan file ``NAME.yaml``.
    force : bool
        Replace an existing run directory, once the new run is complete; discard an interrupted one.
    cache : path, optional
        Folder of trained models; default: the user's cache.
    retrain : bool
        Train the models again.
    resume : bool
        Continue an interrupted run if there is one; a finished one is left as it is.
    allow_changes : bool
        Resume although the scan, its data, the models or the code have changed.
    member : Member, optional
        Make one of K independent runs with 1/K of the live points, for `fitplugin merge`.
    changes : mapping
        Changes to the content of the scan file, as `read_scan` says.
    allow_code : bool
        Run code that the scan file names; also of a run that is resumed.

    Raises
    ------
    InputError
        If the scan is not usable, the run directory exists, or what is resumed has changed.
    """
    how = How(force, resume, allow_changes)
    target = output_of(path, output, member)
    if resume and not unfinished.part_of(target).exists() and target.exists():
        config = read_scan(path, changes, allow_code=allow_code)
        return _finished(target, config, allow_changes, allow_code)
    unfinished.refuse_existing(target, how)
    clock = _Clock()
    scan = load_scan(path, cache, retrain, in_parallel=True, changes=changes, allow_code=allow_code)
    clock.lap("models")
    config, prior_seed, sampler_seed = share_of(scan.config, member)
    facts = {
        "config": config.model_dump(mode="json"),
        "digests": dict(scan.digests),
        "member": list(member) if member else None,
        **environment(),
    }
    with (
        unfinished.working(target, facts, how) as work,
        open_pool(config) as pool,
    ):
        prior = _draw_prior(scan, config, pool, prior_seed, work)
        clock.lap("prior")
        chain = _sample(scan, config, pool, sampler_seed, work)
        clock.lap("sampler")
        evidence = best_evidence(chain, prior)
        ranges, symbols = config.free, {**NATURAL_SUSY, **config.symbols}
        directory.write_chain(work.folder, chain, ranges, symbols)
        if prior is not None:
            directory.write_prior(work.folder, prior.samples, ranges, symbols)
        (work.folder / "resolved.yaml").write_text(config.to_yaml(), encoding="utf-8")
        clock.lap("files")
        summary = summarise_run(config, scan.n_observed, chain, evidence, clock.laps)
        directory.write_json(work.folder / "summary.json", summary)
        manifest = manifest_of(
            scan,
            chain,
            clock.laps,
            processes=pool.size,
            scan_file=str(Path(path).resolve()),
            member=list(member) if member else None,
            attempts=work.attempts,
            resumed_with_changes=list(work.changes),
        )
        directory.write_manifest(work.folder, manifest)
    return directory.read_run(target)


def output_of(path: str | Path, output: str | Path | None, member: Member | None = None) -> Path:
    """Return the run directory of a scan file."""
    if output is not None:
        return Path(output)
    name = Path(path).stem
    return Path("runs") / (f"{name}-{member.number}-of-{member.of}" if member else name)


def open_pool(config: ScanConfig) -> Pool:
    """Return the pool that a scan file asks for."""
    chosen = config.pool
    if chosen is None:
        plugin = plugins.load("fitplugin.pools", "serial" if config.processes == 1 else "processes")
        default: Pool = plugin.from_options(plugin.Options(), config.processes)
        return default
    pool: Pool = chosen.plugin.from_options(chosen.options, config.processes)
    return pool


def _finished(
    target: Path, config: ScanConfig, allow_changes: bool, allow_code: bool
) -> directory.Run:
    """Return a run that needs no resuming, unless it was that of another scan file."""
    run = directory.read_run(target)
    before = config_of(run, allow_code=allow_code)
    if run.manifest.get("member") is None and not allow_changes:
        facts = [{"config": c.model_dump(mode="json"), "digests": {}} for c in (before, config)]
        found = changed(facts[0], facts[1])
        if found:
            raise InputError(
                str(target),
                f"is complete, and was run with something else: {'; '.join(found)}. "
                "Give --force to replace it, or another --output",
            )
    return run


def _draw_prior(
    scan: Scan, config: ScanConfig, pool: Pool, seed: np.random.SeedSequence, work: Unfinished
) -> PriorSample | None:
    if config.prior_sample == 0:
        return None
    n_valid = config.prior_sample
    with (
        closing(work.recorded(Validity(scan.joint), "prior")) as recorded,
        prior_bar(n_valid, work.report) as progress,
    ):
        return sample_prior(recorded, n_valid, pool, seed, progress=progress)


def _sample(
    scan: Scan, config: ScanConfig, pool: Pool, seed: np.random.SeedSequence, work: Unfinished
) -> Chain:
    options = config.sampler.options
    n_live, tolerance = getattr(options, "n_live", 1), getattr(options, "tolerance", 0.5)
    with (
        closing(work.recorded(scan.joint, "sampler")) as recorded,
        ScanBar(n_live, tolerance, work.report) as bar,
    ):
        chain = config.sampler.plugin().run(recorded, options, pool, seed, work.folder, bar)
    if not isinstance(chain, Chain):
        kind, came = config.sampler.kind, type(chain).__name__
        raise FitpluginError(
            f"the sampler {kind!r} gave {came}, not a Chain: see {Chain.__module__}"
        )
    return chain


class _Clock:
    """Wall time by stage, in seconds."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.laps[stage] = round(now - self._last, 3)
        self._last = now
