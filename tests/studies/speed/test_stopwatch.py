"""A stopwatch counts every moment once, and what it watches behaves as before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.studies.speed.stopwatch import Spread, Stopwatch


class Clock:
    """Time that passes when told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Worker:
    def __init__(self, clock, helper=None):
        self.clock, self.helper = clock, helper

    @property
    def name(self):
        return "worker"

    def work(self, seconds):
        self.clock.sleep(seconds)
        if self.helper:
            self.helper.work(10 * seconds)
        self._tidy(seconds)
        return seconds

    def __call__(self, seconds):
        return self.work(seconds)

    def _tidy(self, seconds):
        self.clock.sleep(seconds)

    def __reduce__(self):
        raise AssertionError("a copy must not go through pickle")


@pytest.fixture
def clock():
    return Clock()


def test_inner_time_counts_for_the_inner_part_only(clock):
    watch = Stopwatch(clock)
    helper = watch.over(Worker(clock), "helper")
    boss = watch.over(Worker(clock, helper), "boss")
    boss.work(1.0)
    assert watch.take() == {"boss": 2.0, "helper": 20.0}


def test_parts_add_up_to_the_whole_call(clock):
    watch = Stopwatch(clock)
    helper = watch.over(Worker(clock), "helper")
    boss = watch.over(Worker(clock, helper), "boss")
    start = clock()
    watch.timed("rest", lambda: [boss(2.0), clock.sleep(0.5), helper.work(1.0)])()
    assert_allclose(sum(watch.take().values()), clock() - start)


def test_time_between_calls_counts_for_nobody(clock):
    watch = Stopwatch(clock)
    worker = watch.over(Worker(clock), "worker")
    worker.work(1.0)
    clock.sleep(1000.0)
    worker.work(1.0)
    assert watch.take() == {"worker": 4.0}
    assert watch.take() == {}


def test_a_call_that_raises_is_counted_and_ended(clock):
    watch = Stopwatch(clock)

    def fail():
        clock.sleep(3.0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        watch.timed("outer", watch.timed("inner", fail))()
    watch.timed("after", lambda: clock.sleep(1.0))()
    assert watch.take() == {"outer": 0.0, "inner": 3.0, "after": 1.0}


def test_a_watched_copy_is_of_the_same_class_and_the_original_is_not_watched(clock):
    watch = Stopwatch(clock)
    worker = Worker(clock)
    copy = watch.over(worker, "worker")
    assert isinstance(copy, Worker)
    assert copy.name == "worker"
    assert copy.work(2.0) == 2.0 == copy(2.0)
    watch.take()
    worker.work(1.0)
    assert watch.take() == {}


def test_frozen_objects_can_be_watched(clock):
    @dataclass(frozen=True)
    class Frozen:
        seconds: float

        def work(self):
            clock.sleep(self.seconds)

    watch = Stopwatch(clock)
    watch.over(Frozen(5.0), "frozen").work()
    assert watch.take() == {"frozen": 5.0}


def test_what_has_no_dictionary_stays_as_it_is(clock):
    assert Stopwatch(clock).over(3.0, "number") == 3.0


def test_spread_is_median_and_quartiles():
    values = np.random.default_rng(1).exponential(size=101)
    assert_allclose(Spread.of(values), np.percentile(values, [50, 25, 75]))
