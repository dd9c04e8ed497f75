"""The shipped benchmark as an SLHA file, and what can be done to it."""

from __future__ import annotations

import re
from pathlib import Path

BENCHMARK = (Path(__file__).parents[2] / "scans/natural_susy/benchmark.slha").read_text()


def with_mass(code, mass, text=BENCHMARK):
    """The file with another mass, written as it comes."""
    return re.sub(rf"^( +{code}) +\S+(  # ~?\S+)$", rf"\1 {mass}\2", text, count=1, flags=re.M)


def without_decay(code, text=BENCHMARK):
    """The file without the decays of a particle."""
    return re.sub(rf"^DECAY +{code} .*\n(?:(?!DECAY).*\n)*", "", text, count=1, flags=re.M)


def with_width(code, width, text=BENCHMARK):
    """The file with another width of a particle, written as it comes."""
    return re.sub(rf"^(DECAY +{code}) +\S+", rf"\1 {width}", text, count=1, flags=re.M)


def with_parameter(index, value, text=BENCHMARK):
    """The file with another entry of EXTPAR."""
    return re.sub(rf"^( +{index}) +\S+(  # (?:mu|M_|A_|tan).*)$", rf"\1 {value}\2", text, count=1,
                  flags=re.M)  # fmt: skip
