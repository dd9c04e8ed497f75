"""A pool is a map: same results whatever the workers, and no hang when one of them dies."""

import os
import pickle
import signal
import threading
import time
from functools import partial

import pytest
from pydantic import ValidationError

from fitplugin import plugins
from fitplugin.errors import FitpluginError, InputError, LikelihoodError
from fitplugin.pools.processes import ProcessPool
from fitplugin.pools.serial import SerialPool
from tests.pools.tasks import (
    die_at_three,
    process_id_of,
    refuse,
    sleep,
    square,
    threads,
    throw,
    wait_for_file,
)


@pytest.fixture(scope="module")
def two_processes():
    with ProcessPool(processes=2) as pool:
        yield pool


@pytest.fixture(scope="module")
def two_dask_workers():
    pytest.importorskip("distributed")
    from fitplugin.pools.dask import DaskPool

    with DaskPool(workers=2) as pool:
        yield pool


@pytest.fixture(params=["processes", "dask"])
def two_workers(request):
    names = {"processes": "two_processes", "dask": "two_dask_workers"}
    return request.getfixturevalue(names[request.param])


@pytest.fixture(params=["serial", "processes", "dask"])
def pool(request):
    names = {"processes": "two_processes", "dask": "two_dask_workers"}
    return (
        SerialPool() if request.param == "serial" else request.getfixturevalue(names[request.param])
    )


@pytest.mark.parametrize("n_items", [0, 1, 2, 7, 300])
def test_map_keeps_order(pool, n_items):
    assert pool.map(square, iter(range(n_items))) == [n * n for n in range(n_items)]


@pytest.mark.parametrize("n_items", [0, 1, 7])
def test_imap_yields_what_map_returns(pool, n_items):
    results = pool.imap(square, iter(range(n_items)))
    assert next(iter(results), None) == (0 if n_items else None)
    assert list(results) == pool.map(square, range(1, n_items))


def test_a_result_is_there_before_later_ones_are_computed(pool, tmp_path):
    seen = tmp_path / "seen"
    results = pool.imap(wait_for_file, [None, seen, None])
    assert next(results) is None
    seen.touch()
    assert list(results) == [seen, None]


def test_a_result_waits_for_its_predecessors(two_workers):
    assert list(two_workers.imap(sleep, [0.3, 0.0, 0.1])) == [0.3, 0.0, 0.1]


def test_a_caller_may_stop_early(pool):
    start = time.monotonic()
    results = pool.imap(sleep, [0.0, *[0.2] * 50])
    assert next(results) == 0.0
    del results
    assert pool.map(square, [3]) == [9]
    assert time.monotonic() - start < 5.0


def test_an_exception_of_the_caller_is_not_held_up(pool):
    def stop_at_the_first():
        for _ in pool.imap(sleep, [0.0, *[0.2] * 50]):
            raise RuntimeError("enough")

    start = time.monotonic()
    with pytest.raises(RuntimeError, match="enough"):
        stop_at_the_first()
    assert pool.map(square, [3]) == [9]
    assert time.monotonic() - start < 5.0


def test_results_before_an_exception_are_handed_out(pool):
    results = pool.imap(partial(divmod, 1), [1, 2, 0, 3])
    assert [next(results), next(results)] == [(1, 0), (0, 1)]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_exceptions_propagate_and_the_pool_lives_on(pool):
    with pytest.raises(LikelihoodError, match="no 5"):
        pool.map(refuse, [5])
    assert pool.map(square, [2]) == [4]


# such as a pool may meet itself while it waits for workers
@pytest.mark.parametrize("kind", [TimeoutError, OSError, ConnectionResetError, KeyError])
def test_exceptions_of_tasks_are_not_taken_for_those_of_the_pool(pool, kind):
    with pytest.raises(kind, match="mine") as caught:
        pool.map(throw, [kind("mine")])
    assert type(caught.value) is kind


def test_two_calls_may_alternate(pool):
    squares, negatives = pool.imap(square, range(1, 5)), pool.imap(partial(divmod, 10), range(1, 5))
    pairs = list(zip(squares, negatives, strict=True))
    assert pairs == [(n * n, divmod(10, n)) for n in range(1, 5)]


def test_size_counts_workers(two_workers):
    assert SerialPool().size == 1
    assert two_workers.size == 2


@pytest.mark.parametrize("size", [10, 1_000_000])
@pytest.mark.parametrize("n_items", [2, 4, 8])
def test_work_is_spread(two_workers, n_items, size):
    function = partial(process_id_of, bytes(size))
    two_workers.map(function, range(2))
    workers = two_workers.map(function, range(n_items))
    shares = [workers.count(worker) for worker in set(workers)]
    assert len(shares) == 2
    assert max(shares) <= n_items - n_items // 4


def test_workers_have_one_numerical_thread_and_the_parent_keeps_its_environment(two_workers):
    before = dict(os.environ)
    assert two_workers.map(threads, [0]) == [("1", "1")]
    assert dict(os.environ) == before


def test_what_cannot_be_pickled_is_an_error_and_not_a_hang(two_workers):
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        two_workers.map(threading.Lock().__enter__, [1])
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        two_workers.map(square, [threading.Lock()])
    assert two_workers.map(square, [3]) == [9]


def test_interrupted_work_is_not_waited_for():
    def interrupted_work():
        with ProcessPool(processes=1) as pool:
            pool.map(square, [1])
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            pool.map(sleep, [600.0])

    start = time.monotonic()
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        interrupted_work()
    signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - start < 60.0


def test_killed_worker_process_is_a_clear_error():
    with ProcessPool(processes=2) as pool:
        assert pool.map(square, [1, 2]) == [1, 4]
        with pytest.raises(FitpluginError, match="worker process died"):
            pool.map(die_at_three, range(6))


def test_no_workers_are_refused():
    with pytest.raises(InputError, match="at least 1"):
        ProcessPool(processes=0)


@pytest.mark.parametrize("name", plugins.names("fitplugin.pools"))
def test_points_per_task_do_not_depend_on_the_pool_and_can_be_chosen(name):
    plugin = plugins.load("fitplugin.pools", name)
    assert plugin.from_options(plugin.Options(), 3).points_per_task == 512
    assert plugin.from_options(plugin.Options(points_per_task=5), 3).points_per_task == 5
    with pytest.raises(ValidationError, match="greater than 0"):
        plugin.Options(points_per_task=0)


@pytest.mark.parametrize(("name", "option"), [("processes", "processes"), ("dask", "workers")])
def test_the_scan_says_how_many_workers_where_the_pool_does_not(name, option):
    if name not in plugins.names("fitplugin.pools"):
        pytest.skip(f"the pool {name} is not registered")
    plugin = plugins.load("fitplugin.pools", name)
    assert plugin.from_options(plugin.Options(), 3).size == 3
    assert plugin.from_options(plugin.Options(**{option: 2}), 3).size == 2
    with pytest.raises(ValidationError, match="greater than 0"):
        plugin.Options(**{option: 0})
