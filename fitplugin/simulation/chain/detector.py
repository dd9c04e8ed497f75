"""A parametrised detector: what is measured of an event, several times over.

Every event is measured in several replicas, with other fluctuations each, which reduces the
variance of an efficiency: an event that passes in two of five counts as 0.4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydantic import Field

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.options import Options
from fitplugin.simulation.chain.truth import (
    ELECTRON,
    LEPTON_ETA,
    LEPTON_PT,
    MUON,
    TruthEvents,
    angle,
)


class DetectorOptions(Options):
    """Response of the detector; energies in GeV."""

    replicas: int = Field(5, ge=1, description="Measurements of each event.")
    jet_noise: float = Field(6.0, ge=0, description="N in N/pT + S/sqrt(pT) + C, in quadrature.")
    jet_sampling: float = Field(0.8, ge=0, description="S of the jet resolution.")
    jet_constant: float = Field(0.03, ge=0, description="C of the jet resolution.")
    soft_missing: float = Field(25.0, ge=0, description="Noise of missing momentum per axis.")
    b_tag: float = Field(0.70, ge=0, le=1, description="Efficiency of the b-tag.")
    mistag: float = Field(0.015, ge=0, le=1, description="Probability to tag another jet.")
    electron: float = Field(0.85, ge=0, le=1, description="Efficiency of electrons.")
    muon: float = Field(0.92, ge=0, le=1, description="Efficiency of muons.")
    lepton_resolution: float = Field(0.02, ge=0, description="Relative, of their momentum.")
    isolation_radius: float = Field(0.4, ge=0, description="Leptons closer to a jet are dropped.")
    isolation_jet: float = Field(25.0, ge=0, description="Smallest such jet.")
    jet_pt: float = Field(20.0, ge=0, description="Smallest jet.")
    jet_eta: float = Field(2.5, gt=0, description="Largest |eta| of a jet.")


class Measured(NamedTuple):
    """Measured events, padded with zeros; angles in radian, energies in GeV.

    Attributes
    ----------
    jets : (n_events, n_jets, 4) array
        px, py, pz, energy, by decreasing transverse momentum.
    pt, eta, phi : (n_events, n_jets) arrays
        Of the jets.
    is_b : (n_events, n_jets) array of bool
        Whether a jet is tagged.
    n_leptons : (n_events,) array
    lepton_pt, lepton_phi : (n_events,) arrays
        Of the hardest lepton.
    met, met_phi : (n_events,) arrays
        Missing transverse momentum.
    """

    jets: FloatArray
    pt: FloatArray
    eta: FloatArray
    phi: FloatArray
    is_b: BoolArray
    n_leptons: np.ndarray
    lepton_pt: FloatArray
    lepton_phi: FloatArray
    met: FloatArray
    met_phi: FloatArray


def measure(events: TruthEvents, options: DetectorOptions, rng: np.random.Generator) -> Measured:
    """Measure a batch: replica by replica, (replicas x n_events) events come out.

    Parameters
    ----------
    events : TruthEvents
    options : DetectorOptions
    rng : Generator
    """
    n = options.replicas
    jets, has_b, leptons, is_muon, missing = (np.concatenate([column] * n) for column in events)

    pt = np.hypot(jets[..., 0], jets[..., 1])
    response = 1.0 + _resolution(pt, options) * rng.standard_normal(pt.shape)
    response = np.maximum(response, 0.0)
    # what the jets seem to have more is missing on the other side
    missing = missing - ((response - 1.0)[..., np.newaxis] * jets[..., :2]).sum(axis=1)
    missing = missing + options.soft_missing * rng.standard_normal(missing.shape)
    jets = jets * response[..., np.newaxis]
    tagged = rng.random(pt.shape) < np.where(has_b, options.b_tag, options.mistag)

    pt = pt * response
    eta = np.arcsinh(jets[..., 2] / np.where(pt > 0, pt, np.inf))
    phi = np.arctan2(jets[..., 1], jets[..., 0])
    is_kept = (pt > options.jet_pt) & (np.abs(eta) < options.jet_eta)
    order = np.argsort(np.where(is_kept, -pt, 0.0), axis=1, kind="stable")
    order = order[:, : max(is_kept.sum(axis=1).max(initial=0), 1)]
    is_kept = np.take_along_axis(is_kept, order, axis=1)

    def kept(column: np.ndarray) -> np.ndarray:
        shape = is_kept.shape + (1,) * (column.ndim - 2)
        ordered = np.take_along_axis(column, order.reshape(order.shape + shape[2:]), axis=1)
        return np.where(is_kept.reshape(shape), ordered, 0).astype(column.dtype)

    jets, pt, eta, phi, tagged = (kept(column) for column in (jets, pt, eta, phi, tagged))
    n_leptons, lepton_pt, lepton_phi = _measure_leptons(
        leptons, is_muon, (pt, eta, phi), options, rng
    )
    return Measured(
        jets, pt, eta, phi, tagged, n_leptons, lepton_pt, lepton_phi,
        np.hypot(*missing.T), np.arctan2(missing[:, 1], missing[:, 0]),
    )  # fmt: skip


def _resolution(pt: FloatArray, options: DetectorOptions) -> FloatArray:
    """Relative resolution of jets; 0 where there is none."""
    there = np.where(pt > 0, pt, np.inf)
    terms = (options.jet_noise / there, options.jet_sampling / np.sqrt(there), options.jet_constant)
    return np.asarray(np.sqrt(sum(np.square(term) for term in terms)))


def _measure_leptons(
    leptons: FloatArray,
    is_muon: BoolArray,
    jets: tuple[FloatArray, FloatArray, FloatArray],
    options: DetectorOptions,
    rng: np.random.Generator,
) -> tuple[np.ndarray, FloatArray, FloatArray]:
    """Return the number of leptons, and transverse momentum and azimuth of the hardest."""
    pt, eta, phi = np.moveaxis(leptons, 2, 0)
    is_there = pt > 0
    is_there &= rng.random(pt.shape) < np.where(is_muon, options.muon, options.electron)
    pt = pt * (1.0 + options.lepton_resolution * rng.standard_normal(pt.shape))
    is_there &= pt > np.where(is_muon, LEPTON_PT[MUON], LEPTON_PT[ELECTRON])
    is_there &= np.abs(eta) < np.where(is_muon, LEPTON_ETA[MUON], LEPTON_ETA[ELECTRON])

    jet_pt, jet_eta, jet_phi = (column[:, np.newaxis, :] for column in jets)
    distance = np.hypot(eta[..., np.newaxis] - jet_eta, angle(phi[..., np.newaxis] - jet_phi))
    is_close = (distance < options.isolation_radius) & (jet_pt > options.isolation_jet)
    is_there &= ~is_close.any(axis=2)
    hardest = np.argmax(np.where(is_there, pt, -1.0), axis=1)[:, np.newaxis]
    return (
        is_there.sum(axis=1),
        np.take_along_axis(np.where(is_there, pt, 0.0), hardest, axis=1)[:, 0],
        np.take_along_axis(phi, hardest, axis=1)[:, 0],
    )
