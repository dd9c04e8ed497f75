"""Hyper-parameter scan of a learned chi2: random trials, each with its own validation split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.pools.base import available_cores
from fitplugin.runs.build import build_terms
from fitplugin.runs.config import ScanConfig, read_scan
from fitplugin.runs.learning import each
from fitplugin.runs.models import Job, Planner, file_name
from fitplugin.stats.ranges import RangeError, errors_by_range, mean_error
from fitplugin.studies.learned.judged_model import Errors, edges_for, errors_line, nearest_neighbour
from fitplugin.surrogates import Dataset
from fitplugin.surrogates.networks.deep_network import DeepNetwork
from fitplugin.surrogates.networks.deep_options import DeepNetworkOptions

_HELD_OUT = 0.1
_KIND = "deep_network"
_HIDDEN: tuple[tuple[int, ...], ...] = (
    (64, 64), (128, 128, 64), (128, 128, 128), (200, 200, 200), (300, 300), (300, 300, 300),
    (300, 300, 300, 300), (500, 200, 200, 200), (128, 128, 128, 128, 128),
)  # fmt: skip


class SearchTrial(NamedTuple):
    """One trial: its options where they differ from the scan's, and its errors in chi2."""

    number: int
    options: Mapping[str, Any]
    network: Errors
    nearest: Errors
    n_training: int
    reason: str | None = None
    """Why the training failed, if it did; the error is infinite then."""


class Search(NamedTuple):
    """Trials by mean error, the best first."""

    name: str
    trials: list[SearchTrial]
    path: Path


class _Order(NamedTuple):
    number: int
    dataset: Dataset
    own: dict[str, Any]
    options: dict[str, Any]
    seed: int
    edges: tuple[float, ...]


def search(
    path: Path, n_trials: int, output: Path, edges: Sequence[float] | None = None,
    processes: int | None = None, *, allow_code: bool = False,
) -> list[Search]:  # fmt: skip
    """Try other options for every learned chi2 of a scan file.

    Trial 0 has the scan's own options; all train one network. As in arXiv:1703.01309, footnote 4,
    every trial has validation points of its own, so that the choice does not overfit them. Trials
    are kept in ``OUTPUT/NAME.jsonl`` as they finish: called again, the search goes on.
    Code that the scan names is run only with ``allow_code``.

    Raises
    ------
    InputError
        If the scan has no learned chi2 of kind deep_network, or the folder is of another search.
    """
    config, folder = read_scan(path, allow_code=allow_code), path.parent
    try:
        jobs = _jobs(config, folder)
    except InputError as error:
        raise error.at(str(path)) from error
    DeepNetwork.require_training()
    output.mkdir(parents=True, exist_ok=True)
    found = []
    for job in jobs:
        ends = tuple(edges_for(job.dataset.targets[:, 0], edges))
        file = output / f"{file_name(job.name)}.jsonl"
        trials = _run(job, n_trials, config.training_seed, ends, file, processes)
        found.append(Search(job.name, sorted(trials, key=lambda trial: trial.network.mean), file))
    return found


def _jobs(config: ScanConfig, folder: Path) -> list[Job]:
    planner = Planner()
    build_terms(config, planner, folder)
    jobs = [job for job in planner.jobs if job.surrogate.kind == _KIND]
    if not jobs:
        raise InputError(
            "likelihoods", f"there is no learned chi2 with a surrogate of kind {_KIND}"
        )
    return jobs


def _run(
    job: Job, n_trials: int, seed: int, edges: tuple[float, ...], file: Path, processes: int | None
) -> list[SearchTrial]:
    own = {**job.surrogate.options.model_dump(mode="json"), "n_networks": 1}
    digest = _digest(job, own, seed, edges)
    done = _read(file, digest)
    orders = [
        _Order(number, job.dataset, own, _drawn(seed, number), seed, edges)
        for number in range(n_trials)
        if number not in done
    ]
    with (
        file.open("a", encoding="utf-8") as stream,
        tqdm(total=n_trials, initial=n_trials - len(orders), unit="trial", desc=job.name,
             disable=None, leave=False) as bar,
    ):  # fmt: skip

        def note(index: int, trial: SearchTrial) -> None:
            done[trial.number] = trial
            stream.write(json.dumps(_to_dict(trial, digest)) + "\n")
            stream.flush()
            best = min(each.network.mean for each in done.values())
            bar.set_postfix_str(f"best={best:.3g}", refresh=False)
            bar.update()

        each(_try, orders, range(len(orders)), processes or available_cores(), note)
    return [trial for number, trial in done.items() if number < n_trials]


def _drawn(seed: int, number: int) -> dict[str, Any]:
    """Options of a trial, which differ from the scan's; none for trial 0."""
    if number == 0:
        return {}
    rng = np.random.default_rng([seed, number, 3])
    return {
        "hidden": list(_HIDDEN[rng.integers(len(_HIDDEN))]),
        "activation": str(rng.choice(["tanh", "relu"])),
        "optimiser": str(rng.choice(["adam", "nadam"])),
        "learning_rate": float(f"{10 ** rng.uniform(-3.5, -2.3):.2g}"),
        "l2": float(f"{10 ** rng.uniform(-6, -2):.1g}"),
        "batch_size": int(rng.choice([32, 64, 120, 250, 500])),
        "dropout": float(rng.choice([0.0, 0.0, 0.0, 0.02, 0.1])),
    }


def _try(order: _Order) -> SearchTrial:
    rng = np.random.default_rng([order.seed, order.number])
    n_held_out = max(1, round(_HELD_OUT * order.dataset.n_points))
    training, held_out = order.dataset.split(n_held_out, rng)
    truth = held_out.targets[:, 0]

    def errors(label: str, values: FloatArray) -> Errors:
        return Errors(label, mean_error(values, truth), errors_by_range(values, truth, order.edges))

    nearest = errors("nearest neighbour", nearest_neighbour(training, held_out.inputs))
    options = DeepNetworkOptions.model_validate({**order.own, **order.options})
    try:
        # its own progress bar would stand in the way of the search's
        with threadpool_limits(1), redirect_stderr(StringIO()):
            model = DeepNetwork(options).fit(training, rng)
        network, reason = errors("network", model.predict(held_out.inputs).mean[:, 0]), None
    except InputError as error:
        # another rate may do
        network, reason = Errors("network", float("inf"), []), str(error)
    return SearchTrial(order.number, order.options, network, nearest, training.n_points, reason)


def _digest(job: Job, own: Mapping[str, Any], seed: int, edges: Sequence[float]) -> str:
    facts = json.dumps([own, job.dataset.digest(), seed, list(edges)], sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()


def _to_dict(trial: SearchTrial, digest: str) -> dict[str, Any]:
    return {
        "search": digest,
        **trial._asdict(),
        "network": trial.network._asdict(),
        "nearest": trial.nearest._asdict(),
    }


def _read(file: Path, digest: str) -> dict[int, SearchTrial]:
    if not file.exists():
        return {}
    trials = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            content = json.loads(line)
        except ValueError:
            continue  # the line that an interruption cut short is tried again
        if content.pop("search", None) != digest:
            raise InputError(
                f"{file}: line {number}",
                "is of a search with other data, options, seed or ranges; name another folder",
            )
        for key in ("network", "nearest"):
            errors = content[key]
            parts = [RangeError(*part) for part in errors["by_range"]]
            content[key] = Errors(errors["label"], errors["mean"], parts)
        trials[content["number"]] = SearchTrial(**content)
    return trials


def search_text(found: Search, n_best: int = 5) -> str:
    """Return the best trials as lines of text, and what to write into the scan file."""
    best = found.trials[0]
    if not np.isfinite(best.network.mean):
        return f"{found.name}: no training came to an end; the first: {best.reason}"
    head = [f"{part.low:g}-{part.high:g}" for part in best.network.by_range]
    width = max(9, *(len(text) + 2 for text in head))
    lines = [
        f"{found.name}: {len(found.trials)} trials, {best.n_training} training points each",
        f"{'mean error':<22}{'all':>9}" + "".join(f"{text:>{width}}" for text in head),
    ]
    lines += [
        errors_line(f"trial {trial.number}", trial.network, width)
        for trial in found.trials[:n_best]
    ]
    lines.append(errors_line("nearest neighbour", best.nearest, width))
    own = next((trial for trial in found.trials if trial.number == 0), None)
    if own is not None and own is not best:
        lines.append(errors_line("the scan's own options", own.network, width))
    failed = sum(trial.reason is not None for trial in found.trials)
    if failed:
        lines.append(f"diverged: {failed} trials (named in {found.path})")
    if best.options:
        chosen = yaml.safe_dump(dict(best.options), default_flow_style=True, width=1000).strip()
        lines.append(f"best, for the scan file: {chosen}")
    else:
        lines.append("best: the scan's own options")
    return "\n".join(lines)
