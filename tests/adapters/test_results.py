"""Finished runs in other containers: the same evidence, means and weights."""

import matplotlib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fitplugin.adapters.results import to_arviz, to_dynesty
from fitplugin.errors import InputError
from fitplugin.runs import directory
from fitplugin.runs.directory import read_run

from .problems import X_POSTERIOR_MEAN


@pytest.fixture
def run(run_directory):
    return read_run(run_directory)


@pytest.fixture
def results(run):
    return to_dynesty(run)


def without(run_directory, name):
    """Make the run one that never had a file."""
    manifest = read_run(run_directory).manifest
    (run_directory / name).unlink()
    directory.write_manifest(run_directory, manifest)


class TestDynesty:
    def test_evidence_is_that_of_the_run(self, results, run):
        # dynesty's volumes are mean volumes, ours give Z without bias: some 1/n_live apart
        assert_allclose(results.logz[-1], run.summary["log_z"], atol=0.02)
        assert_allclose(results.logzerr[-1], run.summary["log_z_error"])

    def test_weights_are_those_of_the_run(self, results, run):
        weights = results.importance_weights()
        x = run.posterior.columns["x"]
        mean = np.average(x, weights=run.posterior.weights)
        assert_allclose(weights @ results.samples[:, 0], mean, atol=0.02)
        assert abs(mean - X_POSTERIOR_MEAN) < 0.15

    def test_its_own_quadrature_agrees(self, results):
        from dynesty.utils import compute_integrals

        _, log_z, *_ = compute_integrals(logl=results.logl, logvol=results.logvol)
        assert_allclose(log_z[-1], results.logz[-1], atol=0.02)

    def test_strands_give_back_the_live_points(self, results):
        """Every strand is a run of one live point: together they are as many as were alive."""
        death = np.full(results.samples_id.max() + 1, -np.inf)
        np.maximum.at(death, results.samples_id, results.logl)
        start = np.full(len(death), np.inf)
        bounds = results.batch_logl_bounds[results.samples_batch, 0]
        np.minimum.at(start, results.samples_id, bounds)
        alive = [(start < level) & (death >= level) for level in results.logl]
        assert_array_equal(np.sum(alive, axis=1), results.samples_n)

    def test_bootstrap_realizations_scatter_as_the_error_says(self, results):
        from dynesty.utils import resample_run

        rng = np.random.default_rng(1)
        log_z = [resample_run(results, rstate=rng).logz[-1] for _ in range(40)]
        assert abs(np.mean(log_z) - results.logz[-1]) < results.logzerr[-1]
        assert_allclose(np.std(log_z), results.logzerr[-1], rtol=0.5)

    def test_other_functions_of_dynesty_take_it(self, results, run, capsys):
        from dynesty.utils import jitter_run, merge_runs

        results.summary()
        assert f"ncall: {run.summary['n_like']}" in capsys.readouterr().out
        jittered = jitter_run(results, rstate=np.random.default_rng(1))
        assert abs(jittered.logz[-1] - results.logz[-1]) < 5 * results.logzerr[-1]
        merged = merge_runs([results, to_dynesty(run)], print_progress=False)
        assert len(merged.logl) == 2 * len(results.logl)
        assert results.samples_equal(np.random.default_rng(1)).shape == results.samples.shape

    def test_plots_of_dynesty_take_it(self, results):
        matplotlib.use("Agg")
        from dynesty import plotting
        from matplotlib import pyplot

        plotting.runplot(results)
        plotting.traceplot(results)
        plotting.cornerplot(results)
        pyplot.close("all")

    def test_unit_cube_and_blobs_belong_to_the_samples(self, results, half_normal):
        assert_allclose(half_normal.prior_transform(results.samples_u), results.samples, atol=1e-9)
        assert_allclose(results.blob["sum"], results.samples.sum(axis=1), rtol=1e-12)

    def test_a_run_without_births_is_refused(self, run_directory):
        without(run_directory, "chain_dead-birth.txt")
        with pytest.raises(InputError, match="has no births"):
            to_dynesty(read_run(run_directory))


class TestArviz:
    @pytest.fixture
    def data(self, run):
        # arviz tells of its coming version when it is imported
        pytest.importorskip("arviz")
        return to_arviz(run)

    def test_draws_have_the_posterior_mean(self, data, run):
        x = data["posterior"]["x"]
        assert x.dims == ("chain", "draw")
        expected = np.average(run.posterior.columns["x"], weights=run.posterior.weights)
        assert abs(float(x.mean()) - expected) < 4 * float(x.std()) / np.sqrt(x.size)

    def test_columns_stay_together(self, data):
        posterior = data["posterior"]
        assert_allclose(posterior["sum"], posterior["x"] + posterior["y"], rtol=1e-8)
        assert_allclose(
            data["sample_stats"]["lp"],
            -0.5 * ((posterior["x"] - 1.0) ** 2 + ((posterior["y"] - 2.0) / 0.5) ** 2)
            - np.log(2.0 * np.pi * 0.5),
            rtol=1e-7,
        )

    def test_draws_look_independent(self, data):
        import arviz

        x = data["posterior"]["x"].values
        assert float(arviz.ess(x)) > 0.7 * x.size

    def test_evidence_and_digest_are_attributes(self, data, run):
        attributes = data["posterior"].attrs
        assert attributes["log_z"] == run.summary["log_z"]
        assert attributes["digest"] == "half-normal"

    def test_prior_is_a_group_where_the_run_has_one(self, data, run, run_directory):
        assert data["prior"]["x"].size == len(run.prior["x"])
        without(run_directory, "prior.txt")
        assert not hasattr(to_arviz(read_run(run_directory)), "prior")
