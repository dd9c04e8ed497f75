"""Oracles: tables, simulated tables, folders, the simulation chain; limits from their answers."""

from __future__ import annotations

import json
import runpy

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.active.base import Answer, Request, Setting
from fitplugin.active.folder import FolderOptions, FolderOracle
from fitplugin.active.limits import NAMES, LimitOptions
from fitplugin.active.loop import Loop
from fitplugin.active.options import read_loop
from fitplugin.active.simulated import SimulationOptions, SimulationOracle
from fitplugin.active.tables import SimulatedOptions, SimulatedOracle
from fitplugin.data.tables import read_table
from fitplugin.errors import InputError
from fitplugin.physics.simulated_table import point_dataset
from fitplugin.stats.limits import upper_limits
from tests.active.test_loop import loop_file

SIX = ("mu", "tan_beta", "M3", "mQ3", "mtR", "At")
BOX = np.array([[-500, 500], [2, 60], [800, 3000], [100, 1600], [100, 1600], [-3000, 3000]], float)
PROCESSES = ("stop1", "stop2", "sbottom1")


def setting(tmp_path, names=SIX, box=BOX):
    return Setting(names, box, tmp_path, tmp_path / "state", 3, allow_code=True)


def test_simulated_points_answer_with_the_numbers_of_the_table(tmp_path):
    oracle = SimulatedOracle(SimulatedOptions(regions=("0l_stop1100",)), setting(tmp_path))
    data = point_dataset(read_table("natural_susy/efficiencies"), "0l_stop1100", PROCESSES)
    assert len(oracle.candidates) == data.n_points
    theta = dict(zip(SIX, oracle.candidates[17].tolist(), strict=True))
    order = [data.input_names.index(name) for name in SIX]
    row = np.flatnonzero((data.inputs[:, order] == list(theta.values())).all(axis=1))[0]
    (answer,) = oracle.answer([Request(5, theta)])
    assert answer.id == 5
    assert answer.values["efficiency[0l_stop1100]"] == data.targets[row, 0]
    assert answer.values["cross_section"] > answer.values["cross_section_error"] > 0
    (stranger,) = oracle.answer([Request(6, {**theta, "mu": 0.125})])
    assert stranger.failed == "is no point of the table"


def test_a_box_without_points_is_refused(tmp_path):
    empty = BOX.copy()
    empty[0] = [499.9999, 500.0]
    with pytest.raises(InputError, match="has no point inside the box"):
        SimulatedOracle(SimulatedOptions(regions=("0l_stop1100",)), setting(tmp_path, box=empty))


def test_limits_are_those_of_the_best_expected_region():
    options = LimitOptions.model_validate({
        "luminosity": 300, "span": 50, "regions": [
            {"name": "a", "n_observed": 3, "background": 4.0, "background_error": 1.0},
            {"name": "b", "n_observed": 30, "background": 25.0, "background_error": 5.0}],
    })  # fmt: skip
    values = {
        "cross_section": np.array([10.0, 10.0]), "cross_section_error": np.array([1.0, 2.0]),
        "efficiency[a]": np.array([1e-2, 1e-4]), "efficiency_error[a]": np.array([1e-3, 1e-4]),
        "efficiency[b]": np.array([1e-3, 2e-2]), "efficiency_error[b]": np.array([1e-3, 1e-3]),
    }  # fmt: skip
    found = options.log_limits(values)
    first = upper_limits(3, 30.0, 3.0, 4.0, 1.0)
    second = upper_limits(30, 60.0, 12.0, 25.0, 5.0)
    for name, a, b in zip(NAMES, first, second, strict=True):
        # a span of 50 bends logarithms of this size by less than a part in a thousand
        assert_allclose(found[name], np.log([a, b]), rtol=2e-3)
    assert_allclose(found["log_mu_expected_error"], [0.1, 0.05], rtol=1e-2)


def test_a_span_bends_what_is_far_and_leaves_the_contour():
    given = {"luminosity": 1.0, "regions": [
        {"name": "a", "n_observed": 3, "background": 3.0, "background_error": 0.5}]}  # fmt: skip
    free, bent = (LimitOptions.model_validate({**given, "span": span}) for span in (1e3, 2.0))
    efficiency = np.geomspace(1e-6, 1.0, 40)
    values = {"cross_section": np.full(40, 100.0), "cross_section_error": np.zeros(40),
              "efficiency[a]": efficiency, "efficiency_error[a]": 0.1 * efficiency}  # fmt: skip
    y, z = (options.log_limits(values)["log_mu_expected"] for options in (free, bent))
    assert (np.sign(y) == np.sign(z)).all()
    assert (np.diff(z) < 0).all()
    assert np.abs(z).max() <= 2.0
    assert_allclose(z, 2.0 * np.tanh(y / 2.0), rtol=1e-3)


def folder_loop(tmp_path):
    return loop_file(tmp_path, oracle={"kind": "folder"}, first=6, rounds=1)


def answer_all(state, skip=()):
    for path in (state / "ask").glob("*.json"):
        request = json.loads(path.read_text())
        x, y = request["parameters"]["x"], request["parameters"]["y"]
        if request["id"] not in skip:
            values = {"depth": float(np.hypot(x, y) - 0.6)}
            (state / "tell" / path.name).write_text(json.dumps({"values": values}))


def run(path, state):
    return Loop(read_loop(path), path.parent, state).run()


def test_a_folder_is_asked_and_answered_over_several_calls(tmp_path):
    path, state = folder_loop(tmp_path), tmp_path / "state"
    assert run(path, state).waiting == 6
    assert sorted(p.name for p in (state / "ask").iterdir()) == [f"{i}.json" for i in range(6)]
    answer_all(state, skip=(4,))
    assert run(path, state).waiting == 1
    # what was told stays told, whatever becomes of the file
    (state / "tell" / "0.json").unlink()
    answer_all(state, skip=(0, 1, 2, 3, 5))
    assert run(path, state).waiting == 6  # the next round
    answer_all(state)
    found = run(path, state)
    assert found.waiting == 0
    assert [metrics["asked"] for metrics in found.state.rounds] == [6, 12]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Invalid JSON"),
        ('{"values": {"depth": "x"}}', "values.depth"),
        ("{}", "has neither 'values' nor 'failed'"),
        ('{"failed": "no disk"}', "no disk"),
        ('{"value": {"depth": 1}}', "value"),
    ],
)
def test_an_answer_that_says_nothing_is_a_failure_with_its_reason(text, reason, tmp_path):
    where = setting(tmp_path, ("x",), np.array([[0.0, 1.0]]))
    oracle = FolderOracle(FolderOptions(), where)
    request = Request(0, {"x": 0.5})
    assert list(oracle.answer([request])) == []
    (tmp_path / "state" / "tell" / "0.json").write_text(text)
    (answer,) = oracle.answer([request])
    assert reason in answer.failed


def test_a_request_file_of_another_loop_is_left_alone(tmp_path):
    where = setting(tmp_path, ("x",), np.array([[0.0, 1.0]]))
    oracle = FolderOracle(FolderOptions(), where)
    list(oracle.answer([Request(0, {"x": 0.5})]))
    with pytest.raises(InputError, match="0.json: is the request of another loop"):
        list(oracle.answer([Request(0, {"x": 0.25})]))


SPECTRUM = """
from tests.simulation.slha import with_parameter
def spectrum(mu):
    if mu > 480:
        raise RuntimeError("no electroweak breaking")
    return with_parameter(23, f"{mu:.3f}")
"""


def test_the_chain_simulates_each_point_once(tmp_path):
    (tmp_path / "mine.py").write_text(SPECTRUM)
    where = setting(tmp_path, ("mu",), np.array([[100.0, 500.0]]))
    options = SimulationOptions(
        spectrum="mine.py:spectrum", simulator="tests.simulation.toy:Toy", events=1000, processes=2
    )
    requests = [Request(0, {"mu": 200.0}), Request(1, {"mu": 490.0}), Request(2, {"mu": 300.0})]
    answers = {a.id: a for a in SimulationOracle(options, where).answer(requests)}
    assert answers[1].failed == "spectrum: RuntimeError: no electroweak breaking"
    values = answers[0].values
    assert values["efficiency[low]"] == pytest.approx(0.04, abs=5 * np.sqrt(0.04 / 1000))
    assert 0 < values["efficiency_error[low]"] < 0.01
    assert values["cross_section"] > values["cross_section_error"] > 0
    before = (tmp_path / "state" / "simulated.jsonl").read_bytes()
    again = {a.id: a for a in SimulationOracle(options, where).answer(requests)}
    assert again[0] == answers[0]
    assert (tmp_path / "state" / "simulated.jsonl").read_bytes() == before


def test_a_point_that_cannot_be_simulated_has_a_reason(tmp_path):
    (tmp_path / "mine.py").write_text("def spectrum(mu):\n    return 'no file'\n")
    where = setting(tmp_path, ("mu",), np.array([[100.0, 500.0]]))
    options = SimulationOptions(
        spectrum="mine.py:spectrum", simulator="tests.simulation.toy:Toy", events=1000
    )
    (answer,) = SimulationOracle(options, where).answer([Request(0, {"mu": 200.0})])
    assert answer.failed.startswith("spectrum: has no block MASS")


def test_numbers_that_are_missing_or_no_numbers_make_a_failure():
    assert Answer(0, {"a": 1.0}).checked(["a"]) == Answer(0, {"a": 1.0})
    assert Answer(0, {"a": 1.0}).checked(["b"]).failed == "gave no b, only a"
    assert Answer(0, {"a": float("inf")}).checked(["a"]).failed == "a is inf"


def test_the_shipped_loop_is_well_formed(tmp_path):
    from tests.conftest import SCANS

    for name in ("exclusion", "exclusion_simulated"):
        loop = read_loop(SCANS.parent / "loops" / f"{name}.yaml")
        assert loop.limits is not None
        assert set(loop.goal.needs) >= {
            "cross_section",
            f"efficiency[{loop.limits.regions[0].name}]",
        }


def test_the_shipped_loop_for_a_posterior_is_answered_by_the_toy_of_its_scan(tmp_path):
    from fitplugin.active.loop import open_loop
    from tests.conftest import SCANS

    path = SCANS.parent / "loops" / "resonance.yaml"
    loop = open_loop(path, tmp_path / "state", allow_code=True)
    request = Request(0, {"mass": 2.3, "coupling": 0.045})
    (answer,) = loop.oracle.answer([request])
    assert answer.checked(loop.options.goal.needs).failed is None
    # a point has one answer, whenever it is asked; counts scatter about the truth
    assert list(loop.oracle.answer([request])) == [answer]
    efficiency, error = (answer.values[f"{n}[middle]"] for n in ("efficiency", "efficiency_error"))
    truth = runpy.run_path(str(SCANS.parent / "resonance" / "make_data.py"))["efficiency"]
    exact = truth(np.array([2.3]), np.array([0.045]))["middle"][0]
    assert abs(efficiency - exact) < 4 * error
