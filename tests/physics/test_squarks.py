"""Process-level inputs, and efficiencies put together from processes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.data.tables import Table, read_table
from fitplugin.errors import InputError
from fitplugin.physics.efficiency import ProcessEfficiency
from fitplugin.physics.simulated_table import process_dataset
from fitplugin.physics.spectrum import Spectrum
from fitplugin.physics.squarks import INPUTS, branching_names, process_inputs
from fitplugin.surrogates.base import Examined

MASS = {
    "m_stop1": np.array([600.0]), "m_stop2": np.array([1000.0]),
    "m_sbottom1": np.array([800.0]), "m_neutralino1": np.array([-200.0]),
}  # fmt: skip
NAMES = branching_names(("stop1", "stop2", "sbottom1"))
BRANCHING = {name: np.array([0.1 * (i + 1)]) for i, name in enumerate(NAMES)}


def test_inputs_of_a_stop_that_decays_to_higgsinos_only():
    found = process_inputs("stop1", MASS, BRANCHING)[0]
    assert_allclose(found, [600, 400, 0.1, 0.2, 0, 0, 600])


def test_daughter_is_the_mean_of_the_squarks_it_decays_to():
    found = dict(zip(INPUTS, process_inputs("stop2", MASS, BRANCHING)[0], strict=True))
    to_w, to_zh = BRANCHING["br_stop2_W_squark"][0], BRANCHING["br_stop2_Zh_squark"][0]
    assert_allclose(found["m_daughter"], (to_w * 800 + to_zh * 600) / (to_w + to_zh))
    sbottom = dict(zip(INPUTS, process_inputs("sbottom1", MASS, BRANCHING)[0], strict=True))
    assert sbottom["m_daughter"] == 600


def test_processes_without_known_decays_are_refused():
    with pytest.raises(InputError, match="'gluino' is not a process with known decays.*parameters"):
        branching_names(("stop1", "gluino"))


def test_rows_of_all_squarks_are_pooled():
    table = read_table("natural_susy/efficiencies")
    data = process_dataset(table, "1l_stop1100", ["stop1", "stop2", "sbottom1"])
    assert data.n_points == 3 * len(np.unique(table.columns["id"]))
    assert data.input_names == INPUTS
    assert (data.target_error > 0).all()


class Linear:
    """Stands for a fitted surrogate: the efficiency is 1e-5 per GeV of mass, 10 % uncertain."""

    input_names = INPUTS

    def examine(self, inputs):
        mean = 1e-5 * inputs[:, :1]
        return Examined(mean, 0.001 * np.ones_like(mean), inputs[:, 0] / 900)


def spectrum():
    one = np.ones(1)
    return Spectrum(MASS, {}, BRANCHING, one > 0, one, 0 * one)


def test_efficiency_is_weighted_with_the_cross_sections_of_the_processes():
    sigma = {"stop1": np.array([6.0]), "stop2": np.array([1.0]), "sbottom1": np.array([3.0])}
    found = ProcessEfficiency(Linear())(np.empty((1, 0)), spectrum(), sigma)
    assert_allclose(found.value, 1e-5 * (6 * 600 + 1 * 1000 + 3 * 800) / 10, rtol=1e-6)
    assert_allclose(found.error, 1e-3 * np.sqrt(36 + 1 + 9) / 10, rtol=1e-3)
    assert_allclose(found.remoteness, 1000 / 900)


def test_a_process_that_hardly_contributes_does_not_make_a_point_remote():
    sigma = {"stop1": np.array([6.0]), "stop2": np.array([0.01]), "sbottom1": np.array([3.0])}
    found = ProcessEfficiency(Linear())(np.empty((1, 0)), spectrum(), sigma)
    assert_allclose(found.remoteness, 800 / 900)


def test_masses_without_cross_section_still_give_a_number():
    sigma = {name: np.array([np.nan]) for name in ("stop1", "stop2", "sbottom1")}
    found = ProcessEfficiency(Linear())(np.empty((1, 0)), spectrum(), sigma)
    assert_allclose(found.value, 1e-5 * (600 + 1000 + 800) / 3, rtol=1e-6)


def test_efficiencies_above_one_are_refused():
    table = read_table("natural_susy/efficiencies")
    columns = dict(table.columns)
    columns["passed_0l_stop1100"] = columns["passed_0l_stop1100"] * 1e4
    broken = Table("broken", columns, table.card, "")
    with pytest.raises(InputError, match=r"broken: 0l_stop1100: point .* must lie in \[0, 1\]"):
        process_dataset(broken, "0l_stop1100", ["stop1"])
