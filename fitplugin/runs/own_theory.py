"""The section ``theory`` of a scan file: a table of one's own in the place of spectra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from fitplugin.components import component
from fitplugin.options import Options, located_error

_REPLACED = ("spectrum", "gate", "cross_section")


class OwnTheory(Options):
    """A theory of one's own: parameters, cross-sections and efficiencies from one table."""

    dataset: str = Field(
        description="Table with a row per point: the parameters, cross_section [fb] and, if "
        "known, cross_section_error; efficiency[REGION] and efficiency_error[REGION]."
    )
    surrogate: component("fitplugin.surrogates") = Field(  # type: ignore[valid-type]
        {"kind": "dgp", "transform": "log"},
        validate_default=True,
        description="What learns the cross-section.",
    )


def spelt_out(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a scan file with what ``theory`` decides written out.

    Raises
    ------
    ValidationError
        If a section is there that ``theory`` replaces.
    """
    theory = content.get("theory")
    if not isinstance(theory, Mapping):
        return dict(content)
    for name in _REPLACED:
        if content.get(name) is not None:
            raise located_error(
                (name,), content[name], "has no place beside 'theory', whose table says it all; "
                "leave one of them out",
            )  # fmt: skip
    found = {**content, **dict.fromkeys(_REPLACED)}
    if isinstance(content.get("regions"), list | tuple):
        found["regions"] = [_region(region, theory.get("dataset")) for region in content["regions"]]
    return found


def _region(region: Any, dataset: Any) -> Any:
    """Give a region the efficiency column of its own name, unless it says otherwise."""
    if not isinstance(region, Mapping):
        return region
    asked = region.get("efficiency", {})
    if not isinstance(asked, Mapping):
        return region
    default = {"dataset": dataset, "region": region.get("name"), "inputs": "parameters"}
    learned = {"kind": "dgp", "noise": "monte_carlo", "transform": {"kind": "sqrt", "offset": 3e-4}}
    return {"surrogate": learned, **region, "efficiency": {**default, **asked}}
