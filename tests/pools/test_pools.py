"""A pool is a map: same results whatever the workers, and no hang when one of them dies."""

import os
import pickle
import signal
import time

import pytest

from fitplugin.errors import FitpluginError, InputError, LikelihoodError
from fitplugin.pools.processes import ProcessPool
from fitplugin.pools.serial import SerialPool


def square(number):
    return number * number


def refuse(number):
    raise LikelihoodError(f"no {number}")


def threads_and_numpy(_):
    import numpy as np

    return os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"], np.pi


def die(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def process_id(_):
    time.sleep(0.05)
    return os.getpid()


def sleep_long(number):
    time.sleep(600.0 * number)


@pytest.fixture(scope="module")
def two_workers():
    with ProcessPool(processes=2) as pool:
        yield pool


@pytest.fixture(params=["serial", "processes"])
def pool(request):
    return SerialPool() if request.param == "serial" else request.getfixturevalue("two_workers")


@pytest.mark.parametrize("n_items", [0, 1, 2, 7, 1000])
def test_map_keeps_order(pool, n_items):
    assert pool.map(square, iter(range(n_items))) == [n * n for n in range(n_items)]


def test_exceptions_propagate_and_the_pool_lives_on(pool):
    with pytest.raises(LikelihoodError, match="no 5"):
        pool.map(refuse, [5])
    assert pool.map(square, [2]) == [4]


def test_size_counts_workers(two_workers):
    assert SerialPool().size == 1
    assert two_workers.size == 2


def test_work_is_spread(two_workers):
    assert len(set(two_workers.map(process_id, range(8)))) == 2


def test_workers_have_one_numerical_thread_and_the_parent_keeps_its_environment(two_workers):
    before = dict(os.environ)
    omp, openblas, _ = two_workers.map(threads_and_numpy, [0])[0]
    assert (omp, openblas) == ("1", "1")
    assert dict(os.environ) == before


def test_killed_worker_is_a_clear_error():
    with ProcessPool(processes=2) as pool:
        assert pool.map(square, [1, 2]) == [1, 4]
        with pytest.raises(FitpluginError, match="worker process died"):
            pool.map(die, range(6))


def test_interrupted_work_is_not_waited_for():
    def interrupted_work():
        with ProcessPool(processes=1) as pool:
            pool.map(square, [1])
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            pool.map(sleep_long, [1])

    start = time.monotonic()
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        interrupted_work()
    signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - start < 60.0


def test_what_cannot_be_pickled_is_an_error_and_not_a_hang(two_workers):
    with pytest.raises((AttributeError, pickle.PicklingError)):
        two_workers.map(lambda number: number, [1])
    assert two_workers.map(square, [3]) == [9]


def test_no_workers_are_refused():
    with pytest.raises(InputError, match="at least 1"):
        ProcessPool(processes=0)
