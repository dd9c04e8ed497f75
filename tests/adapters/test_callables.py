"""Samplers called by hand: each gets the likelihood it wants, and the known evidence comes out."""

import ctypes
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fitplugin.adapters import callables
from fitplugin.errors import InputError
from fitplugin.samplers.multinest_library import find_library

from .problems import X_POSTERIOR_MEAN, HalfNormal

VALID, INVALID, OUTSIDE = [2.0, 2.5], [0.0, 2.0], [9.0, 2.0]


def test_dynesty_takes_the_methods_as_they_are(half_normal):
    dynesty = pytest.importorskip("dynesty")
    sampler = dynesty.NestedSampler(
        half_normal.log_likelihood,
        half_normal.prior_transform,
        half_normal.n_dim,
        nlive=200,
        rstate=np.random.default_rng(1),
    )
    sampler.run_nested(print_progress=False)
    results = sampler.results
    assert abs(results.logz[-1] - half_normal.log_z_box) < 4 * results.logzerr[-1]


def test_nautilus_takes_the_methods_as_they_are(half_normal):
    nautilus = pytest.importorskip("nautilus")
    sampler = nautilus.Sampler(
        half_normal.prior_transform,
        half_normal.log_likelihood,
        n_dim=half_normal.n_dim,
        vectorized=True,
        n_live=300,
        n_networks=0,
        seed=1,
    )
    sampler.run(n_eff=1000)
    assert abs(sampler.log_z - half_normal.log_z_box) < 4 / np.sqrt(sampler.n_eff)


class TestUltraNest:
    def test_likelihood_is_that_of_the_joint_and_finite(self, smoke_joint):
        arguments = callables.ultranest(smoke_joint)
        theta = arguments["transform"](np.random.default_rng(1).random((50, 3)))
        expected = smoke_joint.evaluate(theta)
        found = arguments["loglike"](theta)
        assert_array_equal(found[expected.valid], expected.log_likelihood[expected.valid])
        assert (found[~expected.valid] == -1e100).all()

    # ultranest draws its seeds from numpy's global state
    @pytest.mark.filterwarnings("ignore::DeprecationWarning:ultranest")
    def test_evidence_is_that_over_the_whole_box(self, half_normal):
        ultranest = pytest.importorskip("ultranest")
        logging.getLogger("ultranest").setLevel(logging.ERROR)
        state = np.random.get_state()  # noqa: NPY002
        np.random.seed(1)  # noqa: NPY002
        try:
            sampler = ultranest.ReactiveNestedSampler(**callables.ultranest(half_normal))
            found = sampler.run(min_num_live_points=200, show_status=False, viz_callback=False)
        finally:
            np.random.set_state(state)  # noqa: NPY002
        assert abs(found["logz"] - half_normal.log_z_box) < 4 * found["logzerr"]
        assert_allclose(found["posterior"]["mean"][0], X_POSTERIOR_MEAN, atol=0.15)


class TestPyMultiNest:
    def test_memory_is_changed_in_place(self, smoke_joint):
        """As MultiNest calls: a pointer to its own memory, parameters first, then blobs."""
        arguments = callables.pymultinest(smoke_joint, blobs=["m_higgs", "n_signal[0-lepton]"])
        assert (arguments["n_dims"], arguments["n_params"]) == (3, 5)
        low, high = smoke_joint.space.box.T
        theta = np.array([254.6, 1280.5, 1333.6])
        memory = (ctypes.c_double * 5)(*((theta - low) / (high - low)), 0.0, 0.0)
        cube = ctypes.cast(memory, ctypes.POINTER(ctypes.c_double))
        arguments["Prior"](cube, 3, 5)
        assert_allclose(memory[:3], theta, rtol=1e-14)
        found = arguments["LogLikelihood"](cube, 3, 5)
        batch = smoke_joint.evaluate([memory[:3]])
        assert found == batch.log_likelihood[0]
        assert memory[3] == batch.blobs["m_higgs"][0]
        assert memory[4] == batch.blobs["n_signal[0-lepton]"][0]

    def test_no_likelihood_is_below_log_zero(self, half_normal):
        arguments = callables.pymultinest(half_normal)
        assert arguments["LogLikelihood"](np.array(INVALID), 2, 2) < arguments["log_zero"]
        assert arguments["LogLikelihood"](np.array(VALID), 2, 2) > arguments["log_zero"]

    def test_evidence_is_that_over_the_valid_prior(self, half_normal, tmp_path):
        done = _run_multinest("HalfNormal()", tmp_path)
        assert done.returncode == 0, done.stderr
        log_z, error, mean = map(float, done.stdout.split("RESULT")[1].split())
        assert abs(log_z - half_normal.log_z) < 4 * error
        assert_allclose(mean, X_POSTERIOR_MEAN, atol=0.2)

    def test_an_exception_ends_the_process_and_is_shown(self, tmp_path):
        """pymultinest alone would ignore it and report an evidence."""
        done = _run_multinest("HalfNormal(fails_above=-2.0)", tmp_path)
        assert done.returncode == 1
        assert "ZeroDivisionError: no vacuum" in done.stderr
        assert "RESULT" not in done.stdout


def _run_multinest(problem: str, folder: Path) -> subprocess.CompletedProcess:
    try:
        library = find_library()
    except InputError:
        library = None
    if library is None:
        pytest.skip("the MultiNest library is not installed")
    code = f"""
import pymultinest
from fitplugin.adapters import callables
from tests.adapters.problems import HalfNormal
pymultinest.run(**callables.pymultinest({problem}, blobs=["sum"]), n_live_points=200,
    importance_nested_sampling=False, seed=1, outputfiles_basename="x-", use_MPI=False)
found = pymultinest.Analyzer(3, outputfiles_basename="x-").get_stats()
import numpy
points = numpy.loadtxt("x-post_equal_weights.dat")
numpy.testing.assert_allclose(points[:, 2], points[:, :2].sum(axis=1), rtol=1e-6)
print("RESULT", found["global evidence"], found["global evidence error"], points[:, 0].mean())
"""
    path = [os.environ.get("LD_LIBRARY_PATH", "")]
    if library.is_absolute():
        path.insert(0, str(library.parent))
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"LD_LIBRARY_PATH": os.pathsep.join(path), "PYTHONPATH": root}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )


class TestEmcee:
    def test_probability_is_density_of_the_box_times_likelihood(self, smoke_joint):
        probability = callables.LogProbability(smoke_joint)
        theta = np.array([254.6, 1280.5, 1333.6])
        expected = smoke_joint.log_likelihood(theta) - np.log(1000.0 * 1500.0 * 1500.0)
        assert_allclose(probability(theta), expected, rtol=1e-14)

    def test_nothing_outside_the_box_is_evaluated(self):
        # the density at (9, 2) would raise, if it were asked for
        problem = HalfNormal(fails_above=-40.0)
        assert callables.LogProbability(problem)([9.0, 2.0]) == -np.inf
        with pytest.raises(ZeroDivisionError):
            callables.LogProbability(problem)([4.0, 2.0])

    def test_a_batch_equals_its_points(self, half_normal):
        probability = callables.LogProbability(half_normal, blobs=["sum"])
        theta = np.array([VALID, INVALID, OUTSIDE])
        found = probability(theta)
        assert_array_equal(found, [probability(point) for point in theta])
        assert_array_equal(np.isfinite(found), [[True, True], [False, True], [False, False]])

    def test_chains_start_at_valid_points_and_find_the_posterior(self, half_normal):
        emcee = pytest.importorskip("emcee")
        start = callables.valid_points(half_normal, 20, seed=1)
        assert half_normal.is_valid(start).all()
        sampler = emcee.EnsembleSampler(20, **callables.emcee(half_normal, blobs=["sum"]))
        sampler.random_state = np.random.RandomState(1).get_state()
        sampler.run_mcmc(start, 1000)
        x, y = sampler.get_chain(discard=100, flat=True).T
        n_eff = len(x) / sampler.get_autocorr_time(quiet=True).max()
        assert abs(x.mean() - X_POSTERIOR_MEAN) < 4 * x.std() / np.sqrt(n_eff)
        assert_array_equal(sampler.get_blobs(discard=100, flat=True)["sum"], x + y)
