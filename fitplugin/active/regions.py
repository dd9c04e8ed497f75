"""Counting regions of a loop, and the numbers of an oracle that belong to them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, PositiveFloat

from fitplugin.options import Options


class CountingRegion(Options):
    """One counting region."""

    name: str = Field(min_length=1, description="Of the oracle's efficiency[NAME].")
    n_observed: float = Field(ge=0)
    background: PositiveFloat
    background_error: PositiveFloat


def needs_of(regions: Sequence[CountingRegion]) -> tuple[str, ...]:
    """What an oracle must answer for these regions: cross-section [fb] and efficiencies."""
    each = [
        name
        for region in regions
        for name in (f"efficiency[{region.name}]", f"efficiency_error[{region.name}]")
    ]
    return ("cross_section", "cross_section_error", *each)
