"""Run a scan file: check, train, sample prior and posterior, write the run directory."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fitplugin import plugins
from fitplugin.data.tables import read_table
from fitplugin.errors import FitpluginError, InputError
from fitplugin.physics.gate import Gate
from fitplugin.physics.own_theory import unread_columns
from fitplugin.physics.symbols import NATURAL_SUSY
from fitplugin.pools.base import POINTS_PER_TASK, Pool, available_cores
from fitplugin.runs import directory, unfinished
from fitplugin.runs.advice import advise
from fitplugin.runs.build import Scan, build, plan
from fitplugin.runs.config import NO_CHANGES, Changes, ScanConfig, read_scan
from fitplugin.runs.models import ModelCache, default_cache
from fitplugin.runs.progress import ScanBar, prior_bar
from fitplugin.runs.resolved import config_of
from fitplugin.runs.summary import best_evidence, environment, manifest_of, summarise_run
from fitplugin.runs.unfinished import How, Unfinished
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.prior import PriorSample, Validity, sample_prior


class Member(NamedTuple):
    """One of several independent runs of a scan that will be merged."""

    number: int
    """From 1."""
    of: int

    @classmethod
    def parse(cls, text: str) -> Member:
        """Read ``3/8``.

        >>> Member.parse("3/8")
        Member(number=3, of=8)
        """
        words = text.split("/")
        if len(words) == 2 and all(word.isdigit() for word in words):
            member = cls(int(words[0]), int(words[1]))
            if 1 <= member.number <= member.of:
                return member
        raise InputError("--member", f"must be I/K with 1 <= I <= K, such as 3/8, not {text!r}")


def load_scan(
    path: str | Path,
    cache: str | Path | None = None,
    retrain: bool = False,
    in_parallel: bool = False,
    changes: Changes = NO_CHANGES,
    folder: Path | None = None,
    *,
    allow_code: bool = False,
) -> Scan:
    """Check a scan file completely, then build its likelihood, training what is missing.

    ``in_parallel`` trains on all cores that this process may use; a script that does so needs
    its ``if __name__ == "__main__":`` guard. ``changes``, ``folder`` and ``allow_code`` are those
    of `read_scan`.

    Raises
    ------
    InputError
        Before anything is computed, if the file or its data are not usable.
    """
    config = read_scan(path, changes, folder, allow_code=allow_code)
    folder = folder or Path(path).parent
    models_folder = default_cache() if cache is None else Path(cache)
    try:
        jobs = plan(config, folder)
        models = ModelCache(models_folder, config.training_seed)
        models.train_missing(jobs, folder, available_cores() if in_parallel else 1, retrain)
        return build(config, folder, models, allow_code=allow_code)
    except InputError as error:
        raise error.at(str(path)) from error


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
    config, part = _part_of_scan(scan.config, member)
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
        prior = _draw_prior(scan, config, pool, part.prior_seed, work)
        clock.lap("prior")
        chain = _sample(scan, config, pool, part.sampler_seed, work)
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


class _Part(NamedTuple):
    prior_seed: np.random.SeedSequence
    sampler_seed: np.random.SeedSequence


def _part_of_scan(config: ScanConfig, member: Member | None) -> tuple[ScanConfig, _Part]:
    """Return the scan that this run makes, and its seeds."""
    prior_seed, sampler_seed = np.random.SeedSequence(config.seed).spawn(2)
    if member is None:
        return config, _Part(prior_seed, sampler_seed)
    options = config.sampler.options
    n_live = getattr(options, "n_live", None)
    if n_live is None:
        raise InputError(
            "--member", f"{config.sampler.kind} has no live points to divide; run it whole"
        )
    options = options.model_copy(update={"n_live": _share(n_live, member)})
    config.sampler.plugin().require(options, len(config.free))
    config = config.model_copy(
        update={
            "sampler": plugins.Component(config.sampler.kind, config.sampler.plugin, options),
            "prior_sample": _share(config.prior_sample, member),
        }
    )
    index = member.number - 1
    return config, _Part(prior_seed.spawn(member.of)[index], sampler_seed.spawn(member.of)[index])


def _share(total: int, member: Member) -> int:
    return total // member.of + (member.number <= total % member.of)


def _finished(
    target: Path, config: ScanConfig, allow_changes: bool, allow_code: bool
) -> directory.Run:
    """Return a run that needs no resuming, unless it was that of another scan file."""
    run = directory.read_run(target)
    before = config_of(run, allow_code=allow_code)
    if run.manifest.get("member") is None and not allow_changes:
        facts = [{"config": c.model_dump(mode="json"), "digests": {}} for c in (before, config)]
        found = unfinished.changed(facts[0], facts[1])
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


# a likelihood that is asked no more often than needed, to measure it
_SLOW_S = 0.01


def check(
    path: str | Path,
    cache: str | Path | None = None,
    n_points: int = 100,
    *,
    allow_code: bool = False,
) -> dict[str, Any]:
    """Check a scan: validity, time per point, valid fraction of the prior box, what pool to use.

    Returns
    -------
    dict
        ``names``, ``n_observed``, ``digest``, ``valid_fraction`` and its error,
        ``seconds_per_point`` one at a time and ``seconds_per_point_in_batch``, ``advice``,
        ``table`` of an own theory.
    """
    scan = load_scan(path, cache, allow_code=allow_code)
    joint = scan.joint
    rng = np.random.default_rng(scan.config.seed)
    theta = joint.prior_transform(rng.random((n_points, joint.n_dim)))
    joint.evaluate(theta[:1])
    start = time.perf_counter()
    for point in theta:
        joint.log_likelihood(point)
    alone = (time.perf_counter() - start) / n_points
    # as samplers ask: a whole task, and only as far as a point is valid
    batch = POINTS_PER_TASK if alone < _SLOW_S else n_points
    theta = joint.prior_transform(rng.random((batch, joint.n_dim)))
    together = np.inf
    for _ in range(3 if alone < _SLOW_S else 1):
        start = time.perf_counter()
        joint.evaluate_valid(theta)
        together = min(together, (time.perf_counter() - start) / batch)
    fraction = float(joint.is_valid(joint.prior_transform(rng.random((2000, joint.n_dim)))).mean())
    return {
        "names": list(joint.names),
        "n_observed": dict(scan.n_observed),
        "digest": joint.digest(),
        "valid_fraction": fraction,
        "valid_fraction_error": float(np.sqrt(fraction * (1 - fraction) / 2000)),
        "seconds_per_point": alone,
        "seconds_per_point_in_batch": together,
        "table": _table_facts(scan.config, Path(path).parent),
        "gate": _gate_facts(joint.theory.gate),
        "advice": advise(scan.config, alone, together),
    }


def _table_facts(config: ScanConfig, folder: Path) -> dict[str, Any] | None:
    """Of the table of an own theory: its size, and the columns that nobody reads."""
    if config.theory is None:
        return None
    table = read_table(config.theory.dataset, folder)
    read = {region.efficiency.region for region in config.regions}
    return {
        "name": table.name,
        "n_points": len(next(iter(table.columns.values()))),
        "not_read": list(unread_columns(table, config.parameters, read)),
    }


def _gate_facts(gate: Gate | None) -> dict[str, Any] | None:
    """What a gate decides by, and the measured cost of its mistakes."""
    if gate is None:
        return None
    found = gate.mistakes()
    facts: dict[str, Any] = {"threshold": gate.options.threshold, "cut": gate.options.cut}
    if found is None:
        return facts
    return {
        **facts,
        "lost": found.lost,
        "passed": found.passed,
        "n_judged": found.n_valid + found.n_invalid,
    }
