"""Hand-made events: what the detector and the regions are asked about."""

from __future__ import annotations

import numpy as np

from fitplugin.simulation.chain.detector import Measured
from fitplugin.simulation.chain.truth import TruthEvents


def momentum(pt, eta, phi, mass=0.0):
    """Four-momentum px, py, pz, energy."""
    p = np.array([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])
    return np.append(p, np.sqrt(np.dot(p, p) + mass**2))


def truth(jets, has_b=(), leptons=(), is_muon=(), missing=(0.0, 0.0), n_events=1):
    """The same event, n_events times: jets as (pt, eta, phi), leptons likewise."""
    event = TruthEvents(
        np.array([momentum(*jet) for jet in jets or [(0, 0, 0)]]),
        np.array(has_b or [False] * max(len(jets), 1), dtype=bool),
        np.array(list(leptons) or [(0, 0, 0)], dtype=float),
        np.array(is_muon or [False] * max(len(leptons), 1), dtype=bool),
        np.array(missing),
    )
    return TruthEvents(*(np.repeat(column[np.newaxis], n_events, axis=0) for column in event))


def measured(jets, is_b, met, met_phi, leptons=()):
    """One measured event: jets as (pt, eta, phi) by decreasing pt, leptons as (pt, phi)."""
    pt, eta, phi = np.array(jets, dtype=float).T[:, np.newaxis]
    hardest = max(leptons, default=(0.0, 0.0))
    return Measured(
        np.array([[momentum(*jet) for jet in jets]]), pt, eta, phi, np.array([is_b]),
        np.array([len(leptons)]), np.array([hardest[0]]), np.array([hardest[1]]),
        np.array([met]), np.array([met_phi]),
    )  # fmt: skip
