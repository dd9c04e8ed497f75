"""Tables of features from SLHA files."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_allclose

from fitplugin.cli import main
from fitplugin.data.tables import read_table
from fitplugin.physics.cross_section import production_of
from fitplugin.physics.features import NAMES, features
from fitplugin.physics.slha import read_slha
from tests.simulation.slha import BENCHMARK, without_decay

pytest.importorskip("pyslha")
PROCESSES = ("stop1", "stop2", "sbottom1")


def invoke(*arguments):
    return CliRunner().invoke(main, ["dataset", "features", *map(str, arguments)])


def test_a_row_is_the_features_of_its_file(tmp_path):
    (tmp_path / "a.slha").write_text(BENCHMARK)
    done = invoke(tmp_path / "f.npz", tmp_path / "a.slha")
    assert done.exit_code == 0, done.output
    table = read_table(str(tmp_path / "f.npz"))
    point = read_slha(BENCHMARK, "a")
    production = production_of("natural_susy/cross_sections_14TeV", PROCESSES)
    masses = {name: np.array([abs(mass)]) for name, mass in point.masses.items()}
    sigma = {name: float(production.of(name, masses).value[0]) for name in PROCESSES}
    assert_allclose(table.numbers(NAMES)[0], features(point, sigma), rtol=1e-12)
    assert table.columns["mu"][0] == 254.6
    assert list(table.card["inputs"]) == list(NAMES)


def test_a_file_without_branching_ratios_is_named_and_the_others_go_on(tmp_path):
    folder = tmp_path / "points"
    folder.mkdir()
    (folder / "good.slha").write_text(BENCHMARK)
    (folder / "bad.slha").write_text(without_decay(1000006))
    done = invoke(tmp_path / "f.csv", folder, "--processes", 1)
    assert done.exit_code == 1
    assert "f.csv: 1 points" in done.stdout
    assert "bad: DECAY 1000006" in done.stderr
    assert "files without features: 1" in done.stderr


def test_nothing_to_learn_from_is_refused(tmp_path):
    (tmp_path / "bad.slha").write_text("no such thing")
    done = invoke(tmp_path / "f.npz", tmp_path / "bad.slha")
    assert done.exit_code == 2
    assert "no file has features" in done.stderr
    assert not (tmp_path / "f.npz").exists()
    done = invoke(tmp_path / "f.npz", tmp_path / "bad.slha", "--production", "selectron")
    assert "'selectron' is not a process" in done.stderr
