"""The physics chain that a scan file describes: spectra and tables, or a theory of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fitplugin.data.tables import read_table
from fitplugin.errors import InputError
from fitplugin.physics.cross_section import PairProduction, is_function, production_of
from fitplugin.physics.efficiency import LearnedEfficiency, PointEfficiency, ProcessEfficiency
from fitplugin.physics.gate import Gate, GatedSpectrum
from fitplugin.physics.own_theory import (
    LearnedCrossSection,
    NoSpectrum,
    cross_section_dataset,
    efficiency_dataset,
    parameter_box,
)
from fitplugin.physics.simulated_table import point_dataset, process_dataset
from fitplugin.physics.squarks import branching_names
from fitplugin.physics.theory import Theory
from fitplugin.runs.config import ScanConfig
from fitplugin.runs.own_theory import OwnTheory
from fitplugin.runs.sections import RegionConfig
from fitplugin.surrogates.trainer import Trainer


def build_theory(config: ScanConfig, train: Trainer, folder: Path) -> Theory:
    """Compose the physics chain, asking ``train`` for every surrogate."""
    if config.theory is not None:
        return _build_own_theory(config, config.theory, train, folder)
    spectrum, processes = config.spectrum, config.pair_production.processes
    assert spectrum is not None  # the configuration has it where there is no theory
    needs_branching = any(
        region.efficiency.inputs == "process" for region in config.regions
    ) or any(name.startswith("br_") for name in _read_by_terms(config, folder))
    branching = (
        at_place("cross_section", lambda: branching_names(processes)) if needs_branching else ()
    )
    calculator = at_place(
        "spectrum", lambda: spectrum.plugin.build(spectrum.options, train, folder, branching)
    )
    if config.gate is not None:
        asked, names = config.gate, tuple(calculator.trained)
        gate = at_place("gate", lambda: Gate.build(asked, names, train, folder))
        calculator = GatedSpectrum(calculator, gate)
    production = at_place(
        "cross_section",
        lambda: _production(config.pair_production.table, processes, folder),
    )
    efficiencies = {
        region.name: at_place(
            f"regions[{index}]", lambda r=region: _learn_efficiency(config, r, train, folder)
        )
        for index, region in enumerate(config.regions)
    }
    return Theory(
        calculator,
        production,
        efficiencies,
        config.luminosity,
        config.out_of_domain,
        config.surrogate_error,
    )


def _build_own_theory(config: ScanConfig, asked: OwnTheory, train: Trainer, folder: Path) -> Theory:
    """Compose the chain of a table of points: no spectrum, everything from the parameters."""
    table = at_place("theory.dataset", lambda: read_table(asked.dataset, folder))
    box = at_place("theory.dataset", lambda: parameter_box(table, config.free, config.fixed))
    cross_section = at_place("theory.dataset", lambda: cross_section_dataset(table, box))
    production = LearnedCrossSection(train("cross_section", cross_section, asked.surrogate))
    efficiencies: dict[str, LearnedEfficiency] = {}
    for index, region in enumerate(config.regions):
        place, wanted = f"regions[{index}].efficiency", region.efficiency
        if wanted.inputs != "parameters":
            raise InputError(f"{place}.inputs", "must be 'parameters': 'theory' knows no processes")
        own = at_place(place, lambda wanted=wanted: read_table(wanted.dataset, folder))
        learned = at_place(
            place, lambda own=own, wanted=wanted: efficiency_dataset(own, wanted.region, box)
        )
        needs_error = getattr(region.surrogate.options, "noise", "fitted") != "fitted"
        if learned.target_error is None and needs_error:
            raise InputError(
                place,
                f"{wanted.dataset} has no column efficiency_error[{wanted.region}]; add it, or let "
                "errors be found: surrogate: {kind: dgp, noise: fitted, transform: "
                "{kind: sqrt, offset: 3.0e-4}}",
            )
        efficiencies[region.name] = PointEfficiency(
            train(f"efficiency-{region.name}", learned, region.surrogate)
        )
    return Theory(
        NoSpectrum(box), production, efficiencies, config.luminosity, config.out_of_domain,
        config.surrogate_error,
    )  # fmt: skip


def _production(reference: str, processes: Sequence[str], folder: Path) -> PairProduction:
    """Cross-sections of a scan: a table, because a run must notice when they change."""
    if is_function(reference):
        raise InputError(
            "table",
            f"{reference!r} is a function, which a scan does not take: a resumed run could not "
            "tell that it gives other numbers. Write its values into a .csv table with the "
            "columns process, mass_GeV, cross_section_fb, rel_error",
        )
    return production_of(reference, processes, folder)


def _learn_efficiency(
    config: ScanConfig, region: RegionConfig, train: Trainer, folder: Path
) -> LearnedEfficiency:
    asked = region.efficiency
    dataset_of, model = {
        "process": (process_dataset, ProcessEfficiency),
        "parameters": (point_dataset, PointEfficiency),
    }[asked.inputs]
    table = read_table(asked.dataset, folder)
    dataset = dataset_of(table, asked.region, config.pair_production.processes)
    return model(train(f"efficiency-{region.name}", dataset, region.surrogate))


def _read_by_terms(config: ScanConfig, folder: Path) -> list[str]:
    """Names that the terms under ``likelihoods`` will read, as far as they can tell beforehand."""
    names: list[str] = []
    for index, chosen in enumerate(config.likelihoods):
        tell = getattr(chosen.plugin, "reads", None)
        if tell is not None:
            names += at_place(
                f"likelihoods[{index}]",
                lambda tell=tell, chosen=chosen: tell(chosen.options, folder),
            )
    return names


def at_place(place: str, make: Any) -> Any:
    """Return ``make()``; errors of it are seen from a place in the scan file."""
    try:
        return make()
    except InputError as error:
        raise error.at(place) from error
