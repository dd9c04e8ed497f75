"""The likelihood keeps its contract, and measures something in a scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fitplugin import run
from fitplugin.conformance import check_term
from fitplugin.templates.likelihood import YourPlugin, YourPluginOptions

SCAN = Path(__file__).parents[1] / "scan.yaml"


def test_contract_of_a_likelihood_is_kept() -> None:
    observables = {"m_stop1": np.linspace(900.0, 1100.0, 5), "m_stop1_error": np.full(5, 10.0)}
    check_term(YourPlugin, YourPluginOptions(), observables)


def test_a_scan_finds_the_measured_mass(tmp_path: Path) -> None:
    found = run(SCAN, tmp_path / "run").summary["derived"]["m_stop1"]
    assert abs(found["mean"] - 1000.0) < 50.0
    assert 25.0 < found["std"] < 75.0
