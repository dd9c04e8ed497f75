"""MultiNest in its own process: the evidence of the whole box, and no accident unreported."""

import math
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.random import SeedSequence
from numpy.testing import assert_allclose
from scipy import stats

from fitplugin.errors import FitpluginError, InputError, LikelihoodError, MissingExtraError
from fitplugin.pools.serial import SerialPool
from fitplugin.samplers.multinest import MultiNest, MultiNestOptions
from fitplugin.samplers.multinest_files import read_points
from fitplugin.samplers.multinest_library import find_library

from . import laws
from .problems import Broken, Flat, Gaussian, NothingValid, Slab, Slow


def library_is_there():
    try:
        MultiNest().require(MultiNestOptions(), 2)
        return True
    except InputError:
        return False


needs_library = pytest.mark.skipif(
    not library_is_there(), reason="the MultiNest library is not installed"
)


def run(problem, seed=1, progress=lambda record: None, **options):
    return MultiNest().run(
        problem, MultiNestOptions(**options), SerialPool(), SeedSequence(seed), None, progress
    )


@pytest.fixture(scope="module")
def gaussian_chain():
    return run(Gaussian())


@pytest.fixture(scope="module")
def slab_chain():
    return run(Slab())


@needs_library
def test_form_and_births(gaussian_chain, slab_chain):
    for chain, problem in ((gaussian_chain, Gaussian()), (slab_chain, Slab())):
        laws.check_form(chain, problem)
        laws.check_births(chain)


@needs_library
def test_gaussian_evidence_and_moments(gaussian_chain):
    laws.check_log_z(gaussian_chain, Gaussian())
    laws.check_gaussian_moments(gaussian_chain)
    assert gaussian_chain.evidence.fraction.value == 1.0


@needs_library
def test_evidence_of_a_cut_prior_is_that_of_the_whole_box(slab_chain):
    laws.check_log_z(slab_chain, Slab())
    laws.check_cut(slab_chain, Slab())


@needs_library
def test_evidence_from_the_births_agrees(slab_chain):
    anesthetic = pytest.importorskip("anesthetic")
    laws.check_births_give_the_evidence(slab_chain, anesthetic)


@needs_library
def test_a_flat_likelihood_gives_back_the_valid_prior():
    chain = run(Flat(), n_live=1000)
    laws.check_log_z(chain, Flat())
    draws = chain.samples[chain.equal_weight(np.random.default_rng(1))]
    assert stats.kstest(draws[:, 0], stats.uniform(1.0, 9.0).cdf).pvalue > 1e-3


@needs_library
def test_a_seed_gives_the_same_chain():
    chain = run(Slab(), seed=5, n_live=50)
    assert laws.equal(chain, run(Slab(), seed=5, n_live=50))
    assert not laws.equal(chain, run(Slab(), seed=6, n_live=50))


@needs_library
@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        ("raise", "ZeroDivisionError: no vacuum at x="),
        ("exit", "SystemExit: 0 at x="),
        ("nan", "is nan at x="),
        ("inf", "is inf at x="),
        ("shape", "log_likelihood has shape"),
    ],
)
def test_a_broken_likelihood_stops_the_run_quietly(how, complaint, capfd):
    with pytest.raises(LikelihoodError, match=complaint) as caught:
        run(Broken(how=how), n_live=50)
    assert "Traceback" in str(caught.value.__cause__)
    assert capfd.readouterr() == ("", "")


@needs_library
def test_a_killed_child_is_a_clear_error():
    with pytest.raises(FitpluginError, match="MultiNest ended early, by SIGKILL"):
        run(Broken(how="kill"), n_live=50)


@needs_library
def test_a_prior_without_valid_points_is_refused():
    with pytest.raises(InputError, match="none of 10000 points"):
        run(NothingValid())


def test_too_few_live_points_are_refused():
    with pytest.raises(InputError, match=r"sampler.n_live: is 3"):
        run(Gaussian(), n_live=3)


@needs_library
def test_progress_ends_near_the_tolerance_and_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    records = []
    chain = run(Gaussian(), progress=records.append, tolerance=0.5)
    assert len(records) > 5
    assert records[-1].remaining < math.log1p(0.5) + 0.1
    assert records[-1].n_like == chain.n_like
    # MultiNest's own estimate, from deterministic volumes
    evidence = chain.evidence
    assert_allclose(records[-1].log_z, evidence.log_z_box, atol=0.2 * evidence.log_z_box_error)
    assert list(tmp_path.iterdir()) == []


@needs_library
def test_an_interrupt_ends_the_child(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def interrupt(record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Slow(), progress=interrupt)
    assert list(tmp_path.iterdir()) == []


@needs_library
def test_it_runs_outside_of_the_main_thread():
    chains = []
    thread = threading.Thread(target=lambda: chains.append(run(Gaussian(), n_live=50)))
    thread.start()
    thread.join()
    assert chains[0].n_live == 50
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_variable_that_names_no_library_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("FITPLUGIN_MULTINEST", str(tmp_path))
    with pytest.raises(InputError, match=r"FITPLUGIN_MULTINEST.*does not exist"):
        find_library()
    (tmp_path / "libmultinest.so").write_text("not a library")
    monkeypatch.setenv("FITPLUGIN_MULTINEST", str(tmp_path / "libmultinest.so"))
    with pytest.raises(InputError, match="where no library loads: OSError"):
        find_library()


def test_a_missing_library_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr("fitplugin.samplers.multinest_library.find_library", lambda: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    with pytest.raises(MissingExtraError, match="conda install -c conda-forge multinest"):
        run(Gaussian())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'fitplugin\[multinest\]'"):
        run(Gaussian())


def write_run(folder: Path, dead: str) -> Path:
    (folder / "mn-ev.dat").write_text(dead)
    (folder / "mn-phys_live.points").write_text(" 2.0 -0.5 1\n 1.0 -0.7 1\n")
    (folder / "mn-stats.dat").write_text("Global Log-Evidence :  -0.11E+01  +/- 0.25E+00\n")
    return folder


def test_fortran_numbers_are_read(tmp_path):
    points = read_points(write_run(tmp_path, "  -0.93-309 -0.30E+01 -0.69E+00    1\n"), 1)
    assert points.parameters[:, 0].tolist() == [-9.3e-310, 1.0, 2.0]
    assert points.log_likelihood.tolist() == [-3.0, -0.7, -0.5]
    assert points.log_birth.tolist() == [-np.inf, -np.inf, -3.0]
    assert (points.log_z, points.log_z_error) == (-1.1, 0.25)


@pytest.mark.parametrize("dead", ["1.0 2.0\n", "1.0 ******* -0.6 1\n"])
def test_a_damaged_file_is_named(tmp_path, dead):
    with pytest.raises(FitpluginError, match=r"ev\.dat"):
        read_points(write_run(tmp_path, dead), 1)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FitpluginError, match=r"did not write mn-ev\.dat"):
        read_points(tmp_path, 1)


@pytest.mark.slow
@needs_library
@pytest.mark.parametrize("problem", [Gaussian(), Slab()])
def test_errors_are_honest_over_seeds(problem):
    z = [
        (chain.evidence.log_z_box - problem.log_z) / chain.evidence.log_z_box_error
        for chain in (run(problem, seed=seed) for seed in range(8))
    ]
    assert abs(np.mean(z)) < 3.0 / math.sqrt(8.0)
    assert np.std(z) < 2.5


@needs_library
def test_several_processes_give_one_merged_run():
    chain = run(Slab(), n_live=401, runs=3)
    laws.check_form(chain, Slab())
    laws.check_log_z(chain, Slab())
    laws.check_cut(chain, Slab())
    assert (chain.n_live, chain.details["n_runs"]) == (401, 3.0)
    assert chain.details["runs_log_z_p"] > 1e-3
    assert laws.equal(chain, run(Slab(), n_live=401, runs=3))


def test_live_points_are_counted_per_run():
    words = r"n_live: is 20 for 4 runs; 3 parameters need at least 6 live points each"
    with pytest.raises(InputError, match=words):
        MultiNest().require(MultiNestOptions(n_live=20, runs=4), 3)
