"""Each cut of the signal regions, on events at either side of it."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.simulation.chain import regions
from fitplugin.simulation.chain.regions import (
    NO_LEPTON,
    ONE_LEPTON,
    REGIONS,
    invariant_mass,
    select,
    transverse_mass,
)
from tests.simulation.chain.events import measured, momentum

# two tight triples of jets, opposite in azimuth, and missing momentum at right angles to both
TOPS = [
    (130, 0.0, 0.0), (120, 0.5, 0.3), (110, -0.3, -0.4),
    (100, 0.0, 3.1), (90, 0.5, 2.8), (70, -0.3, 3.5),
]  # fmt: skip
TWO_B = [True, False, False, True, False, False]
LEPTONIC = [(130, 0.0, 0.0), (90, 0.7, 0.5), (80, -0.5, -0.6), (60, 1.0, 3.0)]


def passed(event):
    return {region for region, rows in select(event).items() if rows[0]}


def no_lepton(jets=TOPS, is_b=TWO_B, met=1000.0, met_phi=-np.pi / 2, leptons=()):
    return passed(measured(jets, is_b, met, met_phi, leptons))


def one_lepton(jets=LEPTONIC, is_b=(True, False, False, False), met=1000.0, met_phi=-1.5,
               leptons=((300.0, 1.6),)):  # fmt: skip
    return passed(measured(jets, list(is_b), met, met_phi, leptons))


def replaced(jets, index, **changes):
    pt, eta, phi = jets[index]
    new = (changes.get("pt", pt), changes.get("eta", eta), changes.get("phi", phi))
    return [*jets[:index], new, *jets[index + 1 :]]


def test_hand_made_events_pass_the_regions_of_their_lepton_count():
    # mT of the b: about 500 GeV
    assert set(NO_LEPTON) == no_lepton()
    assert set(ONE_LEPTON) == one_lepton()


def test_all_fifteen_regions_are_there_with_the_table_of_the_note():
    assert (len(NO_LEPTON), len(ONE_LEPTON)) == (7, 8)
    assert NO_LEPTON["0l_stop1100"] == (800, 400)
    assert ONE_LEPTON["1l_stop1100"] == (750, 550)
    assert set(REGIONS) == {*NO_LEPTON, *ONE_LEPTON}


@pytest.mark.parametrize("region", NO_LEPTON)
def test_missing_momentum_has_its_threshold_in_no_lepton_regions(region):
    met = NO_LEPTON[region].met
    # jets three times as hard and three times as close have triples of the same mass
    jets = [
        (3 * pt, eta / 3, centre + (phi - centre) / 3)
        for (pt, eta, phi), centre in zip(TOPS, (0, 0, 0, 3.1, 3.1, 3.1), strict=True)
    ]
    assert region in no_lepton(jets, met=met + 1)
    assert region not in no_lepton(jets, met=met - 1)


@pytest.mark.parametrize("region", ONE_LEPTON)
def test_missing_momentum_has_its_threshold_in_one_lepton_regions(region):
    met = ONE_LEPTON[region].met
    assert region in one_lepton(met=met + 1)
    assert region not in one_lepton(met=met - 1)


@pytest.mark.parametrize("region", ONE_LEPTON)
def test_transverse_mass_has_its_threshold(region):
    mass = ONE_LEPTON[region].transverse_mass
    # back to back: mT = 2 sqrt(pT MET)
    pt = mass**2 / 4 / 1000
    assert region in one_lepton(leptons=[(pt * 1.01, -1.5 + np.pi)])
    assert region not in one_lepton(leptons=[(pt * 0.99, -1.5 + np.pi)])


@pytest.mark.parametrize(
    "broken",
    [
        {"leptons": [(30, 0.0)]},
        {"jets": TOPS[:5], "is_b": TWO_B[:5]},
        {"jets": replaced(TOPS, 5, pt=34)},
        {"is_b": [True] + [False] * 5},
        {"met_phi": 0.5},  # along the leading jet
        {"jets": [(79 - i, eta, phi) for i, (_, eta, phi) in enumerate(TOPS)]},
        {"jets": replaced(TOPS, 5, eta=2.4)},  # the second triple is too heavy
    ],
    ids=["a lepton", "five jets", "a soft jet", "one b", "along a jet", "soft second", "mass"],
)
def test_no_lepton_event_fails_each_cut(broken):
    assert not no_lepton(**broken)


@pytest.mark.parametrize(
    "broken",
    [
        {"leptons": []},
        {"leptons": [(300, 1.6), (30, 2.0)]},
        {"jets": LEPTONIC[:3], "is_b": (True, False, False)},
        {"jets": replaced(LEPTONIC, 3, pt=24)},
        {"is_b": (False,) * 4},
        {"met_phi": 0.7},
        {"jets": [(79 - i, eta, phi) for i, (_, eta, phi) in enumerate(LEPTONIC)]},
        {"jets": [(60 * pt, eta, phi) for pt, eta, phi in LEPTONIC]},  # MET / sqrt(HT) and mass
        {"is_b": (True, True, True, False)},  # no pair of jets without a tag
    ],
    ids=["none", "two", "three jets", "soft fourth", "no b", "along the jet", "soft first",
         "significance", "all b"],
)  # fmt: skip
def test_one_lepton_event_fails_each_cut(broken):
    assert not one_lepton(**broken)


def test_no_event_is_in_regions_of_both_kinds():
    assert not no_lepton() & set(ONE_LEPTON)
    assert not one_lepton() & set(NO_LEPTON)


def test_transverse_mass_of_known_decays():
    # a W at rest decaying across the beam: its mass; collinear: nothing
    assert_allclose(transverse_mass(np.array(40.2), np.array(40.2), np.array(np.pi)), 80.4)
    assert_allclose(transverse_mass(np.array(40.2), np.array(40.2), np.array(0.0)), 0.0)


def test_invariant_mass_does_not_depend_on_the_frame():
    top = np.array([0.0, 0.0, 0.0, 173.1])
    gamma, beta = 2.0, np.sqrt(3) / 2
    boosted = np.array([gamma * beta * 173.1, 0.0, 0.0, gamma * 173.1])
    assert_allclose(invariant_mass(np.stack([top, boosted])), 173.1)
    assert_allclose(invariant_mass(momentum(50, 1, 2, 4.2)), 4.2)


def test_closest_triple_is_the_one_of_smallest_largest_distance():
    rng = np.random.default_rng(4)
    for _ in range(20):
        eta, phi = rng.uniform(-2.5, 2.5, 8), rng.uniform(-np.pi, np.pi, 8)
        triples = np.array(list(combinations(range(8), 3)))

        def distance(a, b, eta=eta, phi=phi):
            turn = abs(phi[a] - phi[b])
            return np.hypot(eta[a] - eta[b], min(turn, 2 * np.pi - turn))

        slow = [max(distance(a, b), distance(a, c), distance(b, c)) for a, b, c in triples]
        assert_allclose(regions._largest_distance(eta, phi, triples), slow)


def test_batch_and_single_events_are_selected_alike():
    from fitplugin.simulation.chain.detector import DetectorOptions, measure
    from tests.simulation.chain.events import truth

    event = truth(TOPS, TWO_B, missing=(0, -900), n_events=200)
    seen = measure(event, DetectorOptions(replicas=1), np.random.default_rng(1))
    together = select(seen)
    for row in range(0, 200, 7):
        alone = select(type(seen)(*(column[row : row + 1] for column in seen)))
        assert all(alone[name][0] == together[name][row] for name in REGIONS)
    assert 0 < together["0l_stop500"].sum() < 200
