"""The dask pool on real clusters: it uses them, leaves them, and survives or reports their end."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("distributed")

import psutil
from pydantic import ValidationError

from fitplugin.components import validation_context
from fitplugin.errors import FitpluginError, InputError, MissingExtraError
from fitplugin.pools.dask import DaskOptions, DaskPool
from tests.pools.tasks import (
    CountedLikelihood,
    die,
    die_once,
    square,
    start_and_sleep,
)

ROOT = Path(__file__).parents[2]


class Cluster:
    """A scheduler and workers that somebody else has started."""

    def __init__(self, folder, ends):
        self.file = folder / "scheduler.json"
        self._ends = ends
        self.scheduler = self._start(
            "dask_scheduler --host 127.0.0.1 --port 0 --no-dashboard "
            f"--dashboard-address 127.0.0.1:0 --scheduler-file {self.file}"
        )
        self.address = wait_until(self._read_address)
        self.workers = []

    def add_worker(self):
        self.workers.append(
            self._start(
                f"dask_worker {self.address} --host 127.0.0.1 --nthreads 1 --no-nanny "
                f"--no-dashboard --local-directory {self.file.parent}"
            )
        )

    def _read_address(self):
        try:
            return json.loads(self.file.read_text())["address"]
        except (OSError, ValueError):
            return None

    def _start(self, command):
        process = subprocess.Popen(
            [sys.executable, "-m", *f"distributed.cli.{command}".split()],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._ends.callback(process.wait)
        self._ends.callback(process.kill)
        return process


def wait_until(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("what was waited for did not come")


@contextmanager
def within(seconds):
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


@pytest.fixture
def cluster(tmp_path):
    with ExitStack() as ends:
        yield Cluster(tmp_path, ends)


@pytest.fixture(scope="module")
def standing_cluster(tmp_path_factory):
    with ExitStack() as ends:
        cluster = Cluster(tmp_path_factory.mktemp("cluster"), ends)
        cluster.add_worker()
        yield cluster


@pytest.fixture(scope="module")
def local_pool():
    with DaskPool(workers=2) as pool:
        yield pool


# --- clusters of others -------------------------------------------------------------------


def test_a_cluster_of_others_is_used_and_left_running(standing_cluster):
    for address in (standing_cluster.address, str(standing_cluster.file)):
        with DaskPool(address) as pool:
            assert pool.size == 1
            assert pool.map(square, range(5)) == [0, 1, 4, 9, 16]
    assert standing_cluster.scheduler.poll() is None
    assert standing_cluster.workers[0].poll() is None


def test_two_pools_share_a_cluster_and_a_large_function(standing_cluster, tmp_path):
    function = CountedLikelihood(tmp_path, 200_000)
    with DaskPool(standing_cluster.address) as other:
        with DaskPool(standing_cluster.address) as pool:
            assert pool.map(function, [1]) == other.map(function, [1]) == [200_001]
        assert other.map(function, [2]) == [200_002]


def test_what_was_given_up_does_not_keep_a_cluster_of_others_busy(standing_cluster, tmp_path):
    first = tmp_path / "first"
    with DaskPool(standing_cluster.address) as pool:
        tasks = pool.imap(partial(start_and_sleep, first), [0.0, *[0.2] * 1000])
        next(tasks)
    with DaskPool(standing_cluster.address) as pool, within(5.0):
        assert pool.map(square, [3]) == [9]


def test_functions_of_the_main_script_are_sent_by_value(standing_cluster, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from fitplugin.pools.dask import DaskPool\n"
        "def half(number):\n"
        "    return number / 2\n"
        f"with DaskPool({standing_cluster.address!r}) as pool:\n"
        "    print(pool.map(half, [1, 2]))\n"
    )
    done = run_script(script)
    assert (done.stdout, done.stderr) == ("[0.5, 1.0]\n", "")


def run_script(script):
    return subprocess.run(
        [sys.executable, str(script)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60.0,
        check=False,
    )


# --- no cluster there ---------------------------------------------------------------------


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_an_address_where_nothing_listens_is_refused_before_any_work():
    address = f"tcp://127.0.0.1:{free_port()}"
    with (
        within(5.0),
        pytest.raises(InputError, match=rf"no dask scheduler answers at {address} within 0.5 s"),
        DaskPool(address, timeout=0.5),
    ):
        pass


def test_an_address_where_something_else_listens_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        with within(5.0), pytest.raises(InputError, match="no dask scheduler answers"):
            DaskPool(address, timeout=0.5).map(square, [1])


@pytest.mark.parametrize("address", ["pigeon://127.0.0.1:8786", "tcp://nowhere", "nonsense"])
def test_what_is_no_address_is_refused(address):
    with within(5.0), pytest.raises(InputError, match=f"no dask scheduler answers at {address}"):
        DaskPool(address, timeout=0.5).map(square, [1])


def test_a_scheduler_file_must_be_there_and_name_an_address(tmp_path):
    path = tmp_path / "scheduler.json"
    with pytest.raises(InputError, match="has the scheduler started"):
        DaskPool(str(path)).map(square, [1])
    path.write_text("{}")
    with pytest.raises(InputError, match="names no 'address'"):
        DaskPool(str(path)).map(square, [1])


def test_without_dask_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fitplugin\[dask\]'"):
        DaskPool(workers=1).map(square, [1])


def test_a_cluster_without_workers_is_an_error_after_some_patience(cluster):
    with DaskPool(cluster.address, patience=0.5) as pool, within(10.0):
        with pytest.raises(FitpluginError, match=r"no workers for 0.5 s"):
            pool.map(square, [1])
        with pytest.raises(FitpluginError, match=r"no workers for 0.5 s"):
            _ = pool.size


# --- accidents ----------------------------------------------------------------------------


def test_the_work_of_a_lost_worker_is_done_by_others_also_by_new_ones(cluster, tmp_path):
    function = CountedLikelihood(tmp_path, 200_000)
    cluster.add_worker()
    with DaskPool(cluster.address, patience=30.0) as pool:
        started = tmp_path / "started"
        assert pool.map(function, [1]) == [200_001]
        results = pool.imap(partial(start_and_sleep, started), [0.0, 0.5])
        assert next(results) == 0.0
        cluster.workers[0].kill()
        cluster.add_worker()
        assert list(results) == [0.5]
        assert pool.map(function, [2]) == [200_002]


def test_workers_that_do_not_come_back_are_an_error_after_some_patience(cluster, tmp_path):
    cluster.add_worker()
    with DaskPool(cluster.address, patience=0.5) as pool:
        wait_until(lambda: has_workers(pool))
        results = pool.imap(partial(start_and_sleep, tmp_path / "started"), [0.0, 60.0])
        next(results)
        cluster.workers[0].kill()
        with within(10.0), pytest.raises(FitpluginError, match=r"no workers for 0.5 s"):
            next(results)


def has_workers(pool):
    try:
        return pool.size
    except FitpluginError:
        return 0


def test_a_scheduler_that_dies_is_an_error_and_not_a_hang(cluster, tmp_path):
    cluster.add_worker()
    with within(20.0), DaskPool(cluster.address) as pool:
        results = pool.imap(partial(start_and_sleep, tmp_path / "started"), [0.0, 60.0])
        next(results)
        cluster.scheduler.kill()
        with within(5.0), pytest.raises(FitpluginError, match=f"{cluster.address} is lost"):
            next(results)
        with pytest.raises(FitpluginError, match=f"{cluster.address} is lost"):
            pool.map(square, [1])


def test_a_scheduler_that_falls_silent_is_an_error_and_not_a_hang(cluster, tmp_path):
    cluster.add_worker()
    with within(30.0), DaskPool(cluster.address, timeout=1.0, patience=1.0) as pool:
        wait_until(lambda: has_workers(pool))
        results = pool.imap(partial(start_and_sleep, tmp_path / "started"), [0.0, 60.0])
        next(results)
        cluster.scheduler.send_signal(signal.SIGSTOP)
        with within(10.0), pytest.raises(FitpluginError, match="has not answered for 1 s"):
            next(results)
        with within(10.0), pytest.raises(FitpluginError, match="has not answered for 1 s"):
            pool.map(CountedLikelihood(tmp_path, 200_000), [1])


def test_a_killed_worker_of_this_machine_is_replaced(local_pool, tmp_path):
    assert local_pool.map(partial(die_once, tmp_path / "tried"), range(6)) == list(range(6))
    assert local_pool.size == 2


def test_a_task_that_kills_every_worker_is_a_clear_error(local_pool):
    with within(30.0), pytest.raises(FitpluginError, match="dask gave up a task"):
        local_pool.map(die, [1])
    assert local_pool.map(square, [3]) == [9]


# --- workers of this machine --------------------------------------------------------------


@pytest.mark.parametrize("size", [10, 200_000])
def test_a_function_is_unpickled_once_by_each_worker(local_pool, tmp_path, size):
    function = CountedLikelihood(tmp_path, size)
    for _ in range(2):
        assert local_pool.map(function, range(20)) == [size + number for number in range(20)]
    counts = [file.read_text() for file in tmp_path.iterdir()]
    assert set(counts) == {"x"}
    assert len(counts) <= 2


def test_many_large_functions_do_not_mix(local_pool, tmp_path):
    sizes = [200_000 + number for number in range(6)]
    functions = [CountedLikelihood(tmp_path, size) for size in sizes]
    for _ in range(2):
        assert [local_pool.map(function, [1])[0] for function in functions] == [
            size + 1 for size in sizes
        ]


def test_only_this_machine_can_reach_the_cluster():
    before = set(psutil.Process().children(recursive=True))
    with DaskPool(workers=1) as pool:
        pool.map(square, [1])
        workers = set(psutil.Process().children(recursive=True)) - before
        listening = [
            connection.laddr.ip
            for process in {psutil.Process(), *workers}
            for connection in process.net_connections()
            if connection.status == psutil.CONN_LISTEN
        ]
    assert workers
    assert set(listening) == {"127.0.0.1"}


def test_nothing_starts_before_the_first_use():
    before = psutil.Process().children(recursive=True)
    with DaskPool(workers=3) as pool:
        assert pool.size == 3
        assert pool.map(square, []) == []
        assert psutil.Process().children(recursive=True) == before


NO_GOODBYE = [signal.SIGTERM, signal.SIGKILL]


def script_that_sleeps(path, started):
    path.write_text(
        "from functools import partial\n"
        "from pathlib import Path\n"
        "from fitplugin.pools.dask import DaskPool\n"
        "from tests.pools.tasks import start_and_sleep\n"
        "if __name__ == '__main__':\n"
        "    with DaskPool(workers=2) as pool:\n"
        f"        pool.map(partial(start_and_sleep, Path({str(started)!r})), [600.0])\n"
    )
    return path


@pytest.mark.parametrize(
    "end", [signal.SIGINT, *(pytest.param(end, marks=pytest.mark.slow) for end in NO_GOODBYE)]
)
def test_no_process_is_left_behind(tmp_path, end):
    started = tmp_path / "started"
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    script = script_that_sleeps(tmp_path / "script.py", started)
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(started.exists)
    family = psutil.Process(parent.pid).children(recursive=True)
    assert len(family) >= 2
    if end == signal.SIGINT:  # as the terminal sends it: to all of them
        os.killpg(parent.pid, end)
    else:
        parent.send_signal(end)
    _, words = parent.communicate(timeout=20.0)
    wait_until(lambda: not any(process.is_running() for process in family))
    if end == signal.SIGINT:
        assert words.count("Traceback") == 1
        assert words.rstrip().endswith("KeyboardInterrupt")
        assert list(scratch.glob("fitplugin-*")) == []


@pytest.mark.slow
def test_a_script_without_a_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from fitplugin.pools.dask import DaskPool\n"
        "with DaskPool(workers=1, timeout=3.0) as pool:\n"
        "    pool.map(abs, [1])\n"
    )
    done = run_script(script)
    assert done.returncode == 1
    last = done.stderr.rstrip().splitlines()[-1]
    assert last.startswith("fitplugin.errors.FitpluginError: the dask workers")
    assert last.endswith("the main script has no `if __name__ == '__main__':` guard")


# --- options ------------------------------------------------------------------------------


def test_a_cluster_is_either_named_or_started():
    with pytest.raises(ValidationError, match="leave one of them out"):
        DaskOptions.model_validate(
            {"address": "tcp://127.0.0.1:8786", "workers": 2},
            context=validation_context(None, allow_code=True),
        )
    with pytest.raises(InputError, match="at least 1"):
        DaskPool(workers=0)


def test_a_file_names_no_scheduler_without_the_word_of_the_user():
    asked = {"address": "tcp://127.0.0.1:8786"}
    for context in (None, validation_context(None, allow_code=False)):
        with pytest.raises(ValidationError, match="scheduler that could run code here"):
            DaskOptions.model_validate(asked, context=context)
    trusted = validation_context(None, allow_code=True)
    assert DaskOptions.model_validate(asked, context=trusted).address == asked["address"]


def test_the_scan_says_how_many_workers_where_the_options_do_not():
    assert DaskPool.from_options(DaskOptions(), 3).size == 3
    assert DaskPool.from_options(DaskOptions(workers=2), 3).size == 2
