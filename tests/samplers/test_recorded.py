"""A recorded run that is cut off anywhere and run again is the run that was never cut off."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.random import SeedSequence

from fitplugin import plugins
from fitplugin.errors import FitpluginError, InputError, LikelihoodError
from fitplugin.pools.processes import ProcessPool
from fitplugin.pools.serial import SerialPool
from fitplugin.samplers.evaluation import Recorded, evaluate, evaluate_many

from . import laws
from .problems import Gaussian, Slab

NAMES = [*plugins.names("fitplugin.samplers"), "dynesty-rwalk"]
OPTIONS = {
    "dynesty": {"n_live": 60, "queue_size": 20},
    "dynesty-rwalk": {"n_live": 30, "queue_size": 10, "sample": "rwalk"},
    "multinest": {"n_live": 60},
    "ultranest": {"n_live": 50},
    "nautilus": {"n_live": 100, "n_eff": 300},
    "prior": {"n_samples": 500},
}


class CutError(Exception):
    pass


@dataclass(frozen=True)
class Scaled(Slab):
    """The same problem with another likelihood."""

    scale: float = 1.1

    def log_density(self, theta):
        return self.scale * super().log_density(theta)


def run(name, problem):
    sampler = plugins.load("fitplugin.samplers", name.partition("-")[0])()
    options = sampler.Options(**OPTIONS[name])
    try:
        sampler.require(options, 2)
    except InputError as error:
        pytest.skip(str(error))
    return sampler.run(problem, options, SerialPool(), SeedSequence(3), None, lambda record: None)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def journals(folder):
    return sorted(path for path in folder.glob("*.journal") if path.stat().st_size > 200)


def test_a_run_cut_off_anywhere_ends_as_if_it_had_not_been(name, tmp_path):
    whole = run(name, Slab())
    recorded = Recorded(Slab(), tmp_path / "a.journal")
    assert laws.equal(whole, run(name, recorded))
    recorded.close()
    rng = np.random.default_rng(5)
    contents = {path: path.read_bytes() for path in journals(tmp_path)}
    assert contents
    for _ in range(3):
        for path, content in contents.items():
            start = content.index(b"\n") + 1
            path.write_bytes(content[: rng.integers(start, len(content))])
        again = Recorded(Slab(), tmp_path / "a.journal")
        assert laws.equal(whole, run(name, again))
        again.close()
    assert {path: path.read_bytes() for path in contents} == contents


def test_what_is_recorded_is_not_evaluated_again(tmp_path):
    theta = np.random.default_rng(1).uniform(-10, 10, (150, 2))
    recorded = Recorded(Slab(), tmp_path / "a.journal")
    first = evaluate_many(recorded, theta, SerialPool())
    recorded.close()

    class Unwilling(Slab):
        def evaluate(self, theta):
            if len(theta) > 1:  # the last point is evaluated again, to see whether it is the same
                raise CutError
            return super().evaluate(theta)

    again = Recorded(Unwilling(), tmp_path / "a.journal")
    second = evaluate_many(again, theta, SerialPool())
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_tasks_that_were_done_before_an_error_are_kept(tmp_path):
    theta = np.random.default_rng(1).uniform(-10, 10, (200, 2))

    @dataclass(frozen=True)
    class Failing(Gaussian):
        def evaluate(self, part):
            if (part == theta[150]).all(axis=1).any():
                raise CutError("late")
            return super().evaluate(part)

    recorded = Recorded(Failing(), tmp_path / "a.journal")
    with pytest.raises(LikelihoodError, match="CutError: late"):
        evaluate_many(recorded, theta, SerialPool(points_per_task=64))
    recorded.close()
    kept = Recorded(Gaussian(), tmp_path / "a.journal")
    assert len(kept.journal.next()) == 64
    assert len(kept.journal.next()) == 64
    assert kept.journal.next() is None


def test_workers_record_nothing_and_change_nothing(tmp_path):
    theta = np.random.default_rng(1).uniform(-10, 10, (200, 2))
    with ProcessPool(2) as pool:
        parallel = evaluate_many(Recorded(Slab(), tmp_path / "a.journal"), theta, pool)
    serial = evaluate_many(Recorded(Slab(), tmp_path / "b.journal"), theta, SerialPool())
    np.testing.assert_array_equal(parallel.log_likelihood, serial.log_likelihood)
    assert (tmp_path / "a.journal").read_bytes() == (tmp_path / "b.journal").read_bytes()


@pytest.fixture
def interrupted(tmp_path):
    recorded = Recorded(Slab(), tmp_path / "a.journal")
    for x in (2.0, 3.0, 4.0):
        evaluate(recorded, np.array([[x, 0.0]]))
    recorded.close()
    return tmp_path / "a.journal"


def test_a_changed_likelihood_is_refused_by_its_last_point(interrupted):
    with pytest.raises(FitpluginError, match=r"the likelihood has changed.*x=4\.0, y=0\.0"):
        Recorded(Scaled(), interrupted)
    Recorded(Scaled(), interrupted, allow_changes=True)


def test_another_way_is_refused_and_on_request_gone(interrupted):
    recorded = Recorded(Slab(), interrupted)
    evaluate(recorded, np.array([[2.0, 0.0]]))
    with pytest.raises(FitpluginError, match=r"asks for x=9\.0.* evaluated x=3\.0.*keeps the 1 "):
        evaluate(recorded, np.array([[9.0, 0.0]]))
    recorded.close()
    allowed = Recorded(Slab(), interrupted, allow_changes=True)
    for x in (2.0, 9.0):
        evaluate(allowed, np.array([[x, 0.0]]))
    allowed.close()
    again = Recorded(Slab(), interrupted)
    found = [again.journal.next()[0, 0] for _ in range(2)]
    assert found == [2.0, 9.0]
    assert interrupted.with_suffix(".aside").exists()


def test_points_that_differ_by_rounding_are_the_same(interrupted):
    recorded = Recorded(Slab(), interrupted)
    value = evaluate(recorded, np.array([[2.0 * (1 + 1e-14), 0.0]])).log_likelihood
    assert value == evaluate(Slab(), np.array([[2.0, 0.0]])).log_likelihood
