"""The constraint keeps its contract, and cuts the prior of a scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fitplugin import run
from fitplugin.conformance import check_constraint
from fitplugin.templates.constraint import YourPlugin, YourPluginOptions

SCAN = Path(__file__).parents[1] / "scan.yaml"


def test_contract_of_a_constraint_is_kept() -> None:
    observables = {"m_chargino1": np.linspace(0.0, 600.0, 50)}
    check_constraint(YourPlugin, YourPluginOptions(), observables)


def test_no_point_of_a_scan_has_a_heavier_chargino(tmp_path: Path) -> None:
    found = run(SCAN, tmp_path / "run")
    assert found.posterior.columns["m_chargino1"].max() < 300.0
    assert found.prior["mu"].max() < 310.0  # a higgsino is about as heavy as |mu|
