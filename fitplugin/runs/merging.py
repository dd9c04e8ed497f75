"""Merge finished, independent runs of one scan into one run directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fitplugin.data.folders import replacing
from fitplugin.errors import InputError
from fitplugin.physics.symbols import NATURAL_SUSY
from fitplugin.runs import directory
from fitplugin.runs.changes import differences
from fitplugin.runs.resolved import config_of
from fitplugin.runs.summary import summarise_run
from fitplugin.samplers.merge import merge

# What members of one scan have differently.
_OWN = ("sampler", "prior_sample", "seed", "processes", "pool", "title")


def merge_runs(
    paths: Sequence[Path], output: Path, force: bool = False, *, allow_code: bool = False
) -> directory.Run:
    """Merge runs, as nested runs, and return the merged run directory, read back.

    Code that their scans name is run only with ``allow_code``.

    Raises
    ------
    InputError
        If there are fewer than two, they are of different likelihoods, have points in common, or
        record no births.
    """
    if len(paths) < 2:
        raise InputError("merge", "needs two runs or more")
    directory.refuse_existing(output, force)
    runs = [directory.read_run(path) for path in paths]
    configs = [config_of(run, allow_code=allow_code) for run in runs]
    first, config = runs[0], configs[0]
    contents = [
        {key: value for key, value in c.model_dump(mode="json").items() if key not in _OWN}
        for c in configs
    ]
    for run, content in zip(runs[1:], contents[1:], strict=True):
        found = differences(contents[0], content)
        if not found and run.manifest["digest"] != first.manifest["digest"]:
            found = ["data, models or code"]
        if found:
            raise InputError(
                str(run.path), f"is of another likelihood than {first.path}: {'; '.join(found)}"
            )
    chain = merge([directory.read_chain(run) for run in runs])
    seconds: dict[str, float] = {}
    for run in runs:
        for stage, value in run.manifest["seconds"].items():
            seconds[stage] = seconds.get(stage, 0.0) + value
    options = config.sampler.options.model_copy(update={"n_live": chain.n_live})
    whole = config.model_copy(
        update={
            "sampler": replace(config.sampler, options=options),
            "prior_sample": sum(c.prior_sample for c in configs),
        }
    )
    symbols = {**NATURAL_SUSY, **whole.symbols}
    with replacing(output) as folder:
        directory.write_chain(folder, chain, whole.free, symbols)
        if all(run.prior for run in runs):
            columns = [np.concatenate([run.prior[name] for run in runs]) for name in whole.free]
            directory.write_prior(folder, np.column_stack(columns), whole.free, symbols)
        (folder / "resolved.yaml").write_text(whole.to_yaml(), encoding="utf-8")
        summary = summarise_run(whole, first.summary["n_observed"], chain, chain.evidence, seconds)
        directory.write_json(folder / "summary.json", summary)
        manifest = {
            **first.manifest,
            "n_like": chain.n_like,
            "member": None,
            "merged": [str(path) for path in paths],
            "sampler": {"name": chain.sampler, **chain.details},
            "seconds": seconds,
        }
        directory.write_manifest(folder, manifest)
    return directory.read_run(output)
