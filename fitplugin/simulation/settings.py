"""What all points of a campaign have in common, checked before the first is simulated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from fitplugin.components import Component, component, validation_context
from fitplugin.errors import InputError
from fitplugin.options import named_values, pair, problem_of
from fitplugin.physics.cross_section import PairProduction, production_of
from fitplugin.physics.natural_susy import SLHA_ENTRIES
from fitplugin.physics.slha import entry
from fitplugin.simulation.records import Header

EVENTS = 700
SEED = 1
CROSS_SECTIONS = "natural_susy/cross_sections_14TeV"
PROCESSES = ("stop1", "stop2", "sbottom1")


class Settings(NamedTuple):
    """A campaign before its points are known."""

    simulator: Component
    production: PairProduction
    cross_section: str
    events: int
    seed: int
    parameters: Mapping[str, tuple[str, int]]
    folder: Path
    """Where relative paths of files start."""

    def header(self, machine: Mapping[str, Any]) -> Header:
        """Return the first line of the campaign's file.

        Raises
        ------
        MissingExtraError
            If the simulator stands on something that is not installed.
        """
        chain = self.simulator.plugin(self.simulator.options)
        return self.header_for(
            self.simulator.to_dict(), chain.versions(), chain.regions, machine,
            getattr(chain, "citations", ()),
        )  # fmt: skip

    def header_for(
        self,
        simulator: Mapping[str, Any],
        versions: Mapping[str, str],
        regions: Sequence[str],
        machine: Mapping[str, Any],
        citations: Sequence[str] = (),
    ) -> Header:
        """Return that of a campaign which something else simulates."""
        return Header(
            simulator=dict(simulator),
            versions=dict(versions),
            events=self.events,
            seed=self.seed,
            processes=self.production.processes,
            regions=tuple(regions),
            cross_section=self.cross_section,
            cross_section_sha256=self.production.digest,
            machine=dict(machine),
            citations=tuple(citations),
        )


def settings_of(
    kind: str = "pythia",
    options: Iterable[str] = (),
    processes: Iterable[str] = PROCESSES,
    events: int = EVENTS,
    seed: int = SEED,
    cross_section: str = CROSS_SECTIONS,
    parameters: Iterable[str] = (),
    folder: Path | None = None,
    *,
    allow_code: bool = False,
) -> Settings:
    """Check what was asked for.

    Parameters
    ----------
    kind : str
        A registered simulator, ``package.module:class`` or ``file.py:class``.
    options : iterable of str
        ``name=value`` for it.
    processes : iterable of str
        See `PairProduction`.
    events, seed : int
        See `Request`.
    cross_section : str
        See `production_of`.
    parameters : iterable of str
        ``NAME=BLOCK:INDEX``: where parameters stand in the SLHA files; by default those of natural
        supersymmetry.
    folder : path, optional
        Where relative paths of files start.
    allow_code : bool
        Run code that is named here, as simulator or as cross-section.

    Raises
    ------
    InputError
        If something is unknown, in one line.
    """
    names = list(processes)
    for name in names:
        if names.count(name) > 1:
            raise InputError("processes", f"{name} appears twice")
    return Settings(
        _simulator(kind, options, validation_context(folder, allow_code)),
        production_of(cross_section, names, folder, allow_code=allow_code),
        cross_section,
        events,
        seed,
        entries_of(parameters),
        folder or Path(),
    )


def entries_of(parameters: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Return where parameters stand in SLHA files, from ``NAME=BLOCK:INDEX``; or the default.

    Raises
    ------
    InputError
        If a text is something else.
    """
    places = dict(pair(text, "--parameter", "NAME=BLOCK:INDEX") for text in parameters)
    return {name: entry(place) for name, place in places.items()} or dict(SLHA_ENTRIES)


def _simulator(kind: str, options: Iterable[str], context: Mapping[str, Any]) -> Component:
    values = named_values(options, "--option")
    adapter: TypeAdapter[Component] = TypeAdapter(component("fitplugin.simulators"))
    try:
        return adapter.validate_python({"kind": kind, **values}, context=dict(context))
    except ValidationError as error:
        place, message = problem_of(error)
        where = "--simulator" if place in ("", "kind") else f"--option {place}"
        raise InputError(where, message.removeprefix("Value error, ")) from error
