"""The figure of a measurement of speed: every time where it belongs, shares that fill the bar."""

from __future__ import annotations

import json

import pytest
from numpy.testing import assert_allclose

from fitplugin.errors import InputError
from fitplugin.plots.speed import speed_figure, write_speed
from fitplugin.studies.machine import Machine
from fitplugin.studies.speed.cost import RunCost, Stage
from fitplugin.studies.speed.measurement import Speed
from fitplugin.studies.speed.paper import compared
from fitplugin.studies.speed.parts import Timing
from fitplugin.studies.speed.stopwatch import Spread

PARTS = {
    "spectrum: masses": 3e-5, "spectrum: rest": 1e-6, "cross-section": 2e-6,
    "efficiency[A]": 2e-5, "efficiency[B]": 1e-5, "yields": 1e-6, "counts": 2e-5,
    "constraints": 1e-7, "checks": 2e-6,
}  # fmt: skip


@pytest.fixture(scope="module")
def speed():
    run = RunCost(
        "dynesty", 400, 2, {"sampler": Stage(10.0, 15.0)}, 40_000, 1000.0, -9.0, 0.1, -10.0, 0.1,
        None, None, "made up",
    )  # fmt: skip
    timings = tuple(
        Timing(points, n, 5, Spread(9e-5 / n, 8e-5 / n, 1e-4 / n), Spread(1e-4, 1e-4, 1e-4),
               {part: Spread(s / n, s / n, s / n) for part, s in PARTS.items()}, 0.01)
        for n in (1, 64, 1000) for points in ("posterior", "box")
    )  # fmt: skip
    machine = Machine("0", "3", "Linux", {"numpy": "2"}, "some", 2, None)
    return Speed("a.yaml", "", "d", ("x",), ("A", "B"), machine, timings, 64, run, 10,
                 compared(1e-4, run, 10, 1e-4, 2), None)  # fmt: skip


def test_shares_fill_the_bar(speed):
    axes = speed_figure(speed).axes[1]
    widths = [bar.get_width() for bar in axes.patches]
    assert_allclose(sum(widths), 300)
    efficiencies = axes.containers[3]
    assert_allclose(efficiencies[0].get_width(), 100 * 3e-5 / sum(PARTS.values()))


def test_times_stand_at_their_seconds(speed):
    axes = speed_figure(speed).axes[0]
    found = dict(zip([label.get_text() for label in axes.get_yticklabels()],
                     [line.get_xdata()[0] for line in axes.lines], strict=True))  # fmt: skip
    assert axes.get_xscale() == "log"
    assert found["paper: one DGP evaluation"] == 0.06
    assert found["this, batch of 64"] == 9e-5 / 64
    assert found["this: whole scan / calls"] == pytest.approx(20 / 40_000)


def test_the_folder_holds_numbers_text_and_figure(speed, tmp_path):
    written = write_speed(speed, tmp_path / "bench")
    assert [str(path.relative_to(tmp_path / "bench")) for path in written] == [
        "speed.json", "speed.txt", "plots/speed.pdf", "plots/speed.png",
    ]  # fmt: skip
    assert all(path.stat().st_size > 0 for path in written)
    assert Speed.from_dict(json.loads(written[0].read_text())) == speed
    with pytest.raises(InputError, match="give --force"):
        write_speed(speed, tmp_path / "bench")
    write_speed(speed, tmp_path / "bench", force=True)
