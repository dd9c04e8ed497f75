"""Features of decay chains, on spectra whose answers are known, and against drawn chains."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.errors import InputError
from fitplugin.physics import features as module
from fitplugin.physics.features import KINDS, NAMES, features, largest_energy
from fitplugin.physics.particles import Channel
from fitplugin.physics.slha import SlhaPoint, read_slha
from tests.simulation.slha import BENCHMARK

STOP, SBOTTOM, LSP, CHARGINO = 1000006, 1000005, 1000022, 1000024


def spectrum(decays, **masses):
    """A stop of 1000 GeV, an LSP of 200 GeV, and what else is named."""
    mass_of = {STOP: 1000.0, LSP: 200.0, CHARGINO: 300.0, 5: 5.0} | {
        int(code.lstrip("m")): mass for code, mass in masses.items()
    }
    channels = {
        code: tuple(Channel(fraction, products) for fraction, products in found)
        for code, found in decays.items()
    }
    return SlhaPoint("p1", {}, {}, mass_of, channels, {}, LSP)


def by_name(point, **options):
    found = features(point, {"stop1": 1.0}, **options)
    return dict(zip(NAMES, found.tolist(), strict=True))


def test_there_are_56_of_them():
    assert len(NAMES) == len(set(NAMES)) == 56


def test_one_decay_has_its_own_numbers_and_no_spread():
    found = by_name(spectrum({STOP: [(1.0, (LSP, 5))]}))
    assert found["n_b_jet_mean"] == found["n_missing_mean"] == 2.0
    # (M^2 - m^2 + m_b^2) / 2M with nothing else
    assert_allclose(found["energy_b_jet_mean"], (1000**2 - 200**2 + 25) / 2000)
    assert_allclose(found["energy_missing_mean"], (1000**2 + 200**2 - 25) / 2000)
    assert all(value == 0 for name, value in found.items() if name.endswith("std"))
    assert found["n_jet_mean"] == found["energy_top_mean"] == 0


def test_exclusive_decays_of_two_squarks_follow_the_binomial_law():
    share = 0.3
    point = spectrum({STOP: [(share, (LSP, 5)), (1 - share, (LSP, 2))]})
    found = by_name(point)
    assert_allclose(found["n_b_jet_mean"], 2 * share)
    assert_allclose(found["n_b_jet_std"], math.sqrt(2 * share * (1 - share)))
    # the hardest is there unless both decay otherwise
    energy = (1000**2 - 200**2 + 25) / 2000
    there = 1 - (1 - share) ** 2
    assert_allclose(found["energy_b_jet_mean"], there * energy)
    assert_allclose(found["energy_b_jet_std"], energy * math.sqrt(there * (1 - there)))


def test_a_pion_of_a_nearly_degenerate_chargino_is_a_soft_jet():
    point = spectrum({STOP: [(1.0, (CHARGINO, 5))], CHARGINO: [(1.0, (LSP, 211))]}, m1000024=200.5)
    found = by_name(point)
    assert found["n_jet_mean"] == found["n_missing_mean"] == 2.0
    chargino = (1000**2 + 200.5**2 - 25) / 2000
    pion = (200.5**2 - 200**2 + 0.1396**2) / (2 * 200.5)
    assert_allclose(found["energy_jet_mean"], chargino / 200.5 * pion, rtol=1e-6)


def test_cascade_is_boosted_by_the_energy_of_its_mother():
    point = spectrum({STOP: [(1.0, (CHARGINO, 5))], CHARGINO: [(1.0, (LSP, -11, 12))]})
    found = by_name(point)
    chargino = (1000**2 + 300**2 - 25) / 2000
    lepton = chargino / 300 * (300**2 - 200**2) / 600
    assert_allclose(found["energy_positron_mean"], lepton)
    # and of the antisquark the charge conjugate
    assert_allclose(found["energy_electron_mean"], lepton)
    assert (found["n_electron_mean"], found["n_positron_mean"]) == (1.0, 1.0)
    assert found["n_missing_mean"] == 4.0


def test_resonances_count_besides_what_they_decay_to():
    found = by_name(spectrum({STOP: [(1.0, (LSP, 6))]}, m6=170.0, m24=80.0))
    assert found["n_top_mean"] == found["n_antitop_mean"] == 1.0
    assert found["n_W_plus_mean"] == found["n_W_minus_mean"] == 1.0
    assert found["n_b_jet_mean"] == 2.0
    assert_allclose(found["n_jet_mean"], 2 * 2 * 0.674, rtol=1e-3)
    assert_allclose(found["n_positron_mean"], 0.1086, rtol=1e-3)


def test_rare_decays_are_left_out_and_the_others_make_up_the_whole():
    decays = [(0.008, (LSP, 2)), (0.992, (LSP, 5))]
    assert by_name(spectrum({STOP: decays}))["n_b_jet_mean"] == 2.0
    assert by_name(spectrum({STOP: decays}), rarest=0.001)["n_b_jet_mean"] < 2.0


def test_processes_are_weighed_by_cross_section():
    point = spectrum({STOP: [(1.0, (LSP, 2))], SBOTTOM: [(1.0, (LSP, 5))]}, m1000005=800.0)
    both = features(point, {"stop1": 3.0, "sbottom1": 1.0})
    stop, sbottom = (features(point, {name: 1.0}) for name in ("stop1", "sbottom1"))
    assert_allclose(both, 0.75 * stop + 0.25 * sbottom)


def test_charges_are_alike_for_pairs():
    found = by_name(read_slha(BENCHMARK, "benchmark"))
    for one, other in (("electron", "positron"), ("W_plus", "W_minus"), ("top", "antitop"),
                       ("tau", "antitau"), ("muon", "antimuon")):  # fmt: skip
        for quantity in ("n", "energy"):
            for moment in ("mean", "std"):
                name = f"{quantity}_{{}}_{moment}"
                assert_allclose(found[name.format(one)], found[name.format(other)], rtol=1e-9)


def draw(point, code, energy, rng, hardest, counts):
    """Follow one chain at random, by the same rules written another way."""
    if abs(code) == 22:
        return
    kind = module._kind(code, point.lsp)
    channels = module._channels(point, code, 0.01)
    if kind is not None:
        index = KINDS.index(kind)
        counts[index] += 1
        hardest[index] = max(hardest[index], energy)
    if not channels:
        return
    shares = np.array([channel.fraction for channel in channels])
    chosen = channels[rng.choice(len(channels), p=shares / shares.sum())].products
    mother = module._mass(point, code)
    masses = [module._mass(point, daughter) for daughter in chosen]
    for daughter, mass in zip(chosen, masses, strict=True):
        rest = largest_energy(mother, mass, sum(masses) - mass)
        draw(point, daughter, max(energy / mother, 1) * rest, rng, hardest, counts)


def test_moments_are_those_of_chains_drawn_at_random():
    point = read_slha(BENCHMARK, "benchmark")
    rng = np.random.default_rng(6)
    n = 1500
    counts, hardest = np.zeros((n, len(KINDS))), np.zeros((n, len(KINDS)))
    for event in range(n):
        for code in (STOP, -STOP):
            draw(point, code, point.mass_of[STOP], rng, hardest[event], counts[event])
    found = features(point, {"stop1": 1.0}).reshape(len(KINDS), 2, 2)
    for column, (mean, std) in ((counts, found[:, 0].T), (hardest, found[:, 1].T)):
        error = np.maximum(std, 1e-9) / np.sqrt(n)
        assert (np.abs(column.mean(axis=0) - mean) < 5 * error + 1e-9).all()
        # the variance of a variance, by the fourth moment of what was drawn
        centred = np.square(column - column.mean(axis=0))
        spread = centred.std(axis=0) / np.sqrt(n)
        assert (np.abs(centred.mean(axis=0) - std**2) < 5 * spread + 1e-9).all()


@pytest.mark.parametrize(
    ("decays", "words"),
    [
        ({}, "DECAY 1000006: it has no decays and is no final state"),
        ({STOP: [(1.0, (LSP, 9900041))]}, "MASS 9900041: it appears in a decay"),
        ({STOP: [(1.0, (CHARGINO, 5))], CHARGINO: [(1.0, (CHARGINO, 22))]}, "has no end"),
    ],
)
def test_chains_that_lead_nowhere_are_refused_by_particle(decays, words):
    with pytest.raises(InputError, match=f"p1: .*{words}"):
        by_name(spectrum(decays))


def test_cross_sections_must_weigh_something():
    point = spectrum({STOP: [(1.0, (LSP, 5))]})
    for bad in ({}, {"stop1": 0.0}, {"stop1": -1.0}, {"stop1": math.nan}):
        with pytest.raises(InputError, match="needs cross-sections"):
            features(point, bad)


def test_features_do_not_depend_on_what_is_never_produced():
    point = read_slha(BENCHMARK, "benchmark")
    others = {code: decay for code, decay in point.decays.items() if code != 1000021}
    assert_allclose(features(replace(point, decays=others), {"stop1": 1.0}),
                    features(point, {"stop1": 1.0}))  # fmt: skip
