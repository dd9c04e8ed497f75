"""From a scan file to its likelihood, the models of which are trained where they are missing."""

from __future__ import annotations

from pathlib import Path

from fitplugin.errors import InputError
from fitplugin.pools.base import available_cores
from fitplugin.runs.build import Scan, build, plan
from fitplugin.runs.config import NO_CHANGES, Changes, read_scan
from fitplugin.runs.models import ModelCache, default_cache


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

    Parameters
    ----------
    path : path
        A scan file.
    cache : path, optional
        Folder of trained models; default: the user's cache.
    retrain : bool
        Train the models again.
    in_parallel : bool
        Train on all cores that this process may use; a script that does so needs its
        ``if __name__ == "__main__":`` guard.
    changes, folder, allow_code
        Those of `read_scan`.

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
