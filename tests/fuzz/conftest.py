"""A folder with everything that the valid documents name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.valid import put_files


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that tests leave as they found it."""
    folder = tmp_path_factory.mktemp("fuzz") / "work"
    folder.mkdir()
    put_files(folder)
    return folder
