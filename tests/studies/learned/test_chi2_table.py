"""Tables of chi2: from signals of one's own, from simulation, and from the scan's own chain."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from numpy.testing import assert_allclose

from fitplugin.cli import main
from fitplugin.data.tables import read_table, write_table
from fitplugin.physics.simulated_table import point_dataset
from fitplugin.stats.counts import q_mu
from tests.conftest import SCANS

REGIONS = {"0-lepton": (33.2, 12.2, 3.9), "1-lepton": (68.9, 21.1, 5.9)}
PROCESSES = ("stop1", "stop2", "sbottom1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, smoke_joint):
    folder = tmp_path_factory.mktemp("chi2")
    content = yaml.safe_load((SCANS / "smoke.yaml").read_text())
    del content["mock"]
    content["observed"] = {name: n for name, (n, _, _) in REGIONS.items()}
    (folder / "product.yaml").write_text(yaml.safe_dump(content))
    content["combination"] = {"kind": "best_expected"}
    (folder / "scan.yaml").write_text(yaml.safe_dump(content))
    content["combination"] |= {"groups": [list(REGIONS)], "cap": 5.0}
    content["combination"]["s95_expected"] = {"0-lepton": 10.0, "1-lepton": 20.0}
    (folder / "one_group.yaml").write_text(yaml.safe_dump(content))
    return folder


@pytest.fixture
def made(folder, model_cache):
    def make(out, *arguments, scan="scan.yaml", status=0):
        command = ["dataset", "chi2", str(folder / out), "--scan", str(folder / scan),
                   "--cache", str(model_cache), "-f", *map(str, arguments)]  # fmt: skip
        done = CliRunner().invoke(main, command, catch_exceptions=False)
        assert done.exit_code == status, done.output
        return done.stderr if status else read_table(str(folder / out))

    return make


def own_table(path, **columns):
    rng = np.random.default_rng(3)
    signals = {"a": rng.uniform(0, 1, 50)}
    for name in REGIONS:
        signals[f"n_signal[{name}]"] = rng.uniform(0, 60, 50)
        signals[f"n_signal_error[{name}]"] = rng.uniform(0, 6, 50)
    write_table(path, {**signals, **columns}, {"inputs": {"a": {"range": [0, 1]}}}, force=True)
    return signals


def q_of(signals, name):
    n, background, error = REGIONS[name]
    return q_mu(n, signals[f"n_signal[{name}]"], signals[f"n_signal_error[{name}]"], background,
                error)  # fmt: skip


def test_own_signals_of_exclusive_regions_add_up_to_chi2(folder, made):
    signals = own_table(folder / "own.csv")
    table = made("chi2.npz", "--points", folder / "own.csv")
    expected = sum(q_of(signals, name) for name in REGIONS)
    assert_allclose(table.columns["chi2"], np.minimum(expected, 100.0), rtol=1e-9)
    assert table.card["inputs"] == {"a": {"range": [0, 1]}}
    assert table.card["regions"]["0-lepton"]["n_observed"] == 33.2


def test_in_a_group_the_most_sensitive_region_counts_and_chi2_is_capped(folder, made):
    signals = own_table(folder / "own.csv")
    table = made("chi2.npz", "--points", folder / "own.csv", scan="one_group.yaml")
    is_first = signals["n_signal[0-lepton]"] / 10 > signals["n_signal[1-lepton]"] / 20
    expected = np.where(is_first, q_of(signals, "0-lepton"), q_of(signals, "1-lepton"))
    assert_allclose(table.columns["chi2"], np.minimum(expected, 5.0), rtol=1e-9)


def test_simulated_points_have_the_chi2_of_their_efficiencies(made):
    table = made("chi2.npz")
    efficiencies = read_table("natural_susy/efficiencies")
    row = 500
    rows = np.flatnonzero((efficiencies.columns["id"] == table.columns["id"][row])
                          & np.isin(efficiencies.columns["process"], PROCESSES))  # fmt: skip
    sigma = efficiencies.columns["cross_section_fb"][rows]
    sigma_error = (sigma * efficiencies.columns["cross_section_rel_error"][rows]).sum()
    expected = 0.0
    for name, region in (("0-lepton", "0l_stop1100"), ("1-lepton", "1l_stop1100")):
        data = point_dataset(efficiencies, region, PROCESSES)
        value, error = data.targets[row, 0], data.target_error[row, 0]
        n, background, background_error = REGIONS[name]
        total = sigma.sum()
        signal_error = 3000 * np.sqrt(
            (value * sigma_error) ** 2 + (total * error) ** 2 + (error * sigma_error) ** 2
        )
        expected += q_mu(n, 3000 * total * value, signal_error, background, background_error)
    assert_allclose(table.columns["chi2"][row], min(expected, 100.0), rtol=1e-6)
    assert (table.columns["chi2_error"] >= 0).all()
    assert set(table.card["inputs"]) == {"mu", "tan_beta", "M3", "mQ3", "mtR", "At"}


def test_drawn_points_have_the_chi2_of_the_scan_itself(folder, made, model_cache):
    import fitplugin

    table = made("chi2.npz", "--draw", 200)
    joint = fitplugin.load(folder / "scan.yaml", model_cache)
    theta = table.numbers(joint.names)
    batch = joint.evaluate(theta)
    assert batch.valid.all()
    assert_allclose(table.columns["chi2"], -2 * batch.log_likelihood, rtol=1e-9, atol=1e-12)
    assert_allclose(table.columns["m_stop1"], batch.blobs["m_stop1"])


def test_points_with_parameters_only_have_the_chi2_of_the_scan(folder, made):
    drawn = made("drawn.npz", "--draw", 50)
    names = ("mu", "mQ3", "mtR")
    # a point without chargino above the limit is not valid and left out
    theta = np.append(drawn.numbers(names), [[10.0, 1000.0, 1000.0]], axis=0)
    columns = dict(zip(names, theta.T, strict=True))
    write_table(folder / "points.csv", {**columns, "tag": np.arange(51)}, {}, force=True)
    table = made("again.npz", "--points", folder / "points.csv")
    assert_allclose(table.columns["chi2"], drawn.columns["chi2"], rtol=1e-9, atol=1e-12)
    assert_allclose(table.columns["tag"], np.arange(50))


def test_a_known_spectrum_takes_the_place_of_the_learned_one(folder, made, model_cache):
    import fitplugin

    drawn = made("drawn.npz", "--draw", 50)
    again = made("again.npz", "--points", folder / "drawn.npz", status=2)
    assert "'tan_beta' is not a column" in again
    joint = fitplugin.load(folder / "scan.yaml", model_cache)
    fixed = {name: np.full(50, value) for name, value in joint.space.fixed.items()}
    write_table(folder / "full.npz", {**drawn.columns, **fixed}, {}, force=True)
    table = made("again.npz", "--points", folder / "full.npz")
    # the same but for the errors of masses, which are part of the signal's
    assert np.abs(table.columns["chi2"] - drawn.columns["chi2"]).mean() < 0.2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_signal[2-lepton]": np.ones(50)}, "n_signal[2-lepton]: '2-lepton' is not a region of"),
        ({"n_signal_error[0lepton]": np.ones(50)}, "Did you mean '0-lepton'"),
        ({"n_signal[0-lepton]": np.full(50, np.nan)}, "n_signal[0-lepton]: has no number in row 1"),
    ],
)
def test_bad_tables_are_refused_by_name(folder, made, change, message):
    own_table(folder / "own.csv", **change)
    assert message in made("chi2.npz", "--points", folder / "own.csv", status=2)


def test_a_product_gives_no_chi2(made):
    problem = made("chi2.npz", "--draw", 5, scan="product.yaml", status=2)
    assert "combination: gives no chi2; use kind: best_expected" in problem


def test_two_sources_are_one_too_many(folder, made):
    own_table(folder / "own.csv")
    assert "give one of them" in made("c.npz", "--draw", 5, "--points", folder / "own.csv",
                                      status=2)  # fmt: skip
