"""Workers shared by the samplers' tests."""

from __future__ import annotations

import pytest

from fitplugin.pools.processes import ProcessPool


@pytest.fixture(scope="session")
def two_workers():
    with ProcessPool(processes=2, points_per_task=32) as pool:
        yield pool
