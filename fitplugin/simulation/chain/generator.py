"""Pythia 8: events of one production process of one SLHA file, in batches of plain arrays.

The settings stand here and nowhere else.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray, IntArray
from fitplugin.simulation.base import SimulationError

CENTRE_OF_MASS_ENERGY = 14_000.0
"""[GeV]."""

COMMON_SETTINGS = (
    f"Beams:eCM = {CENTRE_OF_MASS_ENERGY:g}",
    "PartonLevel:MPI = off",
    "HadronLevel:Hadronize = on",
    "TimeShower:pTmin = 2",
    "SpaceShower:pTmin = 3",
    "TimeShower:QEDshowerByQ = off",
    "TimeShower:QEDshowerByL = off",
    "SpaceShower:QEDshowerByQ = off",
    "SpaceShower:QEDshowerByL = off",
    "Check:abortIfVeto = on",
)

# but not Print:quiet, which would keep the reasons of failures back too
_SILENCE = (
    "SLHA:verbose = 0",
    "Init:showProcesses = off",
    "Init:showChangedSettings = off",
    "Init:showChangedParticleData = off",
    "Init:showMultipartonInteractions = off",
    "Next:numberCount = 0",
    "Next:numberShowInfo = 0",
    "Next:numberShowProcess = 0",
    "Next:numberShowEvent = 0",
)

_SQUARKS = ("SUSY:gg2squarkantisquark = on", "SUSY:qqbar2squarkantisquark = on")
PRODUCTION: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "stop1": (*_SQUARKS, "SUSY:idA = 1000006", "SUSY:idB = 1000006"),
        "stop2": (*_SQUARKS, "SUSY:idA = 2000006", "SUSY:idB = 2000006"),
        "sbottom1": (*_SQUARKS, "SUSY:idA = 1000005", "SUSY:idB = 1000005"),
        "gluino": ("SUSY:gg2gluinogluino = on", "SUSY:qqbar2gluinogluino = on"),
    }
)
"""Settings that switch on one production process."""

NEUTRINOS = (12, 14, 16)

# Tried events per call into Pythia: large enough to make the way there cheap, small enough for
# memory (some 60 kB for an event that is simulated in full) and for the ends of the campaign.
_FIRST_BATCH = 100
_LARGEST_BATCH = 2000
_SURVIVORS_PER_BATCH = 250


class Particles(NamedTuple):
    """Event records of a batch, one after the other: (n_particles,) arrays.

    Attributes
    ----------
    event : array of int
        Index of the event of each particle.
    pdg, status : arrays of int
        PDG code; status of Pythia, positive for final particles.
    mother : array of int
        Index of its first mother in these arrays.
    px, py, pz, energy : arrays
        [GeV].
    n_events : int
    """

    event: IntArray
    pdg: IntArray
    status: IntArray
    mother: IntArray
    px: FloatArray
    py: FloatArray
    pz: FloatArray
    energy: FloatArray
    n_events: int


class EventBatch(NamedTuple):
    """Events simulated in full, and how many had to be tried for them."""

    n_generated: int
    particles: Particles


def generate(
    slha: str, process: str, seed: int, events: int, max_generated: int, met_veto: float, lsp: int
) -> Iterator[EventBatch]:
    """Generate until so many events are simulated in full, or so many have been tried.

    Parameters
    ----------
    slha : str
        Text of the SLHA file.
    process : str
        A key of `PRODUCTION`.
    seed : int
        From 1 to 900 000 000.
    events : int
        Events to simulate in full; the last batch may exceed it.
    max_generated : int
        Events to try at most.
    met_veto : float
        Events whose invisible particles have less transverse momentum than that, at the level
        of the hard process and its decays, are counted and not simulated further [GeV].
    lsp : int
        PDG code of the lightest sparticle, invisible beside the neutrinos.

    Raises
    ------
    SimulationError
        If Pythia does not initialise, or gives up on event after event.
    """
    veto = _veto(met_veto, lsp)  # Pythia does not keep it alive: this name does
    pythia = _initialised(slha, process, seed, veto)
    generated = simulated = 0
    while simulated < events and generated < max_generated:
        n_tries = _next_batch(events - simulated, simulated, generated)
        records = pythia.nextBatch(min(n_tries, max_generated - generated))
        # every event that the hard process selected, whatever became of it
        total = pythia.infoPython().nSelected()
        if total == generated:
            raise SimulationError(f"Pythia gave no {process} event in {n_tries} tries")
        batch = EventBatch(total - generated, _particles(records))
        generated, simulated = total, simulated + batch.particles.n_events
        yield batch


def _next_batch(wanted: int, simulated: int, generated: int) -> int:
    if not generated:
        return _FIRST_BATCH
    survival = max(simulated, 1) / generated
    n_tries = min(wanted, _SURVIVORS_PER_BATCH) / survival
    return int(np.clip(n_tries, _FIRST_BATCH, _LARGEST_BATCH))


def _initialised(slha: str, process: str, seed: int, veto: Any) -> Any:
    from pythia8mc import Pythia

    pythia = Pythia("", False)
    with tempfile.TemporaryDirectory(prefix="fitplugin-") as folder:
        path = Path(folder) / "point.slha"
        path.write_text(slha, encoding="utf-8")
        settings = (
            *COMMON_SETTINGS,
            *PRODUCTION[process],
            *_SILENCE,
            "Random:setSeed = on",
            f"Random:seed = {seed}",
            f"SLHA:file = {path}",
        )
        for setting in settings:
            if not pythia.readString(setting):
                raise SimulationError(f"this Pythia does not know the setting {setting!r}")
        pythia.setUserHooksPtr(veto)
        if not pythia.init():
            raise SimulationError(f"Pythia does not initialise for {process}")
    return pythia


def _veto(met_veto: float, lsp: int) -> Any:
    from pythia8mc import UserHooks

    invisible = {*NEUTRINOS, abs(lsp)}
    threshold = met_veto**2

    class _LowMissingMomentum(UserHooks):  # type: ignore[misc]
        """Vetoes before showers: most events of light squarks cannot pass any region."""

        def canVetoProcessLevel(self) -> bool:  # noqa: N802
            return True

        def doVetoProcessLevel(self, process: Any) -> bool:  # noqa: N802
            px = py = 0.0
            for particle in process:
                if abs(particle.id()) in invisible and particle.isFinal():
                    px += particle.px()
                    py += particle.py()
            return px * px + py * py < threshold

    return _LowMissingMomentum()


def _particles(records: Any) -> Particles:
    import awkward

    if not len(records):  # all were vetoed: the array has no fields then
        none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
        return Particles(none, none, none, none, nothing, nothing, nothing, nothing, 0)
    particles = records.prt
    n_particles = np.asarray(awkward.num(particles.id), dtype=np.int64)
    starts = np.cumsum(n_particles) - n_particles
    flat = awkward.flatten(particles)
    px, py, pz, energy = (np.asarray(flat["p"][name]) for name in ("px", "py", "pz", "e"))
    return Particles(
        np.repeat(np.arange(len(n_particles)), n_particles),
        np.asarray(flat["id"]),
        np.asarray(flat["status"]),
        np.asarray(flat["mother1"]) + np.repeat(starts, n_particles),
        px,
        py,
        pz,
        energy,
        len(n_particles),
    )
