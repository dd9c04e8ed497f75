"""Run a scan file: check, train, sample prior and posterior, write the run directory."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import fitplugin
from fitplugin import plugins
from fitplugin.errors import InputError
from fitplugin.physics.theory import OUTSIDE
from fitplugin.pools.base import Pool
from fitplugin.runs import directory
from fitplugin.runs.build import Scan, build, plan
from fitplugin.runs.config import ScanConfig, read_scan
from fitplugin.runs.models import ModelCache, default_cache
from fitplugin.runs.progress import ScanBar, prior_bar
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.prior import PriorSample, sample_prior
from fitplugin.stats.weighted import effective_size, summarise

_RECORDED = ("numpy", "scipy", "dynesty", "pydantic")


def load_scan(
    path: str | Path,
    cache: str | Path | None = None,
    retrain: bool = False,
    in_parallel: bool = False,
) -> Scan:
    """Check a scan file completely, then build its likelihood, training what is missing.

    ``in_parallel`` trains on the processes that the scan file asks for; a script that does so
    needs its ``if __name__ == "__main__":`` guard.

    Raises
    ------
    InputError
        Before anything is computed, if the file or its data are not usable.
    """
    config = read_scan(path)
    folder = Path(path).parent
    models_folder = default_cache() if cache is None else Path(cache)
    try:
        jobs = plan(config, folder)
        models = ModelCache(models_folder, config.training_seed)
        models.train_missing(jobs, folder, config.processes if in_parallel else 1, retrain)
        return build(config, folder, models)
    except InputError as error:
        raise error.at(str(path)) from error


def run(
    path: str | Path,
    output: str | Path | None = None,
    force: bool = False,
    cache: str | Path | None = None,
    retrain: bool = False,
) -> directory.Run:
    """Run a scan file and return its run directory, read back.

    Parameters
    ----------
    path : path
        A scan file.
    output : path, optional
        The run directory; default ``runs/NAME`` for a scan file ``NAME.yaml``.
    force : bool
        Replace an existing run directory, once the new run is complete.
    cache : path, optional
        Folder of trained models; default: the user's cache.
    retrain : bool
        Train the models again.

    Raises
    ------
    InputError
        If the scan is not usable, or the run directory exists.
    """
    target = Path(output) if output is not None else Path("runs") / Path(path).stem
    directory.refuse_existing(target, force)
    clock = _Clock()
    scan = load_scan(path, cache, retrain, in_parallel=True)
    clock.lap("models")
    config = scan.config
    prior_seed, sampler_seed = np.random.SeedSequence(config.seed).spawn(2)
    with directory.writing(target, force) as folder, _pool(config) as pool:
        prior = _draw_prior(scan, pool, prior_seed)
        clock.lap("prior")
        options = config.sampler.options
        with ScanBar(getattr(options, "n_live", 1), getattr(options, "tolerance", 0.5)) as bar:
            chain = config.sampler.plugin().run(
                scan.joint, options, pool, sampler_seed, folder, bar
            )
        clock.lap("sampler")
        ranges = config.free
        directory.write_chain(folder, chain, ranges)
        if prior is not None:
            directory.write_prior(folder, prior.samples, ranges)
        (folder / "resolved.yaml").write_text(config.to_yaml(), encoding="utf-8")
        directory.write_json(folder / "summary.json", _summary(scan, chain, prior, clock))
        clock.lap("files")
        directory.write_json(folder / "manifest.json", _manifest(scan, chain, clock))
    return directory.read_run(target)


def check(path: str | Path, cache: str | Path | None = None, n_points: int = 100) -> dict[str, Any]:
    """Check a scan: validity, time per point, valid fraction of the prior box.

    Returns
    -------
    dict
        ``names``, ``n_observed``, ``digest``, ``valid_fraction`` and its error,
        ``seconds_per_point`` one at a time and ``seconds_per_point_in_batch``.
    """
    scan = load_scan(path, cache)
    joint = scan.joint
    rng = np.random.default_rng(scan.config.seed)
    theta = joint.prior_transform(rng.random((n_points, joint.n_dim)))
    joint.evaluate(theta[:1])
    start = time.perf_counter()
    for point in theta:
        joint.log_likelihood(point)
    alone = (time.perf_counter() - start) / n_points
    start = time.perf_counter()
    joint.evaluate(theta)
    together = (time.perf_counter() - start) / n_points
    fraction = float(joint.is_valid(joint.prior_transform(rng.random((2000, joint.n_dim)))).mean())
    return {
        "names": list(joint.names),
        "n_observed": dict(scan.n_observed),
        "digest": joint.digest(),
        "valid_fraction": fraction,
        "valid_fraction_error": float(np.sqrt(fraction * (1 - fraction) / 2000)),
        "seconds_per_point": alone,
        "seconds_per_point_in_batch": together,
    }


def _pool(config: ScanConfig) -> Pool:
    if config.processes == 1:
        serial: Pool = plugins.load("fitplugin.pools", "serial")()
        return serial
    processes: Pool = plugins.load("fitplugin.pools", "processes")(config.processes)
    return processes


def _draw_prior(scan: Scan, pool: Pool, seed: np.random.SeedSequence) -> PriorSample | None:
    if scan.config.prior_sample == 0:
        return None
    n_valid = scan.config.prior_sample
    with prior_bar(n_valid) as progress:
        return sample_prior(
            scan.joint, n_valid, pool, seed, is_valid=scan.joint.is_valid, progress=progress
        )


class _Clock:
    """Wall time by stage, in seconds."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.laps[stage] = round(now - self._last, 3)
        self._last = now


def _summary(scan: Scan, chain: Chain, prior: PriorSample | None, clock: _Clock) -> dict[str, Any]:
    weights = chain.weights
    truth = scan.config.mock.point if scan.config.mock else {}
    parameters = {
        name: _with_truth(summarise(column, weights)._asdict(), truth.get(name))
        for name, column in zip(chain.names, chain.samples.T, strict=True)
    }
    keep = chain.log_weight > -np.inf
    derived = {
        name: summarise(column[keep], weights[keep])._asdict()
        for name, column in chain.blobs.items()
    }
    evidence: dict[str, Any] = {"log_z_box": chain.log_z, "log_z_error": chain.log_z_error}
    # the prior sample measures the fraction best; without one, the sampler's own draws do
    fraction = prior.valid_fraction if prior else chain.details.get("valid_fraction")
    if fraction:
        error = prior.valid_fraction_error if prior else chain.details["valid_fraction_error"]
        evidence |= {"valid_fraction": fraction, "valid_fraction_error": error}
        evidence["log_z"] = chain.log_z - float(np.log(fraction))
    return {
        "title": scan.config.title,
        "sampler": chain.sampler,
        **evidence,
        "n_like": chain.n_like,
        "n_eff": effective_size(weights),
        "n_live": chain.n_live,
        "max_log_likelihood": float(chain.log_likelihood.max()),
        "wall_time_s": round(sum(clock.laps.values()), 3),
        "out_of_domain": _out_of_domain(scan, chain),
        "n_observed": dict(scan.n_observed),
        "parameters": parameters,
        "derived": derived,
    }


def _out_of_domain(scan: Scan, chain: Chain) -> dict[str, Any]:
    """Points of the chain where a surrogate extrapolates, and their share of the posterior."""
    outside = chain.blobs[OUTSIDE] > 0
    return {
        "policy": scan.config.out_of_domain,
        "n_points": int(outside.sum()),
        "posterior_fraction": float(chain.weights[outside].sum() / chain.weights.sum()),
    }


def _with_truth(summary: dict[str, Any], truth: float | None) -> dict[str, Any]:
    return summary if truth is None else {**summary, "truth": truth}


def _manifest(scan: Scan, chain: Chain, clock: _Clock) -> dict[str, Any]:
    return {
        "schema": directory.SCHEMA_VERSION,
        "fitplugin": fitplugin.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "libraries": {name: version(name) for name in _RECORDED},
        "seed": scan.config.seed,
        "processes": scan.config.processes,
        "digest": scan.joint.digest(),
        "models": dict(scan.model_digests),
        "n_like": chain.n_like,
        "sampler": {"name": chain.sampler, **chain.details},
        "seconds": dict(clock.laps),
        "citations": _citations(scan.config),
    }


def _citations(config: ScanConfig) -> list[str]:
    sections = [
        config.sampler,
        config.spectrum,
        *(region.surrogate for region in config.regions),
        config.combination,
        *config.likelihoods,
        *config.constraints,
    ]
    found: Mapping[str, None] = dict.fromkeys(
        citation for section in sections for citation in section.plugin.citations
    )
    return list(found)
