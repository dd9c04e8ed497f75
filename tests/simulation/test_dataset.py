"""Training sets from campaigns: sums of independent events, nothing twice, nothing lost."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_allclose, assert_array_equal

from fitplugin.cli import main
from fitplugin.data.tables import read_table
from fitplugin.errors import InputError
from fitplugin.physics.simulated_table import point_dataset, process_dataset
from fitplugin.simulation.campaign_file import read_records
from fitplugin.simulation.dataset import build
from tests.simulation.slha import with_parameter

pytest.importorskip("pyslha")

PROCESSES = ("stop1", "stop2", "sbottom1")


def fitplugin(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture(scope="module")
def campaigns(tmp_path_factory):
    """Two campaigns of four points each with other seeds; two points are in both."""
    folder = tmp_path_factory.mktemp("campaigns")
    paths = []
    for number in range(6):
        (folder / f"{100 + number}.slha").write_text(with_parameter(23, f"2{number}0.0"))
    for name, seed, members in (("a", 1, range(4)), ("b", 2, range(2, 6))):
        files = [folder / f"{100 + number}.slha" for number in members]
        path = folder / f"{name}.jsonl"
        result = fitplugin("simulate", *files, "-o", path, "--seed", seed, "--simulator",
                           "tests.simulation.toy:Toy", "--processes", 1)  # fmt: skip
        assert result.exit_code == 0, result.output
        paths.append(path)
    return paths


@pytest.fixture
def contents(campaigns):
    return [read_records(path) for path in campaigns]


def rows(columns):
    """Rows by id and process."""
    return {
        (int(number), str(process)): {name: column[row] for name, column in columns.items()}
        for row, (number, process) in enumerate(zip(columns["id"], columns["process"], strict=True))
    }


def test_events_of_a_point_in_two_campaigns_are_added(contents):
    built = build(contents)
    assert (built.n_new, built.n_merged, built.n_repeated) == (6, 2, 0)
    table = rows(built.columns)
    assert len(table) == 18
    first, second = (campaign.points["102"].processes["stop2"] for campaign in contents)
    row = table[102, "stop2"]
    assert row["n_generated"] == first.n_generated + second.n_generated
    for kind in ("passed", "variance"):
        expected = sum(getattr(found.regions["low"], kind) for found in (first, second))
        assert row[f"{kind}_low"] == expected
    alone = contents[0].points["100"]
    assert table[100, "stop1"]["passed_low"] == alone.processes["stop1"].regions["low"].passed
    assert table[100, "stop1"]["mu"] == 200.0
    assert table[100, "stop1"]["m_stop1"] == pytest.approx(1176.09755)


def test_order_of_campaigns_does_not_matter(contents):
    one, other = build(contents).columns, build(contents[::-1]).columns
    assert one.keys() == other.keys()
    for name in one:
        assert_array_equal(one[name], other[name])


def test_same_simulation_counts_once(contents):
    assert_array_equal(
        build([contents[0], contents[0]]).columns["n_generated"],
        build([contents[0]]).columns["n_generated"],
    )


def test_simulations_that_share_events_are_refused(contents, campaigns, tmp_path):
    files = [campaigns[0].parent / "100.slha"]
    path = tmp_path / "longer.jsonl"
    fitplugin("simulate", *files, "-o", path, "--seed", 1, "--events", 900, "--simulator",
              "tests.simulation.toy:Toy", "--processes", 1)  # fmt: skip
    with pytest.raises(InputError, match="share events and cannot be added"):
        build([contents[0], read_records(path)])


def test_merging_adds_to_a_table_and_leaves_it_as_it_is(contents, campaigns, tmp_path):
    first, merged = tmp_path / "first.npz", tmp_path / "merged.csv"
    assert fitplugin("dataset", "build", first, campaigns[0]).exit_code == 0
    before = first.read_bytes()
    result = fitplugin("dataset", "build", merged, campaigns[1], "--merge", first)
    assert "2 of new points, 2 of points that were there" in result.output
    assert first.read_bytes() == before
    both = build(contents).columns
    table = read_table(str(merged))
    for name, column in both.items():
        if name == "process":
            assert_array_equal(table.columns[name], column)
        else:
            assert_allclose(table.columns[name], column, rtol=1e-12)
    # what is in it is known: merging again changes nothing
    again = fitplugin("dataset", "build", tmp_path / "again.npz", *campaigns, "--merge", merged)
    assert "0 of new points, 0 of points that were there, 8 counted before" in again.output


def test_table_is_one_that_efficiencies_are_learned_from(campaigns, tmp_path):
    path = tmp_path / "table.npz"
    result = fitplugin("dataset", "build", path, *campaigns, "--range", "mu=-500:500")
    assert result.exit_code == 0, result.output
    table = read_table(str(path))
    for make in (point_dataset, process_dataset):
        dataset = make(table, "low", PROCESSES)
        assert dataset.n_points == (6 if make is point_dataset else 18)
        assert (dataset.target_error > 0).all()
    dataset = point_dataset(table, "low", PROCESSES)
    assert_allclose(dataset.ranges[dataset.input_names.index("mu")], [-500, 500])


def test_shipped_table_takes_new_points_in(tmp_path):
    """With the built-in regions: a new point of the table's own parameters is appended."""
    pytest.importorskip("pythia8mc")
    (tmp_path / "new.slha").write_text(with_parameter(23, "222.0"))
    fitplugin("simulate", tmp_path / "new.slha", "-o", tmp_path / "sim.jsonl", "--events", 20,
              "--processes", 1)  # fmt: skip
    result = fitplugin("dataset", "build", tmp_path / "all.npz", tmp_path / "sim.jsonl",
                       "--merge", "natural_susy/efficiencies")  # fmt: skip
    assert result.exit_code == 0, result.output
    shipped = read_table("natural_susy/efficiencies")
    table = read_table(str(tmp_path / "all.npz"))
    assert set(table.columns) == set(shipped.columns)
    n = len(shipped.columns["id"])
    assert len(table.columns["id"]) == n + 3
    new = table.columns["id"] > shipped.columns["id"].max()
    assert_array_equal(table.columns["process"][new], PROCESSES)
    assert_allclose(table.columns["mu"][new], 222.0)
    old = np.flatnonzero(~new)
    order = np.argsort(shipped.columns["id"], kind="stable")
    for name in ("id", "mu", "passed_0l_stop1100", "n_generated", "br_stop2_top"):
        assert_array_equal(table.columns[name][old], shipped.columns[name][order])
    ranges = [table.card["inputs"][name]["range"] for name in shipped.card["inputs"]]
    assert ranges == [facts["range"] for facts in shipped.card["inputs"].values()]


def test_bad_input_is_refused_before_anything_is_written(contents, campaigns, tmp_path):
    out = tmp_path / "out.npz"
    there = tmp_path / "there.csv"
    there.write_text("mine")
    header_only = tmp_path / "header.jsonl"
    header_only.write_text(campaigns[0].read_text().splitlines()[0] + "\n")
    foreign = tmp_path / "foreign.jsonl"
    foreign.write_text("no header\n")
    for arguments, words in {
        (out, tmp_path / "none.jsonl"): "cannot be read",
        (out, foreign): "line 1: is damaged",
        (out, header_only): "no point of it is done",
        (there, campaigns[0]): "exists; give --force",
        (tmp_path / "out.txt", campaigns[0]): "must end in .npz or .csv",
        (out, campaigns[0], "--merge", "natural_susy/efficiencies"): "has other regions than",
        (out, campaigns[0], "--range", "mu=0:100"): "points lie from 200 to 230",
        (out, campaigns[0], "--range", "mu=3"): "must be NAME=LOW:HIGH",
        (out, campaigns[0], "--range", "mu=3:1"): "inverted or empty",
    }.items():
        result = fitplugin("dataset", "build", *arguments)
        assert (result.exit_code, words in result.output) == (2, True), result.output
        assert not out.exists()
    assert there.read_text() == "mine"


def test_points_without_parameters_are_refused_with_the_remedy(campaigns, tmp_path):
    path = tmp_path / "sim.jsonl"
    fitplugin("simulate", campaigns[0].parent / "100.slha", "-o", path, "--processes", 1,
              "--simulator", "tests.simulation.toy:Toy", "--parameter", "x=OTHER:1")  # fmt: skip
    result = fitplugin("dataset", "build", tmp_path / "out.npz", path)
    assert result.exit_code == 2
    assert "--parameter NAME=BLOCK:INDEX" in result.output


def test_show_describes_the_shipped_table():
    result = fitplugin("dataset", "show", "natural_susy/efficiencies")
    assert "2014 points, 7471 rows" in result.output
    assert "0l_stop1100" in result.output
    assert fitplugin("dataset", "show", "natural_susy/spectra").exit_code == 2
