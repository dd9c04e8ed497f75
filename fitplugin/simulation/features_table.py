"""Model-independent features of many SLHA files, as a table to learn from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from fitplugin.errors import InputError, MissingExtraError
from fitplugin.physics.cross_section import PairProduction, production_of
from fitplugin.physics.features import NAMES, features
from fitplugin.pools.processes import ProcessPool
from fitplugin.simulation.points import Unusable, point_of, request_of, slha_files


class FeaturesTable(NamedTuple):
    """Columns ``name``, parameters, masses, branching fractions and `features.NAMES`; a card."""

    columns: dict[str, np.ndarray]
    card: dict[str, Any]


def features_table(
    paths: Iterable[Path],
    processes: Sequence[str],
    cross_sections: str,
    parameters: Mapping[str, tuple[str, int]],
    n_workers: int = 1,
    *,
    allow_code: bool = False,
) -> tuple[FeaturesTable, list[Unusable]]:
    """Return the features of SLHA files, and the files that have none.

    Parameters
    ----------
    paths : iterable of path
        Files, or folders of them.
    processes : sequence of str
        Pair productions over which features are averaged.
    cross_sections : str
        See `production_of`.
    parameters : mapping of str to (block, index)
        See `read_slha`.
    n_workers : int
        Files at a time.
    allow_code : bool
        Whether the cross-sections may be a function.

    Raises
    ------
    InputError
        If a path or process is unknown, or no file has features.
    """
    _production(cross_sections, tuple(processes), allow_code)  # refused before any work
    files = slha_files(paths)
    work = partial(_row, tuple(processes), cross_sections, dict(parameters), allow_code)
    rows: list[dict[str, Any]] = []
    unusable: list[Unusable] = []
    with (
        ProcessPool(min(n_workers, len(files))) as pool,
        tqdm(total=len(files), unit="file", desc="features", disable=None, leave=False) as bar,
    ):
        for found in pool.imap(work, files):
            (unusable if isinstance(found, Unusable) else rows).append(found)  # type: ignore[arg-type]
            bar.update()
    if not rows:
        raise InputError(unusable[0].name, f"{unusable[0].reason}: no file has features")
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    card = {
        "title": "Model-independent features of SLHA files",
        "source": "arXiv:1703.01309, section 4",
        "inputs": {name: {"unit": "GeV" if name.startswith("energy") else ""} for name in NAMES},
        "processes": list(processes),
        "cross_sections": cross_sections,
    }
    return FeaturesTable(columns, card), unusable


@lru_cache(maxsize=4)
def _production(reference: str, processes: tuple[str, ...], allow_code: bool) -> PairProduction:
    return production_of(reference, processes, allow_code=allow_code)


def _row(
    processes: tuple[str, ...],
    cross_sections: str,
    parameters: Mapping[str, tuple[str, int]],
    allow_code: bool,
    file: Path,
) -> dict[str, Any] | Unusable:
    production, name = _production(cross_sections, processes, allow_code), file.stem
    try:
        point = point_of(request_of(file, production, 1, 0), production, parameters)
        sigma = {process: value for process, (value, _) in point.cross_sections.items()}
        values = features(point.spectrum, sigma)
    except MissingExtraError:
        raise
    except InputError as error:
        return Unusable(name, None, str(error).removeprefix(f"{name}: "))
    return {
        "name": name,
        **point.spectrum.parameters,
        **point.spectrum.masses,
        **point.spectrum.branching,
        **dict(zip(NAMES, values.tolist(), strict=True)),
    }
