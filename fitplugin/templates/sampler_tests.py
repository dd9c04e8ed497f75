"""The sampler keeps its contract, and samples a scan."""

from __future__ import annotations

from pathlib import Path

from fitplugin import run
from fitplugin.conformance import check_sampler
from fitplugin.templates.sampler import YourPlugin, YourPluginOptions

SCAN = Path(__file__).parents[1] / "scan.yaml"


def test_contract_of_a_sampler_is_kept() -> None:
    check_sampler(YourPlugin, YourPluginOptions(n_samples=20_000))


def test_a_scan_has_a_posterior(tmp_path: Path) -> None:
    found = run(SCAN, tmp_path / "run")
    assert found.summary["sampler"] == "your_plugin"
    assert found.summary["n_eff"] > 100.0
