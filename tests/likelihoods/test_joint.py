"""The joint likelihood: batches, physics as values, digests, and what travels to workers."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
import yaml
from numpy.testing import assert_allclose, assert_array_equal

import fitplugin
from fitplugin.errors import InputError, LikelihoodError
from fitplugin.stats.counts import log_marginal
from tests.conftest import SCANS

BENCHMARK = [254.6, 1280.5, 1333.6]


@pytest.fixture(scope="module")
def theta(smoke_joint):
    return smoke_joint.prior_transform(np.random.default_rng(5).random((200, 3)))


@pytest.fixture(scope="module")
def batch(smoke_joint, theta):
    return smoke_joint.evaluate(theta)


def test_names_follow_the_scan_file(smoke_joint):
    assert smoke_joint.names == ("mu", "mQ3", "mtR")
    assert smoke_joint.n_dim == 3


def test_a_point_alone_equals_itself_in_a_batch(smoke_joint, theta, batch):
    for index in range(0, 200, 17):
        alone = smoke_joint.evaluate(theta[index])
        assert_allclose(alone.log_likelihood[0], batch.log_likelihood[index], rtol=1e-10)
        for name in smoke_joint.blob_names:
            assert_allclose(alone.blobs[name][0], batch.blobs[name][index], rtol=1e-9, err_msg=name)


def test_evaluation_is_deterministic(smoke_joint, theta, batch):
    assert_array_equal(smoke_joint.evaluate(theta).log_likelihood, batch.log_likelihood)


def test_log_likelihood_is_the_sum_over_exclusive_regions(batch):
    total = batch.blobs["log_likelihood[0-lepton]"] + batch.blobs["log_likelihood[1-lepton]"]
    assert_allclose(batch.log_likelihood[batch.valid], total[batch.valid], rtol=1e-14)
    assert np.isneginf(batch.log_likelihood[~batch.valid]).all()


def test_terms_can_be_computed_from_the_blobs(smoke_joint, batch):
    n_observed = smoke_joint.regions[0].options.n_observed
    n_signal, error, found = (
        batch.blobs[f"{name}[0-lepton]"][batch.valid]
        for name in ("n_signal", "n_signal_error", "log_likelihood")
    )
    assert_allclose(found, log_marginal(n_observed, n_signal, error, 12.2, 3.9), rtol=1e-10)


def test_blobs_are_finite_also_where_a_constraint_fails(smoke_joint, batch):
    failed = batch.blobs["reason"] == "m_higgs"
    assert failed.any()
    for name in smoke_joint.blob_names:
        assert np.isfinite(batch.blobs[name][failed]).all(), name


def test_reasons_tell_why_a_point_is_refused(batch):
    blobs = batch.blobs
    assert set(blobs["reason"][batch.valid]) == {""}
    higgs = blobs["reason"] == "m_higgs"
    assert ((blobs["m_higgs"] < 121) | (blobs["m_higgs"] > 129))[higgs].all()
    assert (blobs["m_chargino1"][blobs["reason"] == "m_chargino1"] < 103.5).all()
    assert (blobs["spectrum_valid"] == (blobs["reason"] != "no_spectrum")).all()


def test_validity_without_yields_is_the_same(smoke_joint, theta, batch):
    assert_array_equal(smoke_joint.is_valid(theta), batch.valid)


def test_samplers_are_told_the_same_of_valid_points(smoke_joint, theta, batch):
    found = smoke_joint.evaluate_valid(theta)
    assert_array_equal(found.valid, batch.valid)
    assert_array_equal(found.blobs["reason"], batch.blobs["reason"])
    assert_allclose(found.log_likelihood, batch.log_likelihood, rtol=1e-10)
    for name in smoke_joint.blob_names:
        values, expected = found.blobs[name][batch.valid], batch.blobs[name][batch.valid]
        assert_allclose(values, expected, rtol=1e-9, err_msg=name)


def test_samplers_are_not_told_the_yields_of_points_that_are_not_valid(smoke_joint, theta, batch):
    found = smoke_joint.evaluate_valid(theta).blobs
    assert np.isnan(found["n_signal[0-lepton]"][~batch.valid]).all()
    exists = batch.blobs["reason"] != "no_spectrum"
    assert (np.isfinite(found["m_higgs"]) == exists).all()


@pytest.mark.parametrize("reason", ["no_spectrum", "m_higgs"])
def test_a_batch_without_valid_points_is_refused_point_by_point(reason, smoke_joint, theta, batch):
    refused = batch.blobs["reason"] == reason
    found = smoke_joint.evaluate_valid(theta[refused])
    assert not found.valid.any()
    assert np.isneginf(found.log_likelihood).all()
    assert set(found.blobs["reason"]) == {reason}
    assert set(found.blobs) == set(batch.blobs)
    assert not smoke_joint.is_valid(theta[refused]).any()


def test_yields_are_efficiency_times_cross_section_times_luminosity(batch):
    expected = 3000 * batch.blobs["cross_section"] * batch.blobs["efficiency[1-lepton]"]
    assert_allclose(batch.blobs["n_signal[1-lepton]"], expected)


def test_benchmark_spectrum_is_that_of_the_spectrum_program(smoke_joint):
    """SPheno 4.0.5 at the paper's benchmark: 122.2, 254.9 (LSP), 1176, 1407, 1264 GeV."""
    blobs = smoke_joint.evaluate(BENCHMARK).blobs
    truths = {"m_higgs": 122.2, "m_neutralino1": 254.9, "m_stop1": 1176, "m_stop2": 1407,
              "m_sbottom1": 1264}  # fmt: skip
    for name, truth in truths.items():
        assert abs(blobs[name][0] - truth) < 3 * blobs[f"{name}_error"][0] + 0.5, name


def test_asimov_counts_are_background_plus_signal(smoke_joint):
    blobs = smoke_joint.evaluate(BENCHMARK).blobs
    for term in smoke_joint.regions:
        expected = term.options.background + blobs[f"n_signal[{term.name}]"][0]
        assert_allclose(term.options.n_observed, expected, rtol=1e-12)


def test_pickle_is_small_and_comes_back_equal(smoke_joint, theta, batch):
    content = pickle.dumps(smoke_joint)
    assert len(content) < 10_000
    again = pickle.loads(content)
    assert again.digest() == smoke_joint.digest()
    assert_array_equal(again.evaluate(theta).log_likelihood, batch.log_likelihood)


def test_another_process_computes_the_same(smoke_joint, tmp_path):
    (tmp_path / "joint").write_bytes(pickle.dumps(smoke_joint))
    code = (
        "import pickle, sys; joint = pickle.load(open(sys.argv[1], 'rb')); "
        f"print(repr(joint.log_likelihood({BENCHMARK})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "joint")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert_allclose(float(done.stdout), smoke_joint.log_likelihood(BENCHMARK), rtol=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        {"luminosity": 300},
        {"mock": None, "observed": {"0-lepton": 33.2, "1-lepton": 68.9}},
        {"constraints": [{"kind": "higgs_mass"}]},
        {"cross_section": {"processes": ["stop1", "sbottom1"]}},
    ],
)
def test_digest_changes_with_data_and_physics(change, smoke_joint, model_cache, tmp_path):
    content = yaml.safe_load((SCANS / "smoke.yaml").read_text())
    content = {k: v for k, v in {**content, **change}.items() if v is not None}
    (tmp_path / "scan.yaml").write_text(yaml.safe_dump(content))
    assert fitplugin.load(tmp_path / "scan.yaml", model_cache).digest() != smoke_joint.digest()


def test_digest_does_not_depend_on_how_one_samples(smoke_joint, model_cache, tmp_path):
    content = yaml.safe_load((SCANS / "smoke.yaml").read_text())
    content.update(seed=99, processes=1, sampler={"kind": "dynesty", "n_live": 77})
    (tmp_path / "scan.yaml").write_text(yaml.safe_dump(content))
    assert fitplugin.load(tmp_path / "scan.yaml", model_cache).digest() == smoke_joint.digest()


@pytest.mark.parametrize("bad", [[1.0, 2.0], [[1.0, 2.0, np.nan]], [[[1.0]]]])
def test_malformed_theta_is_refused(bad, smoke_joint):
    with pytest.raises(InputError, match="theta"):
        smoke_joint.evaluate(bad)


def test_nan_at_a_valid_point_is_a_bug_and_names_theta(smoke_joint, monkeypatch):
    broken = smoke_joint.theory.observables(np.array([[254.6, 20, 2000, 1280.5, 1333.6, -2000]]))
    broken.values["n_signal[0-lepton]"][0] = np.nan
    monkeypatch.setattr(smoke_joint.theory, "observables", lambda parameters: broken)
    with pytest.raises(LikelihoodError, match=r"n_signal\[0-lepton\] is nan at .*mu=254.6, mQ3="):
        smoke_joint.evaluate(BENCHMARK)
