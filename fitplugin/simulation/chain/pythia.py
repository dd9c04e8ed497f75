"""The built-in simulator: Pythia 8, FastJet, a parametrised detector, the ATLAS stop regions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import ClassVar

import numpy as np
from pydantic import Field

from fitplugin.errors import InputError, MissingExtraError, one_of
from fitplugin.physics.slha import INSTALL, read_slha
from fitplugin.simulation.base import Counts, Request, SimulationError
from fitplugin.simulation.chain.detector import DetectorOptions, measure
from fitplugin.simulation.chain.generator import PRODUCTION, generate
from fitplugin.simulation.chain.quiet import captured_output, last_words
from fitplugin.simulation.chain.regions import REGIONS, select
from fitplugin.simulation.chain.truth import observe

_LIBRARIES = ("pythia8mc", "fastjet", "pyslha")


class PythiaOptions(DetectorOptions):
    """Options of the simulator `pythia`: those of its detector, and when to stop."""

    met_veto: float = Field(
        300.0,
        ge=0,
        le=400.0,
        description="Events with less invisible momentum in the hard process are counted and not "
        "simulated further [GeV]; all regions need more than 400 GeV of it.",
    )
    max_generated: int = Field(20_000, gt=0, description="Events to try at most for each process.")


class PythiaChain:
    """Pythia 8 at 14 TeV, FastJet and a parametrised detector, for the HL-LHC stop regions."""

    Options: ClassVar[type[PythiaOptions]] = PythiaOptions
    citations: ClassVar[tuple[str, ...]] = (
        "C. Bierlich et al., A comprehensive guide to the physics and usage of PYTHIA 8.3, "
        "arXiv:2203.11601",
        "M. Cacciari, G. P. Salam, G. Soyez, FastJet user manual, arXiv:1111.6097",
        "M. Cacciari, G. P. Salam, G. Soyez, The anti-kt jet clustering algorithm, arXiv:0802.1189",
        "A. Buckley, PySLHA: a Pythonic interface to SUSY Les Houches Accord data, arXiv:1305.4194",
        "ATLAS Collaboration, ATL-PHYS-PUB-2013-011",
    )

    def __init__(self, options: PythiaOptions | None = None) -> None:
        self.options = options or PythiaOptions()

    @property
    def regions(self) -> tuple[str, ...]:
        """Seven regions without leptons and eight with one."""
        return REGIONS

    def versions(self) -> Mapping[str, str]:
        """Return the versions of Pythia, FastJet and pyslha.

        Raises
        ------
        MissingExtraError
            If one is not installed.
        """
        return {library: _version_of(library) for library in _LIBRARIES}

    def simulate(self, request: Request) -> dict[str, Counts]:
        """Simulate each process of a point: until so many events got past the early veto.

        Raises
        ------
        InputError
            If the SLHA file cannot be used, or a process is unknown.
        SimulationError
            If Pythia cannot.
        """
        for process in request.processes:
            if process not in PRODUCTION:
                raise InputError("processes", one_of(process, PRODUCTION, "a process of 'pythia'"))
        lsp = read_slha(request.slha, request.name).lsp
        with captured_output() as said:
            try:
                return {
                    process: self._count(request, process, lsp) for process in request.processes
                }
            except SimulationError as error:
                raise SimulationError(f"{error}: {last_words(said())}") from error

    def _count(self, request: Request, process: str, lsp: int) -> Counts:
        options = self.options
        seed = request.seed_of(process)
        rng = np.random.default_rng(seed)
        n_generated = 0
        passed: dict[str, float] = defaultdict(float)
        variance: dict[str, float] = defaultdict(float)
        for batch in generate(
            request.slha, process, seed, request.events, options.max_generated,
            options.met_veto, lsp,
        ):  # fmt: skip
            n_generated += batch.n_generated
            if not batch.particles.n_events:
                continue
            selected = select(measure(observe(batch.particles, lsp), options, rng))
            for region, is_in in selected.items():
                weight = is_in.reshape(options.replicas, -1).mean(axis=0)
                passed[region] += float(weight.sum())
                variance[region] += float(np.square(weight).sum())
        return Counts(
            n_generated,
            {region: passed[region] for region in REGIONS},
            {region: variance[region] for region in REGIONS},
        )


def _version_of(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        raise MissingExtraError("simulator 'pythia'", library, INSTALL) from None
