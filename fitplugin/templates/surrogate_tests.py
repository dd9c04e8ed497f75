"""The surrogate keeps its contract, and learns an efficiency of a scan."""

from __future__ import annotations

from pathlib import Path

from fitplugin import run
from fitplugin.conformance import check_surrogate
from fitplugin.templates.surrogate import YourPlugin, YourPluginOptions

SCAN = Path(__file__).parents[1] / "scan.yaml"


def test_contract_of_a_surrogate_is_kept() -> None:
    check_surrogate(YourPlugin, YourPluginOptions())


def test_a_scan_predicts_efficiencies_with_one_error(tmp_path: Path) -> None:
    columns = run(SCAN, tmp_path / "run").posterior.columns
    assert -0.1 < columns["efficiency[1-lepton]"].mean() < 0.3
