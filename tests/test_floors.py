"""The floors of the house: a module imports from its own floor or from below."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "fitplugin"
# ground first; parts on one floor may use each other
FLOORS = [
    {"errors", "extras", "arrays", "options", "plugins", "components", "pools", "data"},
    {"stats"},
    {"surrogates"},
    {"physics"},
    {"likelihoods", "simulation"},
    {"samplers"},
    {"runs"},
    {"studies"},
    {"active"},
    {"plots", "adapters", "conformance"},
    {"cli", "templates"},
]
LEVEL = {part: level for level, parts in enumerate(FLOORS) for part in parts}
# samplers see callables only: they stand above physics but may not know it
FORBIDDEN = {"samplers": {"surrogates", "physics", "likelihoods"}}
# rooms of one floor, ground first; what stands beside them is below all of them
ROOMS = {
    "surrogates": ["networks", "dgp", "bnn"],
    "studies": ["coverage", "reconstruction", "trust", "speed", "learned"],
    "plots": ["calibration", "runs", "run_report"],
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def imported_names(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def imported_parts(path: Path) -> set[str]:
    dotted = {name.removeprefix("fitplugin.") for name in imported_names(path)}
    return {name.split(".")[0] for name in dotted} & set(LEVEL)


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path):
    part = part_of(path)
    above = {other for other in imported_parts(path) if LEVEL[other] > LEVEL[part]}
    assert not above, f"{part} imports from a higher floor: {above}"
    assert not imported_parts(path) & FORBIDDEN.get(part, set())


@pytest.mark.parametrize("floor", ROOMS)
def test_rooms_of_a_floor_use_those_below(floor):
    for path in (PACKAGE / floor).rglob("*.py"):
        parts = path.relative_to(PACKAGE / floor).parts
        level = ROOMS[floor].index(parts[0]) if len(parts) > 1 else -1
        above = {f"fitplugin.{floor}.{room}" for room in ROOMS[floor][level + 1 :]}
        found = {name for name in imported_names(path) for room in above if name.startswith(room)}
        assert not found, f"{path.relative_to(PACKAGE)} imports from above: {found}"


def test_every_room_has_a_floor():
    assert {part_of(path) for path in MODULES} <= set(LEVEL)
