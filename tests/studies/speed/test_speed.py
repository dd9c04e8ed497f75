"""A measurement of speed: parts, stages, ratios and caveats, with time that a fake clock makes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from numpy.testing import assert_allclose, assert_array_equal

from fitplugin.errors import InputError
from fitplugin.runs import runner
from fitplugin.runs.loading import load_scan
from fitplugin.studies.guest import Guest
from fitplugin.studies.speed import measurement as speed
from fitplugin.studies.speed import paper, peer
from fitplugin.studies.speed.cost import Batches, RunCost, Stage, recorded_cost
from fitplugin.studies.speed.measurement import Speed, measure
from fitplugin.studies.speed.parts import time_in_turns, time_parts, timed_likelihood
from fitplugin.studies.speed.simulated_cost import simulated_cost
from fitplugin.studies.speed.text import speed_text
from fitplugin.studies.speed.timed_run import run_scan
from fitplugin.studies.speed.words import digits
from tests.conftest import SCANS
from tests.studies.campaigns import point, write


class Ticking:
    """A clock that says one second more whenever it is asked."""

    now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A scan of a second: few live points, one process."""
    content = yaml.safe_load((SCANS / "smoke.yaml").read_text())
    content["sampler"] = {"kind": "dynesty", "n_live": 40, "tolerance": 2.0}
    content.update(prior_sample=100, processes=1)
    path = tmp_path_factory.mktemp("tiny") / "tiny.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


@pytest.fixture(scope="module", autouse=True)
def _small():
    """Batches that take no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "LARGE_BATCH", 60)
        patch.setattr(speed, "_N_POINTS", 200)
        yield


@pytest.fixture(scope="module")
def scan(tiny, model_cache, smoke_joint):
    return load_scan(tiny, model_cache)


@pytest.fixture(scope="module")
def measured(tiny, model_cache, scan):
    """Against itself."""
    return measure(tiny, str(tiny), cache=model_cache, budget_s=0.01)


def cost(**changes):
    values = dict(
        sampler="dynesty", n_live=100, processes=2,
        stages={"models": Stage(2.0), "sampler": Stage(10.0, 15.0)}, n_like=1000, n_eff=500.0,
        log_z=-9.0, log_z_error=0.1, log_z_box=-10.0, log_z_box_error=0.12, batches=None,
        cpu_s=None, source="made up",
    )  # fmt: skip
    return RunCost(**{**values, **changes})


# --- parts -----------------------------------------------------------------------------------


def test_timers_change_no_value(scan, tiny, model_cache):
    timed = timed_likelihood(scan, tiny.parent, model_cache)
    theta = scan.joint.prior_transform(np.random.default_rng(3).random((50, 3)))
    ours, theirs = scan.joint.evaluate(theta), timed.evaluate(theta)
    assert_array_equal(theirs.log_likelihood, ours.log_likelihood)
    for name in scan.joint.blob_names:
        assert_array_equal(theirs.blobs[name], ours.blobs[name], err_msg=name)


def test_every_part_of_the_chain_is_found(scan, tiny, model_cache):
    timed = timed_likelihood(scan, tiny.parent, model_cache, Ticking())
    theta = scan.joint.prior_transform(np.random.default_rng(3).random((50, 3)))
    rng = np.random.default_rng(0)
    found = time_parts(scan.joint, timed, "box", theta, 4, rng, 0.0, Ticking(), Ticking())
    assert list(found.parts) == [
        "spectrum: masses", "spectrum: branching", "spectrum: validity", "spectrum: rest",
        "cross-section", "efficiency[0-lepton]", "efficiency[1-lepton]", "yields", "counts",
        "constraints", "checks",
    ]  # fmt: skip
    assert (found.points, found.n_points, found.n_repeats) == ("box", 4, 5)
    # one tick, for four points
    assert found.seconds == found.wall == (0.25, 0.25, 0.25)


def test_functions_in_turns_are_asked_equally_often_and_on_equal_batches():
    seen = ([], [])
    theta = np.arange(20.0).reshape(10, 2)
    spreads, n_repeats = time_in_turns(
        [seen[0].append, seen[1].append], theta, 3, np.random.default_rng(0), 50.0, Ticking()
    )
    assert len(seen[0]) == len(seen[1]) == n_repeats > 1
    assert_array_equal(seen[0], seen[1])
    assert_allclose(spreads, 1 / 3)


# --- stages ----------------------------------------------------------------------------------


def test_the_run_is_that_of_the_scan(measured, tiny, model_cache, tmp_path):
    done = runner.run(tiny, tmp_path / "run", cache=model_cache)
    for name in ("n_like", "n_eff", "log_z", "log_z_error", "log_z_box", "log_z_box_error"):
        assert getattr(measured.run, name) == pytest.approx(done.summary[name], rel=1e-12), name
    again = recorded_cost(done)
    assert again.stages.keys() == measured.run.stages.keys()
    assert again.n_like == measured.run.n_like


def test_every_evaluated_point_is_in_a_batch(measured):
    batches = measured.run.batches
    assert batches.n_points == measured.run.n_like
    assert batches.low <= batches.median <= batches.high <= batches.largest
    assert measured.typical_batch == batches.median


def test_likelihood_seconds_come_back_through_the_journal(scan):
    """Each evaluation takes one tick, whatever its size."""
    clock = Ticking()
    found, _ = run_scan(scan, 0.0, clock, only_sampler=True)
    stage = found.stages["sampler"]
    assert stage.likelihood_s == found.batches.n_batches
    assert stage.wall_s == 2 * found.batches.n_batches + 1


def test_half_of_the_points_are_in_batches_of_the_median_or_more():
    sizes = np.random.default_rng(2).integers(1, 200, 500)
    found = Batches.of(sizes)
    in_larger = sizes[sizes >= found.median].sum() / sizes.sum()
    in_even_larger = sizes[sizes > found.median].sum() / sizes.sum()
    assert in_even_larger <= 0.5 <= in_larger


def test_overhead_is_what_the_processes_did_besides():
    assert cost().overhead("sampler") == pytest.approx(1 - 15 / 20)
    assert cost().overhead() == pytest.approx(1 - 15 / 24)
    assert cost().overhead("models") is None
    assert cost().cpu_hours == pytest.approx(2 * 12 / 3600)
    assert cost().n_eff_per_second == pytest.approx(500 / 12)


# --- the paper -------------------------------------------------------------------------------


def test_figures_of_the_paper_are_consistent():
    """66 h on six CPUs for 1e5 evaluations: 396 CPU-h, about 14 CPU-s each."""
    assert paper.CPU_HOURS == 396
    assert pytest.approx(14.256) == paper.CPU_SECONDS_PER_EVALUATION


def test_ratios_are_the_papers_over_ours_in_equal_units():
    found = {c.figure: c for c in paper.compared(6e-4, cost(), 2014, 2e-4, 2)}
    assert found["efficiencies at one point"].ratio == pytest.approx(100)
    assert found["likelihood at one point of a batch"].ratio == pytest.approx(14.256 / 2e-4)
    assert found["whole scan per evaluation"].ratio == pytest.approx(14.256 / (24 / 1000))
    assert found["whole scan"].ratio == pytest.approx(396 * 3600 / 24)
    assert found["simulating each point instead"].ratio == pytest.approx(1000 * 600 / 24)
    for one in found.values():
        assert one.ratio == pytest.approx(one.paper / one.ours)
        assert one.compares
        assert one.unequal


def test_a_scan_without_regions_is_compared_where_it_can_be():
    figures = [c.figure for c in paper.compared(0.0, cost(), 0, 2e-4, 0)]
    assert figures == [
        "likelihood at one point of a batch", "whole scan per evaluation", "whole scan",
    ]  # fmt: skip


# --- another likelihood ----------------------------------------------------------------------


def test_costs_scale_to_equal_quality():
    theirs = cost(stages={"sampler": Stage(30.0, 50.0)}, n_eff=250.0, log_z_error=0.2,
                  log_z_box_error=0.3)  # fmt: skip
    found = peer.scaled(theirs, cost())
    assert (found.cost_s, found.ours_s) == (60.0, 20.0)
    assert found.at_equal_n_eff_s == pytest.approx(60 * 500 / 250)
    assert found.at_equal_error_s == pytest.approx(60 * (0.2 / 0.1) ** 2)
    assert found.ratio_at_equal_n_eff == pytest.approx(6)
    assert found.ratio_at_equal_error == pytest.approx(12)


def test_a_run_of_equal_quality_is_not_scaled():
    found = peer.scaled(cost(), cost())
    assert found.cost_s == found.at_equal_n_eff_s == found.at_equal_error_s == found.ours_s


@pytest.mark.parametrize("measured_s", [15.0, None])
def test_extrapolation_keeps_our_overhead(measured_s):
    """10 s of wall time with 7.5 s of likelihood on each process leave 2.5 s."""
    ours = cost(stages={"sampler": Stage(10.0, measured_s)})
    found = peer.extrapolated(ours, 100.0, our_seconds=0.015)
    assert found.stages["sampler"].wall_s == pytest.approx(102.5)
    assert (found.n_like, found.n_eff, found.log_z_error) == (1000, 500.0, 0.1)
    assert "extrapolated" in found.source


def test_a_scan_against_itself_is_the_same_likelihood(measured):
    found = measured.against
    assert not found.is_extrapolated
    assert found.differences.largest == found.differences.n_refused == 0
    for name in ("n_like", "n_eff", "log_z"):
        assert getattr(found.run, name) == getattr(measured.run, name)
    assert "ours alone: the same likelihood" not in speed_text(measured)
    assert "the same likelihood" in " ".join(speed_text(measured).split())


GUEST = """
import numpy as np

def plain(theta):
    return np.where(theta[:, 0] < 0, -np.inf, -0.5 * (theta[:, 1] / 300) ** 2)

class Object:
    names = ("mu", "mQ3", "mtR")
    def log_likelihood(self, theta):
        return plain(theta)

class Evaluates:
    def evaluate(self, theta):
        from types import SimpleNamespace
        return SimpleNamespace(log_likelihood=plain(theta), valid=theta[:, 0] >= 0)

def factory():
    return Object()

instance = Object()

class Others(Object):
    names = ("x", "y", "z")

def scalar(theta):
    return -1.0

def summed(theta):
    return theta

def broken(theta):
    raise ValueError("no such thing")

def nan(theta):
    return np.full(len(theta), np.nan)

class NeedsMore:
    def __init__(self, something):
        pass

number = 7
"""


@pytest.fixture(scope="module")
def guests(tmp_path_factory):
    path = tmp_path_factory.mktemp("guests") / "guests.py"
    path.write_text(GUEST)
    return path


@pytest.mark.parametrize("name", ["plain", "Object", "Evaluates", "factory", "instance"])
def test_a_guest_may_have_any_of_these_forms(name, guests, scan):
    guest = Guest(f"{guests}:{name}", scan.joint.space)
    theta = np.array([[-1.0, 300.0, 1.0], [1.0, 600.0, 1.0]])
    found = guest.evaluate(theta)
    assert_array_equal(found.log_likelihood, [-np.inf, -2.0])
    assert_array_equal(found.valid, [False, True])
    remade, arguments = guest.__reduce__()
    assert remade(*arguments).evaluate(theta).log_likelihood[1] == -2.0
    assert remade(*arguments) is remade(*arguments)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Others", "has the parameters x, y, z; this scan has mu, mQ3, mtR"),
        ("scalar", r"gave shape \(\) for theta of shape \(2, 3\); it must give \(2,\)"),
        ("summed", r"gave shape \(2, 3\)"),
        ("broken", "raised ValueError: no such thing"),
        ("nan", "gave NaN"),
        ("NeedsMore", "cannot be made without arguments"),
        ("number", "cannot be called"),
        ("plane", "'plane' is not an object in .*Did you mean 'plain'"),
    ],
)
def test_unfit_guests_are_refused_in_one_line(name, words, guests, scan):
    with pytest.raises(InputError, match=words) as caught:
        Guest(f"{guests}:{name}", scan.joint.space)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("dgp", "must be package.module:object, file.py:object or a scan file"),
        ("no_such_package:thing", "cannot be imported"),
        ("no_such_file.py:thing", "is not a file"),
        ("no_such_scan.yaml", "cannot be read"),
    ],
)
def test_unknown_guests_are_refused_in_one_line(reference, words, scan):
    with pytest.raises(InputError, match=words) as caught:
        Guest(reference, scan.joint.space)
    assert "\n" not in str(caught.value)


def test_a_guest_that_would_take_too_long_is_extrapolated(tiny, guests, model_cache, run_directory):
    found = measure(
        tiny, f"{guests}:plain", run=run_directory, cache=model_cache, limit_s=0.0, budget_s=0.0
    )
    assert found.against.is_extrapolated
    assert found.against.run.n_like == found.run.n_like
    assert found.run.batches is None
    text = " ".join(speed_text(found).split())
    assert "extrapolated, not run: time per point x our calls" in text
    assert "NOT the same likelihood" in text
    assert "an estimate from another moment" in text


# --- a finished run --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run_directory(tiny, model_cache, scan, tmp_path_factory):
    return runner.run(tiny, tmp_path_factory.mktemp("run") / "run", cache=model_cache).path


def test_a_run_of_another_likelihood_is_refused(run_directory, tiny, model_cache, tmp_path):
    content = yaml.safe_load(tiny.read_text())
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump({**content, "luminosity": 300}, sort_keys=False))
    with pytest.raises(InputError, match="a run of another likelihood .the scan file, the obser"):
        measure(other, run=run_directory, cache=model_cache)


def test_a_run_of_other_parameters_is_refused(run_directory, tiny, model_cache, tmp_path):
    content = yaml.safe_load(tiny.read_text())
    content["parameters"]["mu"] = 250.0
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(InputError, match="it scanned mu, mQ3, mtR, this scan has mQ3, mtR"):
        measure(other, run=run_directory, cache=model_cache)


# --- results ---------------------------------------------------------------------------------


def test_everything_survives_json(measured):
    assert Speed.from_dict(json.loads(json.dumps(measured.to_dict()))) == measured


@pytest.mark.parametrize(
    ("change", "words"), [({"schema": 9}, "schema version 9"), ({"run": 3}, "speed.json: run")]
)
def test_other_files_are_refused(change, words, measured):
    with pytest.raises(InputError, match=words):
        Speed.from_dict({**measured.to_dict(), **change})


def test_text_states_what_is_not_equal(measured):
    text = " ".join(speed_text(measured).split())
    assert "No ratio here is one of equal things" in text
    assert text.count("not equal: ") == text.count("compared: ") == len(measured.paper)
    for words in ("4 GHz Intel 4790K core there", "SPheno, NLL-fast and RooStats at every point",
                  "an order of magnitude, not a measurement", "2014 points would be 336 CPU-h",
                  "processor time, posterior points: median (quartiles), one thread"):  # fmt: skip
        assert words in text
    assert max(map(len, speed_text(measured).splitlines())) <= 110


def test_a_busy_machine_is_named(measured):
    busy = measured._replace(machine=measured.machine._replace(load_average=3.0))
    assert "NOT idle" in speed_text(busy)


def test_folders_are_never_overwritten_unasked(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="is no measurement"):
        speed.refuse_existing(tmp_path, force=True)
    (tmp_path / speed.NUMBERS).write_text("{}")
    with pytest.raises(InputError, match="give --force"):
        speed.refuse_existing(tmp_path, force=False)
    speed.refuse_existing(tmp_path, force=True)
    shutil.rmtree(tmp_path)
    speed.refuse_existing(tmp_path, force=False)


def test_the_folder_is_named_after_the_scan():
    assert speed.output_of("scans/a.yaml", None) == Path("runs/a-bench")
    assert speed.output_of("scans/a.yaml", "b") == Path("b")


def test_seconds_of_simulation_stand_beside_those_of_the_likelihood(measured, tmp_path):
    efficiencies = {"stop1": (0.01, 0.02), "stop2": (0.04, 0.05)}
    path = write(
        tmp_path / "sim.jsonl",
        [point(f"p{n}", {}, efficiencies, seconds=float(n)) for n in (2, 3, 4)],
    )
    cost = simulated_cost(path)
    assert cost.seconds == (3.0, 2.5, 3.5)
    found = measured._replace(simulation=cost)
    text = " ".join(speed_text(found).split())
    assert "one point: 3 s (2.5-3.5) on one core" in text
    timing = measured.timing("posterior", 1)
    alone = sum(timing.parts[f"efficiency[{r}]"].median for r in ("0-lepton", "1-lepton"))
    assert timing.efficiencies() == pytest.approx(alone)
    assert f"and {digits(3 / alone)} times one point alone" in text
    assert f"{digits(3 / timing.seconds.median)} times one alone" in text
    assert "NOT the same processor: a processor" in text
    same = cost._replace(processor=measured.machine.processor)
    assert "the same kind of processor" in speed_text(measured._replace(simulation=same))
    assert Speed.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_a_campaign_without_times_says_nothing_of_speed(tmp_path):
    efficiencies = {"stop1": (0.01, 0.02), "stop2": (0.04, 0.05)}
    path = write(tmp_path / "sim.jsonl", [point("a", {}, efficiencies, seconds=None)])
    with pytest.raises(InputError, match="no point of it has a time"):
        simulated_cost(path)
