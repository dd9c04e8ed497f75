"""Scan files: YAML in, a validated and immutable model out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from fitplugin.components import component, validation_context
from fitplugin.errors import InputError, one_of
from fitplugin.likelihoods.product import Nuisances
from fitplugin.options import Options, located_error
from fitplugin.physics.gate import GateOptions
from fitplugin.physics.symbols import NATURAL_SUSY, Symbol, plain
from fitplugin.physics.theory import OutOfDomain
from fitplugin.runs.own_theory import OwnTheory, spelt_out
from fitplugin.runs.problems import first_problem
from fitplugin.runs.sections import (
    CrossSectionConfig,
    FreeParameter,
    MockConfig,
    Parameter,
    RegionConfig,
)
from fitplugin.runs.yaml_files import read_yaml


class ScanConfig(Options):
    """A scan file."""

    fitplugin: Literal[1] = Field(description="Version of the scan file format.")
    title: str = ""
    theory: OwnTheory | None = Field(
        None, description="A table of your own, in the place of spectrum and cross_section."
    )
    parameters: dict[str, Parameter] = Field(min_length=1)
    luminosity: float = Field(gt=0, description="Integrated luminosity [1/fb].")
    spectrum: component("fitplugin.spectra") | None = Field(  # type: ignore[valid-type]
        {"kind": "learned"}, validate_default=True
    )
    gate: GateOptions | None = Field(
        None, description="Learned validity: what it refuses is not asked of the spectrum."
    )
    cross_section: CrossSectionConfig | None = CrossSectionConfig()
    out_of_domain: OutOfDomain = Field(
        "inflate",
        description="At valid points outside the training points: errors grow with the distance "
        "(inflate), the point is not valid (reject), or the scan stops (error).",
    )
    surrogate_error: float = Field(
        1.0,
        ge=0,
        description="Factor on the errors of all surrogates (masses, cross-section, efficiencies): "
        "0 trusts them blindly.",
    )
    regions: tuple[RegionConfig, ...] = Field((), description="Counting regions.")
    likelihoods: tuple[component("fitplugin.likelihoods"), ...] = Field(  # type: ignore[valid-type]
        (), description="Further terms, on parameters and any observable."
    )
    nuisances: Nuisances = Nuisances()
    combination: component("fitplugin.combinations") = Field(  # type: ignore[valid-type]
        {"kind": "product"}, validate_default=True
    )
    constraints: tuple[component("fitplugin.constraints"), ...] = ()  # type: ignore[valid-type]
    observed: dict[str, float] | None = Field(None, description="Observed events per region.")
    mock: MockConfig | None = None
    sampler: component("fitplugin.samplers") = Field(  # type: ignore[valid-type]
        {"kind": "dynesty"}, validate_default=True
    )
    prior_sample: int = Field(
        10_000, ge=0, le=100_000_000, description="Valid points drawn for the prior."
    )
    processes: int = Field(1, ge=1, le=4096, description="Worker processes.")
    pool: component("fitplugin.pools") | None = Field(  # type: ignore[valid-type]
        None, description="What evaluates; by default worker processes on this machine, if > 1."
    )
    seed: int = Field(ge=0, description="Seed of the scan.")
    training_seed: int = Field(1, ge=0, description="Seed of the surrogates' training.")

    @model_validator(mode="before")
    @classmethod
    def _with_theory(cls, data: Any) -> Any:
        return spelt_out(data) if isinstance(data, dict) else data

    @model_validator(mode="after")
    def _consistent(self) -> ScanConfig:
        for name in ("spectrum", "cross_section"):
            if self.theory is None and getattr(self, name) is None:
                raise located_error((name,), None, "is empty; leave it out for the default")
        if not self.free:
            raise located_error(("parameters",), None, "none of them has a prior to scan")
        # hard constraints only cut the prior: a likelihood needs something soft
        is_soft = any(getattr(c.options, "has_error", False) for c in self.constraints)
        if not (self.regions or self.likelihoods or is_soft):
            problem = "there is none, and no likelihoods either, nor a constraint with an error"
            raise located_error(("regions",), None, problem)
        if self.mock is not None and not self.regions:
            raise located_error(("mock",), None, "makes counts of regions, and there are none")
        names = [region.name for region in self.regions]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise located_error(("regions", index, "name"), name, f"{name!r} appears twice")
        in_regions = all(region.n_observed is not None for region in self.regions)
        if self.observed is not None and self.mock is not None:
            raise ValueError("give either 'observed' or 'mock', not both")
        if self.observed is None and self.mock is None and not in_regions:
            raise ValueError("give either 'observed' or 'mock', or n_observed in every region")
        for name, count in (self.observed or {}).items():
            if name not in names:
                raise located_error(("observed", name), count, one_of(name, names, "a region"))
            if count < 0:
                raise located_error(("observed", name), count, f"must be >= 0, not {count:g}")
        for name in names:
            if self.observed is not None and name not in self.observed:
                raise located_error(("observed",), None, f"no count for the region {name!r}")
        return self

    @property
    def counts(self) -> dict[str, float] | None:
        """Observed events per region, or None if a mock has to be made."""
        if self.mock is not None:
            return None
        return self.observed or {r.name: float(r.n_observed or 0.0) for r in self.regions}

    @property
    def free(self) -> dict[str, tuple[float, float]]:
        """The scanned parameters with their ranges, in the order of the file."""
        return {
            name: value.prior.uniform
            for name, value in self.parameters.items()
            if isinstance(value, FreeParameter)
        }

    @property
    def fixed(self) -> dict[str, float]:
        """The other parameters with their values."""
        return {
            name: float(value)
            for name, value in self.parameters.items()
            if not isinstance(value, FreeParameter)
        }

    @property
    def pair_production(self) -> CrossSectionConfig:
        """Where the cross-sections of pairs come from; an own theory has no such processes."""
        if self.cross_section is None:
            raise InputError("theory", "knows no production processes, and they are asked for here")
        return self.cross_section

    @property
    def symbols(self) -> dict[str, Symbol]:
        """How scanned parameters are written, as far as this file decides: all of an own theory."""
        known = {} if self.theory else NATURAL_SUSY
        found = {}
        for name, value in self.parameters.items():
            if isinstance(value, FreeParameter):
                usual = known.get(name, plain(name))
                unit = usual.unit if value.unit is None else value.unit
                symbol = Symbol(value.label or usual.latex, unit)
                if self.theory or symbol[:2] != usual[:2]:
                    found[name] = symbol
        return found

    def to_yaml(self) -> str:
        """Return the complete scan file: every default written out."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


Changes = Mapping[str, Any]
NO_CHANGES: Changes = MappingProxyType({})


def read_scan(
    path: str | Path,
    changes: Changes = NO_CHANGES,
    folder: Path | None = None,
    *,
    allow_code: bool = False,
) -> ScanConfig:
    """Read and validate a scan file.

    Relative paths in it start at ``folder``, by default where it is. ``changes`` replace entries
    of its content before it is validated; sections are entered, so that
    ``{"mock": {"counts": "poisson"}}`` leaves the benchmark as it is. Code that it names is run
    only with ``allow_code``.

    Raises
    ------
    InputError
        In one line: the file, the place in it, what came, what is known, what to do.
    """
    content = _changed(read_yaml(path), changes)
    if "oracle" in content:
        raise InputError(
            str(path), "is a loop, for it has an 'oracle', and no scan; `fitplugin learn` runs it"
        )
    try:
        context = validation_context(folder or Path(path).parent, allow_code)
        config = ScanConfig.model_validate(content, context=context)
        return _for_processes(config)
    except ValidationError as error:
        raise InputError(str(path), first_problem(error)) from error


def _changed(content: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    changed = dict(content)
    for key, value in changes.items():
        inner = content.get(key)
        if isinstance(value, Mapping) and isinstance(inner, Mapping):
            value = _changed(inner, value)
        changed[key] = value
    return changed


def _for_processes(config: ScanConfig) -> ScanConfig:
    """Let a sampler that starts processes of its own say what it does with those of the scan."""
    chosen = config.sampler
    sampler = chosen.plugin()
    if not hasattr(sampler, "for_processes"):
        return config
    options = sampler.for_processes(chosen.options, config.processes)
    return config.model_copy(update={"sampler": replace(chosen, options=options)})
