"""The signal regions of ATL-PHYS-PUB-2013-011: stop pairs at 14 TeV with no or one lepton."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.simulation.chain.detector import Measured
from fitplugin.simulation.chain.truth import angle


class Thresholds(NamedTuple):
    """Smallest missing momentum and transverse mass of a region [GeV]."""

    met: float
    transverse_mass: float


NO_LEPTON: Mapping[str, Thresholds] = MappingProxyType(
    {
        "0l_stop500": Thresholds(400, 250),
        "0l_stop600": Thresholds(500, 250),
        "0l_stop700": Thresholds(550, 250),
        "0l_stop800": Thresholds(650, 250),
        "0l_stop900": Thresholds(700, 250),
        "0l_stop1100": Thresholds(800, 400),
        "0l_stop1200": Thresholds(900, 450),
    }
)
ONE_LEPTON: Mapping[str, Thresholds] = MappingProxyType(
    {
        "1l_stop500": Thresholds(400, 250),
        "1l_stop600": Thresholds(450, 300),
        "1l_stop700": Thresholds(500, 350),
        "1l_stop800": Thresholds(550, 350),
        "1l_stop900": Thresholds(600, 400),
        "1l_stop1000": Thresholds(700, 500),
        "1l_stop1100": Thresholds(750, 550),
        "1l_stop1200": Thresholds(800, 550),
    }
)
REGIONS = (*NO_LEPTON, *ONE_LEPTON)

_LOWEST_MET = min(cut.met for cut in (*NO_LEPTON.values(), *ONE_LEPTON.values()))
# heavier jets of one event: combinations of three grow with the cube of their number
_MOST_JETS = 12


def select(events: Measured) -> dict[str, BoolArray]:
    """Say which of (n_events,) measured events pass each region of `REGIONS`."""
    passed = {}
    for regions, selection in ((NO_LEPTON, _no_lepton), (ONE_LEPTON, _one_lepton)):
        rows, mass = selection(events)
        for name, cut in regions.items():
            found = np.zeros(len(events.met), dtype=bool)
            found[rows] = (events.met[rows] > cut.met) & (mass > cut.transverse_mass)
            passed[name] = found
    return passed


def _no_lepton(events: Measured) -> tuple[np.ndarray, FloatArray]:
    """Rows that pass all but the thresholds, and mT of the b nearest to the missing momentum."""
    separation = np.abs(angle(events.phi - events.met_phi[:, np.newaxis]))
    is_hard = events.pt > 35
    ok = (events.n_leptons == 0) & (events.met > _LOWEST_MET)
    ok &= (is_hard.sum(axis=1) >= 6) & (_nth_pt(events, 2) > 80)
    ok &= (separation[:, :3] > 0.2 * np.pi).all(axis=1)
    is_b = events.is_b & is_hard
    ok &= is_b.sum(axis=1) >= 2
    rows = np.flatnonzero(ok)
    rows = rows[[_has_two_tops(events, int(row)) for row in rows]] if len(rows) else rows
    nearest = np.argmin(np.where(is_b[rows], separation[rows], np.inf), axis=1)[:, np.newaxis]
    pt = np.take_along_axis(events.pt[rows], nearest, axis=1)[:, 0]
    delta = np.take_along_axis(separation[rows], nearest, axis=1)[:, 0]
    return rows, transverse_mass(pt, events.met[rows], delta)


def _one_lepton(events: Measured) -> tuple[np.ndarray, FloatArray]:
    """Rows that pass all but the thresholds, and mT of the lepton."""
    ok = (events.n_leptons == 1) & (events.met > _LOWEST_MET)
    for n, threshold in enumerate((80, 60, 40, 25), start=1):
        ok &= _nth_pt(events, n) > threshold
    is_jet = events.pt > 25
    ok &= (events.is_b & is_jet).any(axis=1)
    ok &= np.abs(angle(events.phi[:, 0] - events.met_phi)) > 0.8
    with np.errstate(divide="ignore", invalid="ignore"):
        ok &= events.met / np.sqrt(events.pt[:, :4].sum(axis=1)) > 15
    rows = np.flatnonzero(ok)
    rows = rows[[_has_hadronic_top(events, int(row)) for row in rows]] if len(rows) else rows
    delta = angle(events.lepton_phi[rows] - events.met_phi[rows])
    return rows, transverse_mass(events.lepton_pt[rows], events.met[rows], delta)


def transverse_mass(pt: FloatArray, met: FloatArray, delta_phi: FloatArray) -> FloatArray:
    """Return sqrt(2 pT MET (1 - cos(delta phi))) [GeV]."""
    return np.asarray(np.sqrt(2.0 * pt * met * (1.0 - np.cos(delta_phi))))


def _nth_pt(events: Measured, n: int) -> FloatArray:
    """Transverse momentum of the n-th jet, counted from 1; 0 where there are fewer."""
    if events.pt.shape[1] < n:
        return np.zeros(len(events.pt))
    return np.asarray(events.pt[:, n - 1])


def _has_two_tops(events: Measured, row: int) -> bool:
    """Whether the closest three jets, and the closest three of the rest, have masses 80-270."""
    jets = np.flatnonzero(events.pt[row] > 35)[:_MOST_JETS]
    for _ in range(2):
        if len(jets) < 3:
            return False
        triples = np.array(list(combinations(jets, 3)))
        spread = _largest_distance(events.eta[row], events.phi[row], triples)
        best = triples[np.argmin(spread)]
        if not 80 < invariant_mass(events.jets[row, best].sum(axis=0)) < 270:
            return False
        jets = np.setdiff1d(jets, best)
    return True


def _has_hadronic_top(events: Measured, row: int) -> bool:
    """Whether a tagged and two other jets have a mass of 130-205."""
    is_jet = events.pt[row] > 25
    tagged = np.flatnonzero(is_jet & events.is_b[row])
    others = np.flatnonzero(is_jet & ~events.is_b[row])[:_MOST_JETS]
    pairs = np.array(list(combinations(others, 2)), dtype=int).reshape(-1, 2)
    momenta = events.jets[row]
    sums = momenta[tagged][:, np.newaxis] + momenta[pairs].sum(axis=1)[np.newaxis]
    mass = invariant_mass(sums)
    return bool(((mass > 130) & (mass < 205)).any())


def _largest_distance(eta: FloatArray, phi: FloatArray, triples: np.ndarray) -> FloatArray:
    sides = []
    for i, j in ((0, 1), (0, 2), (1, 2)):
        a, b = triples[:, i], triples[:, j]
        sides.append(np.hypot(eta[a] - eta[b], angle(phi[a] - phi[b])))
    return np.asarray(np.max(sides, axis=0))


def invariant_mass(momentum: FloatArray) -> FloatArray:
    """Return the mass of (..., 4) momenta px, py, pz, energy [GeV]."""
    squared = momentum[..., 3] ** 2 - np.square(momentum[..., :3]).sum(axis=-1)
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))
