"""Jets, prompt leptons and b quarks of hand-made event records."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.simulation.chain.generator import Particles
from fitplugin.simulation.chain.truth import observe
from tests.simulation.chain.events import momentum

pytest.importorskip("fastjet")

LSP = 1000022
PROTON, W, TAU, B_MESON, MUON, PION, GLUON = 2212, 24, 15, 511, 13, 211, 21


def records(*events):
    """Particles as (pdg, is_final, mother within the event, pt, eta, phi), or without momentum."""
    rows = []
    for number, event in enumerate(events):
        start = len(rows)
        for pdg, is_final, mother, *where in event:
            rows.append((number, pdg, 1 if is_final else -1, start + mother, *momentum(*where)))
    event, pdg, status, mother, *components = np.array(rows).T
    whole = (column.astype(int) for column in (event, pdg, status, mother))
    return Particles(*whole, *components, len(events))


def hard(pdg, mother=0, pt=100.0, eta=0.0, phi=0.0):
    return (pdg, True, mother, pt, eta, phi)


def decayed(pdg, mother=0, pt=100.0, eta=0.0, phi=0.0):
    return (pdg, False, mother, pt, eta, phi)


def test_particles_closer_than_the_radius_are_one_jet():
    near, far = observe(
        records(
            [hard(PION), hard(PION, phi=0.39)],
            [hard(PION), hard(PION, phi=0.41)],
        ),
        LSP,
    ).jets
    assert (near[:, 3] > 0).sum() == 1
    assert (far[:, 3] > 0).sum() == 2
    # the four-momenta add
    assert_allclose(near[0], momentum(100, 0, 0) + momentum(100, 0, 0.39), rtol=1e-12)


def test_jets_come_by_decreasing_momentum_and_soft_ones_do_not():
    events = observe(
        records(
            [hard(PION, pt=9), hard(PION, pt=30, phi=1), hard(PION, pt=50, phi=2)], [hard(PION)]
        ),
        LSP,
    )
    assert_allclose(np.hypot(*events.jets[0, :, :2].T), [50, 30])
    assert_allclose(np.hypot(*events.jets[1, :, :2].T), [100, 0], atol=1e-12)


def test_invisible_particles_are_missing_and_no_jets():
    events = observe(
        records([hard(12), hard(-14, phi=1), hard(LSP, phi=2), hard(PION, phi=4)]), LSP
    )
    expected = sum(momentum(100, 0, phi)[:2] for phi in (0, 1, 2))
    assert_allclose(events.missing[0], expected)
    assert events.jets.shape[1] == 1


@pytest.mark.parametrize(
    ("ancestors", "is_prompt"),
    [
        ([W], True),
        ([1000024], True),
        ([25], True),
        ([W, MUON], True),  # a copy of itself after radiation
        ([W, TAU], True),
        ([W, TAU, TAU], True),
        ([B_MESON], False),
        ([W, TAU, B_MESON], False),
        ([B_MESON, TAU], False),
        ([GLUON], False),
    ],
)
def test_lepton_is_prompt_if_no_hadron_is_between(ancestors, is_prompt):
    chain = [decayed(PROTON)]
    chain += [decayed(pdg, mother=i) for i, pdg in enumerate(ancestors)]
    events = observe(records([*chain, hard(-MUON, mother=len(ancestors))]), LSP)
    assert (events.leptons[0, 0, 0] > 0) == is_prompt
    # what is no lepton is in a jet
    assert (events.jets[0, 0, 3] > 0) == (not is_prompt)


@pytest.mark.parametrize(
    ("pdg", "pt", "eta", "is_there"),
    [(11, 19, 0, False), (11, 21, 0, True), (11, 21, 2.6, False),
     (13, 9, 0, False), (13, 11, 0, True), (13, 11, 2.45, False)],
)  # fmt: skip
def test_leptons_are_seen_above_their_thresholds(pdg, pt, eta, is_there):
    events = observe(records([decayed(W), hard(pdg, pt=pt, eta=eta)]), LSP)
    assert bool(events.leptons[0, 0, 0] > 0) == is_there
    assert bool(events.is_muon[0, 0]) == (is_there and pdg == 13)


@pytest.mark.parametrize(
    ("pdg", "pt", "phi", "has_b"),
    [(5, 6, 0.39, True), (-5, 4, 0.0, False), (5, 6, 0.41, False),
     (511, 6, 0.0, True), (5122, 6, 0.0, True), (411, 6, 0.0, False), (1000005, 60, 0.0, False)],
)  # fmt: skip
def test_jet_has_a_b_if_a_quark_or_hadron_is_close(pdg, pt, phi, has_b):
    events = observe(records([decayed(pdg, pt=pt, phi=phi), hard(PION)]), LSP)
    assert bool(events.has_b[0, 0]) == has_b


def test_events_do_not_mix():
    first, second = [hard(PION), decayed(5)], [decayed(W), hard(13), hard(12, phi=2)]
    both, alone = observe(records(first, second), LSP), observe(records(second), LSP)
    assert_allclose(both.missing[1], alone.missing[0])
    assert_allclose(both.leptons[1], alone.leptons[0])
    assert not both.leptons[0].any()
    assert both.has_b[0, 0]
    assert not both.jets[1].any()


def test_particles_outside_the_calorimeter_are_not_seen():
    events = observe(records([hard(PION, eta=4.8)], [hard(PION, eta=5.0)]), LSP)
    assert events.jets[0].any()
    assert not events.jets[1].any()
