"""Fixtures shared by all tests: small seeded datasets, and the models of the shipped scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from fitplugin.surrogates import Dataset

# the same examples on every machine; the slow tests draw more
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")

SCANS = Path(__file__).parents[1] / "scans" / "natural_susy"


@pytest.fixture(scope="session")
def tiny_dataset() -> Dataset:
    """A smooth function of two inputs with a little noise, 400 points."""
    rng = np.random.default_rng(7)
    inputs = rng.uniform([-2.0, 0.0], [2.0, 5.0], (400, 2))
    smooth = np.sin(2.0 * inputs[:, 0]) + 0.3 * inputs[:, 1]
    targets = np.stack([smooth, np.abs(inputs[:, 0])], axis=1)
    targets += 0.02 * rng.standard_normal(targets.shape)
    ranges = np.array([[-2.0, 2.0], [0.0, 5.0]])
    return Dataset(inputs, targets, ("x", "y"), ("wave", "kink"), ranges)


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One folder of trained models for the session, whatever the number of test workers."""
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "models"


@pytest.fixture(scope="session")
def smoke_joint(model_cache: Path, tmp_path_factory: pytest.TempPathFactory):
    """The joint likelihood of the shipped smoke scan."""
    import fitplugin

    return fitplugin.load(SCANS / "smoke.yaml", model_cache)


@pytest.fixture(scope="session")
def smoke_run(model_cache: Path, smoke_joint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of the shipped smoke scan, made through the command line; not to change."""
    from click.testing import CliRunner

    from fitplugin.cli import main

    folder = tmp_path_factory.mktemp("smoke") / "run"
    command = ["run", str(SCANS / "smoke.yaml"), "-o", str(folder), "--cache", str(model_cache)]
    done = CliRunner().invoke(main, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "mQ3" in done.stdout
    return folder
