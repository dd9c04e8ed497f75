"""The detector's response, against its own formulas with tolerances from counting."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binom, chi2, kstest

from fitplugin.simulation.chain.detector import DetectorOptions, measure
from tests.simulation.chain.events import truth

N = 20_000
PERFECT = DetectorOptions(
    replicas=1, jet_noise=0, jet_sampling=0, jet_constant=0, soft_missing=0, b_tag=1, mistag=0,
    electron=1, muon=1, lepton_resolution=0,
)  # fmt: skip


def options(**changed):
    return PERFECT.model_copy(update=changed)


def rng():
    return np.random.default_rng(8)


def is_binomial(n_found, probability, n):
    """Whether a count is within five standard deviations of its expectation."""
    return abs(n_found - n * probability) < 5 * binom(n, probability).std()


def test_perfect_detector_measures_the_truth():
    event = truth(
        [(300, 0.5, 1), (100, -1, 3)], [True, False], [(50, 0, -2)], [True], missing=(30, 40)
    )
    seen = measure(event, PERFECT, rng())
    assert_allclose(seen.pt[0], [300, 100])
    assert_allclose(seen.eta[0], [0.5, -1])
    assert_allclose(seen.phi[0], [1, 3])
    assert list(seen.is_b[0]) == [True, False]
    assert seen.n_leptons[0] == 1
    assert_allclose([seen.lepton_pt[0], seen.lepton_phi[0]], [50, -2])
    assert_allclose([seen.met[0], seen.met_phi[0]], [50, np.arctan2(40, 30)])


def test_jet_resolution_is_noise_sampling_and_constant_in_quadrature():
    pt = 200.0
    event = truth([(pt, 0, 0)], n_events=N)
    seen = measure(event, options(jet_noise=6, jet_sampling=0.8, jet_constant=0.03), rng())
    sigma = pt * np.sqrt((6 / pt) ** 2 + 0.8**2 / pt + 0.03**2)
    assert kstest(seen.pt[:, 0], "norm", (pt, sigma)).pvalue > 1e-4
    spread = np.square((seen.pt[:, 0] - pt) / sigma).sum()
    assert 1e-4 < chi2(N).cdf(spread) < 1 - 1e-4


def test_a_jet_measured_too_hard_is_missing_on_the_other_side():
    event = truth([(200, 0, 0.3), (50, 1, 2)], missing=(120, -5), n_events=100)
    seen = measure(event, options(jet_noise=6, jet_sampling=0.8), rng())
    missing = seen.met[:, None] * np.stack([np.cos(seen.met_phi), np.sin(seen.met_phi)], axis=1)
    total = missing + seen.jets[:, :, :2].sum(axis=1)
    expected = event.missing[0] + event.jets[0, :, :2].sum(axis=0)
    kept = (seen.pt > 0).sum(axis=1) == 2  # a jet below threshold is not in the sum
    assert kept.sum() > 50
    assert_allclose(total[kept], np.broadcast_to(expected, total[kept].shape), rtol=1e-9)


def test_soft_part_is_a_gaussian_on_each_axis():
    seen = measure(truth([(100, 0, 0)], n_events=N), options(soft_missing=25.0), rng())
    # the modulus of two Gaussians follows a Rayleigh distribution
    assert kstest(seen.met, "rayleigh", (0, 25.0)).pvalue > 1e-4


def test_tags_and_mistags_have_their_rates():
    event = truth([(100, 0, 0), (90, 0, 2)], [True, False], n_events=N)
    seen = measure(event, options(b_tag=0.7, mistag=0.015), rng())
    assert is_binomial(seen.is_b[:, 0].sum(), 0.7, N)
    assert is_binomial(seen.is_b[:, 1].sum(), 0.015, N)


@pytest.mark.parametrize(("is_muon", "efficiency"), [(False, 0.85), (True, 0.92)])
def test_leptons_have_their_efficiencies(is_muon, efficiency):
    event = truth([(100, 0, 0)], leptons=[(50, 0, 2)], is_muon=[is_muon], n_events=N)
    seen = measure(event, options(electron=0.85, muon=0.92), rng())
    assert is_binomial(seen.n_leptons.sum(), efficiency, N)


@pytest.mark.parametrize(
    ("jet_pt", "distance", "is_there"),
    [(26, 0.39, False), (24, 0.39, True), (26, 0.41, True)],
)
def test_leptons_close_to_a_jet_are_dropped(jet_pt, distance, is_there):
    event = truth([(jet_pt, 0, 0)], leptons=[(50, 0, distance)], is_muon=[True])
    assert measure(event, PERFECT, rng()).n_leptons[0] == is_there


def test_hardest_lepton_is_the_one_that_is_there():
    event = truth([(100, 0, 0)], leptons=[(90, 0, 0.1), (50, 0, 2), (30, 0, -2)])
    seen = measure(event, PERFECT, rng())
    assert seen.n_leptons[0] == 2
    assert_allclose([seen.lepton_pt[0], seen.lepton_phi[0]], [50, 2])


def test_jets_are_kept_in_acceptance_and_by_momentum():
    event = truth([(300, 2.6, 0), (100, 0, 1), (60, -2.4, 2), (19, 0, 3)])
    seen = measure(event, PERFECT, rng())
    assert_allclose(seen.pt[0], [100, 60])
    wide = truth([(100, 0, 1), (99, 0, 2)], [True, False], n_events=1000)
    smeared = measure(wide, options(jet_noise=20), rng())
    assert (np.diff(smeared.pt, axis=1) <= 0).all()
    # tags follow their jets
    assert ((smeared.is_b) == (np.abs(smeared.phi - 1) < 0.1)).all()


def test_replicas_are_independent_measurements_of_the_same_events():
    event = truth([(200, 0, 0)], n_events=3)
    seen = measure(event, options(replicas=5, jet_sampling=0.8), rng())
    assert len(seen.met) == 15
    assert len(np.unique(seen.pt)) == 15


def test_events_without_jets_or_leptons_are_measured():
    seen = measure(truth([]), DetectorOptions(), rng())
    assert seen.n_leptons.sum() == 0
    assert not seen.pt.any()
