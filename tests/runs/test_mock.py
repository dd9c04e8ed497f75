"""Mock counts and the factor on surrogate errors: what a scan file may change in its own data."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fitplugin.runs.loading import load_scan
from tests.conftest import SCANS

N_MOCKS = 400


@pytest.fixture(scope="module")
def theta():
    rng = np.random.default_rng(5)
    return rng.uniform([-500, 900, 900], [500, 1600, 1600], (60, 3))


def scan_with(model_cache, **changes):
    return load_scan(SCANS / "smoke.yaml", model_cache, changes=changes)


def test_poisson_mocks_scatter_as_poisson_around_the_asimov_counts(model_cache):
    from fitplugin.physics.natural_susy import BENCHMARK
    from fitplugin.runs.build import mock_counts
    from fitplugin.runs.models import ModelCache
    from fitplugin.runs.theory import build_theory

    scan = scan_with(model_cache)
    theory = build_theory(scan.config, ModelCache(model_cache, 1), SCANS)
    assert dict(scan.config.mock.point) == dict(BENCHMARK)

    def drawn(seed):
        mock = scan.config.mock.model_copy(update={"counts": "poisson", "seed": seed})
        return mock_counts(scan.config.model_copy(update={"mock": mock}), theory)

    assert drawn(3) == drawn(3)
    for name, expected in scan.n_observed.items():
        counts = np.array([drawn(seed)[name] for seed in range(N_MOCKS)])
        assert_array_equal(counts, np.round(counts))
        assert abs(counts.mean() - expected) < 4 * np.sqrt(expected / N_MOCKS)
        assert abs(counts.var() / expected - 1) < 4 * np.sqrt(2 / N_MOCKS)


def test_the_factor_scales_surrogate_errors_and_nothing_else(model_cache, theta):
    blobs = {
        factor: scan_with(model_cache, surrogate_error=factor).joint.evaluate(theta).blobs
        for factor in (0, 1, 2)
    }
    assert_allclose(blobs[2]["m_higgs_error"], 2 * blobs[1]["m_higgs_error"])
    assert_allclose(
        blobs[2]["efficiency_error[0-lepton]"], 2 * blobs[1]["efficiency_error[0-lepton]"]
    )
    for name in ("m_higgs", "cross_section", "n_signal[1-lepton]", "efficiency[0-lepton]"):
        assert_array_equal(blobs[0][name], blobs[1][name])
    # the table's own error of the cross-section stays
    assert (blobs[0]["m_higgs_error"] == 0).all()
    there = np.isfinite(blobs[1]["cross_section_error"])
    assert (blobs[0]["cross_section_error"][there] > 0).all()


def test_the_factor_is_part_of_the_digest(model_cache):
    assert (
        scan_with(model_cache, surrogate_error=2).joint.digest()
        != scan_with(model_cache).joint.digest()
    )


def test_the_same_counts_give_the_same_digest_wherever_they_come_from(model_cache):
    mock = scan_with(model_cache)
    observed = scan_with(model_cache, mock=None, observed=dict(mock.n_observed))
    assert observed.joint.digest() == mock.joint.digest()
