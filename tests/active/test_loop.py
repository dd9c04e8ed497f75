"""The loop as a whole: it finds contours, survives kills, and refuses what it cannot go on from."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from fitplugin.active.loop import Loop, open_loop
from fitplugin.active.options import read_loop
from fitplugin.cli import main
from fitplugin.data.tables import write_table
from fitplugin.errors import FitpluginError, InputError
from fitplugin.surrogates import load
from tests.conftest import SCANS

RING = """
import math
calls = 0
def ring(x, y):
    return {"depth": math.hypot(x, y) - 0.6}
def shy(x, y):
    return {"depth": float("nan") if x > 0.5 else math.hypot(x, y) - 0.6}
def broken(x, y):
    raise RuntimeError("no licence\\nfor this")
def other(x, z):
    return {}
"""


def loop_file(folder: Path, **changes) -> Path:
    (folder / "mine.py").write_text(RING)
    content = {
        "fitplugin": 1,
        "parameters": {"x": [-1.0, 1.0], "y": [-1.0, 1.0]},
        "oracle": {"kind": "function", "function": "mine.py:ring"},
        "target": {"names": ["depth"]},
        "first": 8,
        "batch": {"size": 6, "candidates": 500},
        "rounds": 3,
        "stop": {"undecided": 0.001},
        **changes,
    }
    path = folder / "loop.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def run(path: Path, output: Path):
    loop = Loop(read_loop(path), path.parent, output, allow_code=True)
    return loop, loop.run()


def learn(path: Path, output: Path) -> list[str]:
    return ["learn", str(path), "-o", str(output), "--allow-code"]


def accuracy(model) -> float:
    x = np.random.default_rng(0).uniform(-1, 1, (4000, 2))
    return float(((model.examine(x)[0][:, 0] < 0) == (np.hypot(*x.T) < 0.6)).mean())


def test_a_ring_is_found_with_26_points(tmp_path):
    _, found = run(loop_file(tmp_path), tmp_path / "state")
    assert accuracy(found.model) > 0.97
    entropies = [metrics["mean_entropy"] for metrics in found.state.rounds]
    assert entropies[-1] < 0.3 * entropies[0]
    late = [r.theta for n, r in found.state.asked.items() if found.state.round_of[n] > 1]
    radius = np.array([np.hypot(theta["x"], theta["y"]) for theta in late])
    # asked where it matters: random points of the box are on average 0.27 away
    assert np.abs(radius - 0.6).mean() < 0.15


@pytest.mark.parametrize("kind", ["entropy", "greedy", "variance", "random", "latin", "grid"])
def test_every_choice_gives_a_batch_of_new_points(kind, tmp_path):
    path = loop_file(tmp_path, batch={"size": 6, "choose": kind, "candidates": 300}, rounds=1)
    _, found = run(path, tmp_path / "state")
    points = {tuple(request.theta.values()) for request in found.state.asked.values()}
    assert len(points) == 14


def test_interrupted_anywhere_it_ends_as_if_it_had_not_been(tmp_path, monkeypatch):
    _, whole = run(loop_file(tmp_path), tmp_path / "whole")
    from fitplugin.active.functions import FunctionOracle

    one, seen = FunctionOracle._one, []

    def interrupted(self, request):
        if len(seen) in (3, 11, 20):
            seen.append(None)
            raise KeyboardInterrupt
        seen.append(request.id)
        return one(self, request)

    monkeypatch.setattr(FunctionOracle, "_one", interrupted)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "loop.yaml", tmp_path / "state")
    _, found = run(tmp_path / "loop.yaml", tmp_path / "state")
    assert found.state.asked == whole.state.asked
    assert found.state.rounds == whole.state.rounds
    # nothing that was answered was asked again
    answered = [number for number in seen if number is not None]
    assert len(answered) == len(set(answered)) == 26


def test_more_rounds_go_on_from_the_last(tmp_path):
    _, first = run(loop_file(tmp_path, rounds=1), tmp_path / "state")
    _, more = run(loop_file(tmp_path, rounds=2), tmp_path / "state")
    assert more.state.rounds[:2] == first.state.rounds
    assert len(more.state.rounds) == 3
    _, same = run(loop_file(tmp_path, rounds=2), tmp_path / "state")
    assert same.state.rounds == more.state.rounds
    assert accuracy(same.model) == accuracy(more.model)


def test_points_without_numbers_are_left_out_and_counted(tmp_path):
    path = loop_file(tmp_path, oracle={"kind": "function", "function": "mine.py:shy"})
    _, found = run(path, tmp_path / "state")
    failed = [a for a in found.state.answers.values() if a.failed is not None]
    assert failed
    assert {a.failed for a in failed} == {"depth is nan"}
    assert found.state.rounds[-1]["failed"] == len(failed)


def test_an_oracle_that_only_fails_stops_the_loop_with_its_reason(tmp_path):
    path = loop_file(tmp_path, oracle={"kind": "function", "function": "mine.py:broken"})
    result = CliRunner().invoke(main, learn(path, tmp_path / "state"))
    assert result.exit_code == 1
    assert "all 8 points of round 0 failed; point 0: RuntimeError: no licence" in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_an_oracle_that_is_mended_is_asked_again(tmp_path):
    path = loop_file(tmp_path, rounds=1)
    good = (tmp_path / "mine.py").read_text()
    (tmp_path / "bad.py").write_text(good.replace('return {"depth"', 'return {"deep"'))
    (tmp_path / "mine.py").unlink()
    (tmp_path / "bad.py").rename(tmp_path / "mine.py")
    with pytest.raises(FitpluginError, match="gave no depth, only deep"):
        run(path, tmp_path / "state")
    for name in [n for n in sys.modules if n.startswith("_fitplugin_guest_")]:
        del sys.modules[name]
    (tmp_path / "mine.py").write_text(good)
    _, found = run(path, tmp_path / "state")
    assert [metrics["failed"] for metrics in found.state.rounds] == [0, 0]


def test_a_list_that_is_used_up_is_said(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (30, 2))
    # noise about the level: no contour is ever sharp
    columns = {"x": x[:, 0], "y": x[:, 1], "depth": rng.standard_normal(30)}
    write_table(tmp_path / "points.npz", columns, {})
    path = loop_file(tmp_path, oracle={"kind": "table", "dataset": "points.npz"}, rounds=9,
                     test=0.2)  # fmt: skip
    with pytest.raises(FitpluginError, match="no candidate is left"):
        run(path, tmp_path / "state")
    # all but the sixth part that judges was paid for, and is there
    loop = Loop(read_loop(path), tmp_path, tmp_path / "state")
    assert len(loop.state.answers) == 24
    assert not any(tuple(r.theta.values()) in set(map(tuple, loop._listed[loop._is_test]))
                   for r in loop.state.asked.values())  # fmt: skip


def test_a_test_set_counts_mistakes(tmp_path):
    x = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    columns = {"x": x[:, 0], "y": x[:, 1], "depth": np.hypot(*x.T) - 0.6}
    write_table(tmp_path / "points.npz", columns, {})
    path = loop_file(tmp_path, oracle={"kind": "table", "dataset": "points.npz"})
    loop, found = run(path, tmp_path / "state")
    said = found.model.examine(loop._listed[loop._is_test])[0][:, 0] < 0
    truth = np.hypot(*loop._listed[loop._is_test].T) < 0.6
    assert found.state.rounds[-1]["test"]["accuracy"] == (said == truth).mean()
    assert found.state.rounds[-1]["test"]["n"] == 80


def test_a_warm_start_helps_where_few_points_are_asked(tmp_path):
    x = np.random.default_rng(3).uniform(-1, 1, (300, 2))
    cheap = {"x": x[:, 0], "y": x[:, 1], "rough": 2.0 * np.hypot(*x.T) + 0.3}
    write_table(tmp_path / "cheap.npz", cheap, {})
    alone = run(loop_file(tmp_path, rounds=1), tmp_path / "alone")[1]
    warm = {"dataset": "cheap.npz", "target": "rough", "points": 150}
    taught = run(loop_file(tmp_path, rounds=1, warm_start=warm), tmp_path / "warm")[1]
    assert accuracy(taught.model) > accuracy(alone.model)


def test_the_command_stores_a_model_and_figures(tmp_path):
    path = loop_file(tmp_path, rounds=1)
    result = CliRunner().invoke(main, [*learn(path, tmp_path / "s"), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert [metrics["asked"] for metrics in found["rounds"]] == [8, 14]
    assert load(tmp_path / "s" / "model.npz").target_names == ("depth",)
    assert {p.name for p in (tmp_path / "s" / "plots").iterdir()} == {
        "contours_00.png", "contours_00.pdf", "contours_01.png", "contours_01.pdf", "rounds.png",
        "rounds.pdf",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": {"choose": "entropi"}}, "batch.choose"),
        ({"parameters": {"x": [1.0, -1.0]}}, "parameters.x: [1, -1] is no range"),
        ({"oracle": {"kind": "tabel", "dataset": "a.npz"}}, "Did you mean 'table'?"),
        ({"oracle": {"kind": "function", "function": "mine.py:other"}}, "cannot be called with"),
        ({"oracle": {"kind": "table", "dataset": "none.npz"}}, "none.npz"),
        ({"first": 3}, "first"),
        ({"limits": {"luminosity": 1.0, "regions": [
            {"name": "a", "n_observed": 1, "background": 1.0, "background_error": 0.1}]}},
         "'depth' is no limit; known: log_mu_observed"),
        ({"warm_start": {"dataset": "gone.npz", "target": "y"}}, "gone.npz"),
        ({"rouds": 4}, "Did you mean 'rounds'?"),
        ({"inputs": ["x", "z"]}, "'z' is not a parameter or derived quantity"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_in_one_line_before_any_work(changes, said, tmp_path):
    path = loop_file(tmp_path, **changes)
    result = CliRunner().invoke(main, learn(path, tmp_path / "state"))
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert not (tmp_path / "state").exists()


def test_another_loop_in_the_folder_is_refused_by_what_differs(tmp_path):
    run(loop_file(tmp_path, rounds=1), tmp_path / "state")
    with pytest.raises(InputError, match="holds another loop \\(seed differ"):
        run(loop_file(tmp_path, seed=7), tmp_path / "state")


@pytest.mark.parametrize("changes", [
    {"first": 10**19}, {"batch": {"size": 10**19}}, {"batch": {"candidates": 10**19}},
])  # fmt: skip
def test_more_points_than_any_machine_holds_are_refused(changes, tmp_path):
    with pytest.raises(InputError, match="less than or equal to"):
        read_loop(loop_file(tmp_path, **changes))


def test_every_refusal_of_a_loop_names_its_file(tmp_path):
    path = loop_file(tmp_path, oracle={"kind": "table", "dataset": "none.csv"})
    with pytest.raises(InputError, match=r"loop\.yaml: oracle: .*none\.csv: no such file"):
        open_loop(path, tmp_path / "state")
    assert not (tmp_path / "state").exists()


def test_a_scan_is_no_loop_and_the_command_for_it_is_named(tmp_path):
    scan = SCANS / "smoke.yaml"
    done = CliRunner().invoke(main, learn(scan, tmp_path / "state"))
    assert done.exit_code == 2
    assert f"{scan}: is a scan" in done.stderr
    assert "`fitplugin run` runs it" in done.stderr
    assert not (tmp_path / "state").exists()
