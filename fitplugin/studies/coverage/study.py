"""Coverage of a scan: are its posteriors what they claim to be? By simulation-based calibration.

Points are drawn from the prior of the scan, counts from its likelihood, and the posterior of
those counts is sampled as the scan samples its own. Then the rank of the true point among
posterior draws is uniform: whatever is wrong with likelihood, draws or sampler shows there. What
the surrogates get wrong does not, since they make the mocks as well.

Source: Talts et al., arXiv:1804.06788.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.errors import InputError
from fitplugin.runs.build import Scan
from fitplugin.runs.config import ScanConfig, read_scan
from fitplugin.runs.directory import write_json
from fitplugin.runs.loading import load_scan
from fitplugin.runs.runner import open_pool
from fitplugin.studies.coverage.judgement import Judgement, judge
from fitplugin.studies.coverage.mock_file import opened, refuse_existing
from fitplugin.studies.coverage.mocks import LOG_LIKELIHOOD, Mock, Task, make, mock_sampler

# The lightest thing a collider would see; its posterior mixes all parameters.
_OBSERVABLES = ("m_stop1",)
# What does not decide a mock: its own counts stand for the scan's.
_FREE = ("title", "pool", "processes", "observed", "mock", "prior_sample")


class Coverage(NamedTuple):
    """The outcome of a coverage study."""

    folder: Path
    scan: str
    sampler: str
    n_live: int
    n_draws: int
    mocks: tuple[Mock, ...]
    judgement: Judgement
    """Of the scanned parameters, m_stop1 where there is one, and the log-likelihood."""

    def ranks(self, quantity: str) -> IntArray:
        """Ranks of the truth among ``n_draws`` posterior draws, (n_mocks,)."""
        return np.array([mock.rank[quantity] for mock in self.mocks])

    def positions(self, quantity: str) -> FloatArray:
        """The same spread over (0, 1)."""
        return np.array([mock.position[quantity] for mock in self.mocks])


def study(
    scan_path: str | Path,
    n_mocks: int,
    output: str | Path | None = None,
    n_live: int = 400,
    n_draws: int = 99,
    processes: int | None = None,
    resume: bool = False,
    force: bool = False,
    cache: str | Path | None = None,
    *,
    allow_code: bool = False,
) -> Coverage:
    """Make mock experiments of a scan and judge the ranks of their true points.

    Every mock has random numbers of its own, so the first 50 of 200 are those of a study of 50,
    whatever the number of processes and of interruptions.

    Parameters
    ----------
    scan_path : path
        A scan file. Its own counts are not used; soft constraints and further likelihoods keep
        their data and are part of the prior here.
    n_mocks : int
        Mocks in all, those of an interrupted or shorter study included.
    output : path, optional
        Folder of ``mocks.jsonl``, ``coverage.json`` and ``coverage.txt``; default
        ``runs/NAME-coverage``.
    n_live : int
        Live points of the scan's sampler in each mock.
    n_draws : int
        Posterior draws among which the truth is ranked.
    processes : int, optional
        Worker processes, one mock at a time in each; default: the scan's.
    resume : bool
        Continue or extend what is in the folder, if it is of the same scan.
    force : bool
        Discard what is there.
    cache : path, optional
        Folder of trained models; default: the user's cache.
    allow_code : bool
        Run code that the scan file names.

    Raises
    ------
    InputError
        Before any mock is made, if the scan cannot be studied (its combination of regions is no
        generative model, its sampler gives no posterior), a number is not positive, or the
        folder holds something else.
    """
    for name, value in (("mocks", n_mocks), ("draws", n_draws), ("processes", processes)):
        if value is not None and value < 1:
            raise InputError(f"--{name}", f"must be at least 1, not {value}")
    folder = output_of(scan_path, output)
    refuse_existing(folder, resume, force)
    config = read_scan(scan_path, allow_code=allow_code)
    try:
        _refuse(config, n_live)
    except InputError as error:
        raise error.at(str(scan_path)) from error
    scan = load_scan(scan_path, cache, in_parallel=True, allow_code=allow_code)
    with opened(folder, _facts(scan, n_live, n_draws), force) as file:
        tasks = [
            Task(
                number, scan.joint, scan.config.model_dump_json(),
                Path(scan_path).parent.resolve(), n_live, n_draws, _quantities(scan), allow_code,
            )
            for number in range(len(file.mocks), n_mocks)
        ]  # fmt: skip
        if processes is not None:
            config = config.model_copy(update={"processes": processes, "pool": None})
        with (
            open_pool(config) as pool,
            tqdm(
                total=n_mocks, initial=min(len(file.mocks), n_mocks), desc="mocks", unit="mock",
                disable=None if tasks else True, leave=False,
            ) as bar,
        ):  # fmt: skip
            for mock in pool.imap(make, tasks):
                file.append(mock)
                bar.update()
        mocks = tuple(file.mocks[:n_mocks])
        coverage = Coverage(
            folder, Path(scan_path).name, config.sampler.kind, n_live, n_draws, mocks, judge(mocks)
        )
        _write(coverage)
    return coverage


def output_of(path: str | Path, output: str | Path | None) -> Path:
    """Return the folder of a coverage study.

    >>> output_of("scans/smoke.yaml", None).as_posix()
    'runs/smoke-coverage'
    """
    return Path("runs") / f"{Path(path).stem}-coverage" if output is None else Path(output)


def coverage_text(coverage: Coverage) -> str:
    """Return the outcome as lines of text."""
    width = max(12, *(len(name) + 2 for name in coverage.judgement.found))
    n_like = np.mean([mock.n_like for mock in coverage.mocks])
    n_eff = min(mock.n_eff for mock in coverage.mocks)
    lines = [
        f"{coverage.scan}: {len(coverage.mocks)} mocks, {coverage.sampler} with "
        f"{coverage.n_live} live points, ranks among {coverage.n_draws} draws",
        f"{'':<{width}}{'chi2/dof':>12}{'p':>10}{'68.27 %':>18}{'95 %':>18}",
    ]
    for name, one in coverage.judgement.found.items():
        chi2 = "-" if np.isnan(one.chi2) else f"{one.chi2:.1f}/{one.n_bins - 1}"
        p = "-" if np.isnan(one.p_value) else f"{one.p_value:.2g}"
        lines.append(
            f"{name:<{width}}{chi2:>12}{p:>10}"
            f"{f'{one.coverage68:.3f} +- {one.coverage68_error:.3f}':>18}"
            f"{f'{one.coverage95:.3f} +- {one.coverage95_error:.3f}':>18}"
        )
    lines.append(
        f"a mock: {n_like:.0f} likelihood calls on average, {n_eff:.0f} effective draws at least"
    )
    lines.append(coverage.judgement.verdict)
    return "\n".join(lines)


def _refuse(config: ScanConfig, n_live: int) -> None:
    combination, sampler = config.combination, config.sampler
    if not config.regions:
        raise InputError("regions", "coverage draws mock counts of regions, and there are none")
    if not hasattr(combination.plugin, "draw"):
        raise InputError(
            "combination",
            f"{combination.kind!r} selects regions and is no model that mock counts could be drawn "
            "from; coverage needs one with a method 'draw', such as product",
        )
    if sampler.kind == "prior":
        raise InputError("sampler", "'prior' gives no posterior to be judged; choose another")
    chosen = mock_sampler(sampler, n_live)
    chosen.plugin().require(chosen.options, len(config.free))


def _quantities(scan: Scan) -> tuple[str, ...]:
    seen = [name for name in _OBSERVABLES if name in scan.joint.blob_names]
    return (*scan.joint.names, *seen, LOG_LIKELIHOOD)


def _facts(scan: Scan, n_live: int, n_draws: int) -> dict[str, Any]:
    """What decides the mocks, in the form in which two runs are compared."""
    config = scan.config.model_dump(mode="json")
    config = {name: value for name, value in config.items() if name not in _FREE}
    config["sampler"] = mock_sampler(scan.config.sampler, n_live).to_dict()
    config["coverage"] = {"n_draws": n_draws}
    digests = {name: value for name, value in scan.digests.items() if name != "the observed counts"}
    return {"config": config, "digests": digests}


def _write(coverage: Coverage) -> None:
    judgement = coverage.judgement
    content = {
        "scan": coverage.scan,
        "verdict": judgement.verdict,
        "is_calibrated": judgement.is_calibrated,
        "n_mocks": len(coverage.mocks),
        "sampler": coverage.sampler,
        "n_live": coverage.n_live,
        "n_draws": coverage.n_draws,
        "quantities": {
            name: _finite({**one._asdict(), "p_corrected": judgement.p_corrected[name]})
            for name, one in judgement.found.items()
        },
    }
    write_json(coverage.folder / "coverage.json", content)
    (coverage.folder / "coverage.txt").write_text(coverage_text(coverage) + "\n", encoding="utf-8")


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    # NaN is no JSON
    return {name: None if value != value else value for name, value in values.items()}
