"""Events before the detector: jets, prompt leptons, missing momentum and where the b quarks are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fitplugin.arrays import BoolArray, FloatArray, IntArray
from fitplugin.simulation.chain.generator import NEUTRINOS, Particles

JET_RADIUS = 0.4
ACCEPTANCE = 4.9
"""Largest |eta| of what the calorimeter sees."""
SMALLEST_JET = 10.0
"""Jets below are left to the soft part of the missing momentum [GeV]."""

ELECTRON, MUON, TAU, BOTTOM = 11, 13, 15, 5
LEPTON_PT = {ELECTRON: 20.0, MUON: 10.0}
"""Smallest transverse momentum of leptons [GeV]."""
LEPTON_ETA = {ELECTRON: 2.5, MUON: 2.4}

_B_PT = 5.0
_PROMPT_PARENTS = (23, 24, 25, 35, 36, 37)
_SPARTICLES = (1_000_000, 3_000_000)


class TruthEvents(NamedTuple):
    """A batch of events, padded with zeros.

    Attributes
    ----------
    jets : (n_events, n_jets, 4) array
        px, py, pz, energy [GeV], by decreasing transverse momentum.
    has_b : (n_events, n_jets) array of bool
        Whether a b quark or hadron lies in the jet.
    leptons : (n_events, n_leptons, 3) array
        Transverse momentum [GeV], eta, phi.
    is_muon : (n_events, n_leptons) array of bool
    missing : (n_events, 2) array
        Sum of the transverse momenta of invisible particles [GeV].
    """

    jets: FloatArray
    has_b: BoolArray
    leptons: FloatArray
    is_muon: BoolArray
    missing: FloatArray


def observe(particles: Particles, lsp: int) -> TruthEvents:
    """Cluster jets (anti-kt, R = 0.4, arXiv:0802.1189) and find leptons and b quarks.

    Parameters
    ----------
    particles : Particles
    lsp : int
        PDG code of the lightest sparticle, invisible beside the neutrinos.
    """
    kind = np.abs(particles.pdg)
    pt = np.hypot(particles.px, particles.py)
    eta = np.arcsinh(particles.pz / np.maximum(pt, 1e-12))
    phi = np.arctan2(particles.py, particles.px)
    is_final = particles.status > 0
    is_invisible = is_final & np.isin(kind, (*NEUTRINOS, abs(lsp)))

    is_lepton = np.zeros(len(kind), dtype=bool)
    for flavour in (ELECTRON, MUON):
        inside = (pt > LEPTON_PT[flavour]) & (np.abs(eta) < LEPTON_ETA[flavour])
        is_lepton |= is_final & (kind == flavour) & inside
    candidates = np.flatnonzero(is_lepton)
    is_lepton[candidates] = _is_prompt(particles, kind, candidates)

    is_seen = is_final & ~is_invisible & ~is_lepton & (np.abs(eta) < ACCEPTANCE)
    jets = _clustered(particles, is_seen)
    is_b = _is_b(particles, kind) & (pt > _B_PT)
    n_events = particles.n_events
    # momenta too: they are zero where there is no b
    directions = padded(np.stack([eta, phi, pt], axis=1)[is_b], particles.event[is_b], n_events)
    return TruthEvents(
        jets,
        _has_near(jets, directions),
        padded(np.stack([pt, eta, phi], axis=1)[is_lepton], particles.event[is_lepton], n_events),
        padded((kind == MUON)[is_lepton], particles.event[is_lepton], n_events),
        np.stack(
            [
                np.bincount(particles.event[is_invisible], component[is_invisible], n_events)
                for component in (particles.px, particles.py)
            ],
            axis=1,
        ),
    )


def padded(values: np.ndarray, event: IntArray, n_events: int) -> np.ndarray:
    """Return values (n_values, ...) of ascending events as (n_events, n_most, ...), zeros after.

    >>> padded(np.array([5.0, 6.0, 7.0]), np.array([0, 2, 2]), 3)
    array([[5., 0.],
           [0., 0.],
           [6., 7.]])
    """
    n_each = np.bincount(event, minlength=n_events)
    place = np.arange(len(event)) - np.repeat(np.cumsum(n_each) - n_each, n_each)
    out = np.zeros((n_events, max(n_each.max(initial=0), 1), *values.shape[1:]), values.dtype)
    out[event, place] = values
    return out


def _is_prompt(particles: Particles, kind: IntArray, candidates: IntArray) -> BoolArray:
    """Whether leptons come from bosons, taus of bosons, or sparticles, and not from hadrons."""
    prompt = np.zeros(len(candidates), dtype=bool)
    own = kind[candidates]
    ancestor = particles.mother[candidates]
    walking = np.arange(len(candidates))
    while len(walking):
        at = kind[ancestor[walking]]
        is_source = np.isin(at, _PROMPT_PARENTS) | ((at > _SPARTICLES[0]) & (at < _SPARTICLES[1]))
        prompt[walking[is_source]] = True
        # copies of itself after radiation, and taus: their own mothers decide
        walking = walking[~is_source & ((at == own[walking]) | (at == TAU))]
        ancestor[walking] = particles.mother[ancestor[walking]]
    return prompt


def _is_b(particles: Particles, kind: IntArray) -> BoolArray:
    is_hadron = (kind > 100) & (kind < _SPARTICLES[0])
    holds_b = ((kind // 100) % 10 == BOTTOM) | ((kind // 1000) % 10 == BOTTOM)
    return np.asarray((kind == BOTTOM) | (is_hadron & holds_b))


def _clustered(particles: Particles, is_seen: BoolArray) -> FloatArray:
    import awkward
    from fastjet import ClusterSequence, JetDefinition, antikt_algorithm

    n_each = np.bincount(particles.event[is_seen], minlength=particles.n_events)
    components = {"px": particles.px, "py": particles.py, "pz": particles.pz, "E": particles.energy}
    flat = awkward.zip(
        {name: values[is_seen] for name, values in components.items()}, with_name="Momentum4D"
    )
    definition = JetDefinition(antikt_algorithm, JET_RADIUS)
    found = ClusterSequence(awkward.unflatten(flat, n_each), definition).inclusive_jets(
        SMALLEST_JET
    )
    momenta = np.stack([np.asarray(awkward.flatten(found[name])) for name in components], axis=1)
    n_jets = np.asarray(awkward.num(found.px))
    event = np.repeat(np.arange(particles.n_events), n_jets)
    order = np.lexsort([-np.hypot(momenta[:, 0], momenta[:, 1]), event])
    return padded(momenta[order], event, particles.n_events)


def _has_near(jets: FloatArray, directions: FloatArray) -> BoolArray:
    """Whether one of (n_events, n_directions, 3) eta, phi, pT lies in each jet."""
    pt = np.hypot(jets[..., 0], jets[..., 1])
    eta = np.arcsinh(jets[..., 2] / np.where(pt > 0, pt, np.inf))
    phi = np.arctan2(jets[..., 1], jets[..., 0])
    d_eta = eta[:, :, np.newaxis] - directions[:, np.newaxis, :, 0]
    d_phi = angle(phi[:, :, np.newaxis] - directions[:, np.newaxis, :, 1])
    is_there = (directions[:, np.newaxis, :, 2] > 0) & (pt > 0)[:, :, np.newaxis]
    return np.asarray((is_there & (np.hypot(d_eta, d_phi) < JET_RADIUS)).any(axis=2))


def angle(difference: FloatArray) -> FloatArray:
    """Return a difference of azimuths in [-pi, pi).

    >>> float(angle(np.array(1.5 * np.pi)))
    -1.5707963267948966
    """
    return np.asarray((difference + np.pi) % (2 * np.pi) - np.pi)
