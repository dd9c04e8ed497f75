"""What a finished run was made with: the scan file as it was resolved."""

from __future__ import annotations

from pathlib import Path

from fitplugin.runs.config import NO_CHANGES, Changes, ScanConfig, read_scan
from fitplugin.runs.directory import Run


def config_of(run: Run, changes: Changes = NO_CHANGES, *, allow_code: bool = False) -> ScanConfig:
    """Return the scan file of a finished run, every default written out.

    Raises
    ------
    InputError
        If it names a file that is no longer there, or code and that is not allowed.
    """
    path = run.path / "resolved.yaml"
    return read_scan(path, changes, folder_of(run), allow_code=allow_code)


def folder_of(run: Run) -> Path:
    """Return where relative paths in the scan file of a run start: where that file was."""
    scan_file = run.manifest.get("scan_file")
    return Path(scan_file).parent if scan_file else run.path
