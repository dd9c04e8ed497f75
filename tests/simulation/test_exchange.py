"""Another chain answers: what is asked, what is accepted, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from fitplugin.cli import main
from fitplugin.data.tables import write_csv
from fitplugin.simulation.base import Request
from fitplugin.simulation.campaign_file import read_records
from tests.simulation.slha import with_parameter
from tests.simulation.toy import Toy

pytest.importorskip("pyslha")

TOY = "tests.simulation.toy:Toy"


def fitplugin(*arguments):
    return CliRunner().invoke(main, ["simulate", *map(str, arguments)])


@pytest.fixture
def exported(tmp_path):
    """A folder of three requests."""
    points = tmp_path / "points"
    points.mkdir()
    for number in range(3):
        (points / f"p{number}.slha").write_text(with_parameter(23, f"2{number}0.0"))
    folder = tmp_path / "requests"
    result = fitplugin(points, "--export", folder, "--simulator", TOY, "--events", 500)
    assert result.exit_code == 0, result.output
    return folder


def answer(folder, name, /, **changes):
    """Do what the request says, with the toy simulator."""
    asked = json.loads((folder / f"{name}.request.json").read_text())
    slha = (folder / asked["slha"]).read_text()
    request = Request(name, slha, tuple(asked["processes"]), asked["events"], 1)
    found = {
        process: {
            "n_generated": counts.n_generated,
            "regions": {
                region: {"passed": counts.passed[region], "variance": counts.variance[region]}
                for region in asked["regions"]
            },
        }
        for process, counts in Toy().simulate(request).items()
    }
    content = {"fitplugin_answer": 1, "name": name, "sha256": asked["sha256"],
               "simulator": "toy by hand", "seconds": 2.0, "processes": found}  # fmt: skip
    (folder / f"{name}.answer.json").write_text(json.dumps({**content, **changes}))


def test_answers_give_what_simulating_gives(exported, tmp_path):
    for number in range(3):
        answer(exported, f"p{number}")
    result = fitplugin("--import", exported, "-o", tmp_path / "imported.jsonl")
    assert result.exit_code == 0, result.output
    fitplugin(tmp_path / "points", "-o", tmp_path / "direct.jsonl", "--simulator", TOY,
              "--events", 500)  # fmt: skip
    imported, direct = (read_records(tmp_path / f"{name}.jsonl") for name in ("imported", "direct"))
    for name, record in direct.points.items():
        assert imported.points[name].processes == record.processes
        assert imported.points[name].parameters == record.parameters
        assert imported.points[name].chain == "toy by hand"


def test_request_says_what_to_simulate(exported):
    asked = json.loads((exported / "p1.request.json").read_text())
    assert asked["processes"]["stop2"]["pdg"] == 2000006
    assert asked["processes"]["stop1"]["seed"] != asked["processes"]["stop2"]["seed"]
    assert asked["regions"] == ["low", "high"]
    assert "passed" in (exported / "README.txt").read_text()


def test_answers_may_come_a_few_at_a_time(exported, tmp_path):
    output = tmp_path / "imported.jsonl"
    answer(exported, "p1")
    first = fitplugin("--import", exported, "-o", output)
    assert "no answer yet: 2 (p0, p2)" in first.output
    answer(exported, "p0")
    answer(exported, "p2", failed="lost on the farm", processes={})
    second = fitplugin("--import", exported, "-o", output)
    assert second.exit_code == 1
    assert "failed: p2: lost on the farm" in second.output
    answer(exported, "p2")
    assert fitplugin("--import", exported, "-o", output).exit_code == 0
    assert sorted(read_records(output).points) == ["p0", "p1", "p2"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sha256": "0"}, "answers another request"),
        ({"name": "p1"}, "answers another request"),
        ({"fitplugin_answer": 2}, "fitplugin_answer"),
        ({"tim": 3}, "'tim' is not an option here"),
        ({"processes": {}}, "does not answer stop1, stop2, sbottom1"),
        ({"processes": {"stop3": {"n_generated": 1, "regions": {}}}}, "'stop3' is not a process"),
        ({"seconds": -1}, "seconds"),
    ],
)
def test_wrong_answer_is_refused_and_nothing_written(changes, words, exported, tmp_path):
    answer(exported, "p0", **changes)
    answer(exported, "p2")
    output = tmp_path / "imported.jsonl"
    result = fitplugin("--import", exported, "-o", output)
    assert result.exit_code == 2
    assert words in result.output
    assert "p0.answer.json" in result.output
    assert not output.exists()


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ({"passed": -1, "variance": 1}, "greater than or equal to 0"),
        ({"passed": 900, "variance": 1}, "900 of 500 events pass low"),
        ({"passed": 1}, "variance"),
    ],
)
def test_impossible_counts_are_refused(region, words, exported, tmp_path):
    answer(exported, "p0")
    path = exported / "p0.answer.json"
    content = json.loads(path.read_text())
    content["processes"]["stop1"]["regions"]["low"] = region
    path.write_text(json.dumps(content))
    result = fitplugin("--import", exported, "-o", tmp_path / "imported.jsonl")
    assert result.exit_code == 2
    assert words in result.output


def test_exporting_again_changes_nothing_and_another_export_is_refused(exported, tmp_path):
    points = tmp_path / "points"
    before = {path.name: path.read_bytes() for path in exported.iterdir()}
    same = fitplugin(points, "--export", exported, "--simulator", TOY, "--events", 500)
    assert same.exit_code == 0
    other = fitplugin(points, "--export", exported, "--simulator", TOY, "--events", 600)
    assert other.exit_code == 2
    assert "is there from another export" in other.output
    assert {path.name: path.read_bytes() for path in exported.iterdir()} == before


def test_other_regions_can_be_asked_for(tmp_path):
    (tmp_path / "p0.slha").write_text(with_parameter(23, "222.0"))
    folder = tmp_path / "requests"
    fitplugin(tmp_path / "p0.slha", "--export", folder, "--region", "SR1", "--region", "SR2",
              "--simulator", TOY)  # fmt: skip
    assert json.loads((folder / "p0.request.json").read_text())["regions"] == ["SR1", "SR2"]


def test_a_relative_file_of_cross_sections_is_found_from_anywhere(tmp_path, monkeypatch):
    start = tmp_path / "start"
    start.mkdir()
    monkeypatch.chdir(start)
    (start / "p0.slha").write_text(with_parameter(23, "222.0"))
    mass = np.geomspace(100, 4000, 30)
    columns = {"process": np.full(30, "squark3_pair"), "mass_GeV": mass,
               "cross_section_fb": 1e12 * mass**-4.0, "rel_error": 0.1 + 0 * mass}  # fmt: skip
    write_csv(start / "mine.csv", columns)
    fitplugin("p0.slha", "--export", "../requests", "--cross-sections", "mine.csv",
              "--simulator", TOY)  # fmt: skip
    answer(tmp_path / "requests", "p0")
    monkeypatch.chdir(tmp_path.parent)
    output = tmp_path / "out.jsonl"
    result = fitplugin("--import", tmp_path / "requests", "-o", output)
    assert result.exit_code == 0, result.output
    asked = json.loads((tmp_path / "requests" / "p0.request.json").read_text())["processes"]
    found = read_records(output).points["p0"].processes["stop1"]
    assert found.cross_section_fb == asked["stop1"]["cross_section_fb"]
    # another file of that name is not taken for it
    (start / "mine.csv").write_text((start / "mine.csv").read_text().replace("0.1", "0.2"))
    again = fitplugin("--import", tmp_path / "requests", "-o", tmp_path / "again.jsonl")
    assert again.exit_code == 2
    assert "mine.csv: has changed since" in again.output


def test_a_folder_that_is_no_export_is_refused(tmp_path):
    result = fitplugin("--import", tmp_path, "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 2
    assert "is no folder of --export" in result.output
