"""Cross-sections from a table or a function of the user's: the same laws for both."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fitplugin.data.tables import read_table
from fitplugin.errors import InputError
from fitplugin.physics.cross_section import PROCESSES, PairProduction, production_of
from fitplugin.runs.build import plan
from fitplugin.runs.config import read_scan
from tests.conftest import SCANS

TABLE = "natural_susy/cross_sections_14TeV"
MASSES = {"m_stop1": np.array([300.0, 1176.0, 9000.0]), "m_stop2": np.array([700.0, 1407.0, 900.0])}
ERRORS = {"m_stop1": np.array([3.0, 10.0, 1.0]), "m_stop2": np.array([1.0, 5.0, 2.0])}


def from_table(process, mass):
    """The shipped table as a function; NaN outside."""
    known = PairProduction(read_table(TABLE), [process])
    found = known.of(process, {PROCESSES[process].mass: mass})
    value = np.where(found.in_table, found.value, np.nan)
    return value, found.error / found.value


def test_function_that_wraps_the_table_gives_its_numbers():
    by_table = production_of(TABLE, ["stop1", "stop2"]).total(MASSES, ERRORS)
    by_function = PairProduction(from_table, ["stop1", "stop2"]).total(MASSES, ERRORS)
    assert_array_equal(by_function.in_table, by_table.in_table)
    inside = by_table.in_table
    assert inside.tolist() == [True, True, False]
    assert_allclose(by_function.value[inside], by_table.value[inside], rtol=1e-12)
    # slopes by differences instead of a spline's own
    assert_allclose(by_function.error[inside], by_table.error[inside], rtol=1e-4)


def test_power_law_has_its_exponent_as_slope():
    def power(process, mass):
        return mass**-6.0, np.zeros_like(mass)

    mass, error = {"m_stop1": np.array([1000.0])}, {"m_stop1": np.array([10.0])}
    found = PairProduction(power, ["stop1"]).total(mass, error)
    # d sigma / sigma = 6 d m / m
    assert_allclose(found.error / found.value, 6 * 0.01, rtol=1e-4)


def test_slope_at_the_last_known_mass_is_that_of_the_known_side():
    def known_to_1_tev(process, mass):
        return np.where(mass <= 1000, mass**-6.0, np.nan), np.zeros_like(mass)

    masses = {"m_stop1": np.array([1000.0, 999.5, 990.0, 1001.0])}
    errors = {"m_stop1": masses["m_stop1"] / 100}
    found = PairProduction(known_to_1_tev, ["stop1"]).total(masses, errors)
    assert found.in_table.tolist() == [True, True, True, False]
    assert_allclose(found.error[:3] / found.value[:3], 0.06, rtol=1e-2)


def test_function_may_know_single_masses_and_cannot_change_those_it_is_asked_for():
    def at_one_mass(process, mass):
        value = np.where(mass == 1000, 2.0, np.nan)
        mass[:] = 0
        return value, np.full_like(value, 0.1)

    mass = np.array([1000.0, 1100.0])
    found = PairProduction(at_one_mass, ["stop1"]).of("stop1", {"m_stop1": mass})
    assert found.in_table.tolist() == [True, False]
    assert (found.value[0], found.error[0]) == (2.0, 0.2)
    assert mass.tolist() == [1000.0, 1100.0]


def test_one_process_alone_is_its_share_of_the_total():
    both = production_of(TABLE, ["stop1", "stop2"])
    total = both.total(MASSES, ERRORS)
    parts = [both.of(process, MASSES) for process in ("stop1", "stop2")]
    assert_allclose(sum(part.value for part in parts), total.value, rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda process, mass: -mass, "value and a relative error"),
        (lambda process, mass: (-mass, mass), "is -1000 fb"),
        (lambda process, mass: (mass, -mass), "relative error -1000"),
        (lambda process, mass: (mass, mass * np.nan), "relative error nan"),
        (lambda process, mass: (1.0, 0.1), "shape"),
        (lambda process, mass: ("a", "b"), "could not convert"),
        (lambda process, mass: None, "value and a relative error"),
        (lambda process, mass: (mass * np.inf, 0 * mass), "is inf fb"),
        (lambda process, mass: {}[process], "fails at 1000 GeV: KeyError: 'stop1'"),
        (lambda process, mass: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_function_that_gives_something_else_is_refused_by_process(function, words):
    production = PairProduction(function, ["stop1"])
    with pytest.raises(InputError, match="cross-section of stop1") as caught:
        production.of("stop1", {"m_stop1": np.array([1000.0])})
    assert words in str(caught.value)


def test_function_is_found_by_reference(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def sigma(process, mass):\n    return 0 * mass + 2.0, 0 * mass\n")
    production = production_of("mine.py:sigma", ["gluino"], tmp_path, allow_code=True)
    assert production.of("gluino", {"m_gluino": np.array([2000.0])}).value == [2.0]
    with pytest.raises(InputError, match="'sgima' is not an object"):
        production_of("mine.py:sgima", ["gluino"], tmp_path, allow_code=True)
    with pytest.raises(InputError, match="'none' is not a shipped table"):
        production_of("none", ["gluino"])


def test_reference_to_something_that_cannot_be_called_is_refused_before_it_is_asked(tmp_path):
    (tmp_path / "numbers.py").write_text("SIGMA = 3\n")
    with pytest.raises(InputError, match=r"numbers.py:SIGMA: is 'int' and no function"):
        production_of("numbers.py:SIGMA", ["stop1"], tmp_path, allow_code=True)


def own_table(folder, rows):
    path = folder / "run:3"  # a colon in a folder makes no function
    path.mkdir()
    header = "process,mass_GeV,cross_section_fb,rel_error"
    lines = [header, *(f"squark3_pair,{row}" for row in rows)]
    (path / "own.csv").write_text("\n".join(lines) + "\n")
    return str(path / "own.csv")


def test_order_of_the_rows_of_a_table_does_not_matter(tmp_path):
    rows = ["500,500e-6,0.1", "1000,15e-6,0.1", "2000,5e-7,0.1"]
    for name, order in (("a", rows), ("b", rows[::-1])):
        (tmp_path / name).mkdir()
        production = production_of(own_table(tmp_path / name, order), ["stop1"])
        found = production.of("stop1", {"m_stop1": np.array([500.0, 1000.0, 2000.0])})
        assert_allclose(found.value, [500e-6, 15e-6, 5e-7])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["500,10,0.1"], "squark3_pair has one row"),
        (["500,-10,0.1", "900,1,0.1"], "at 500 GeV is -10 fb"),
        (["500,0,0.1", "900,1,0.1"], "at 500 GeV is 0 fb"),
        (["500,nan,0.1", "900,1,0.1"], "at 500 GeV is nan fb"),
        (["500,10,0.1", "900,1,-0.1"], "at 900 GeV is 1 fb with relative error -0.1"),
        (["-500,10,0.1", "900,1,0.1"], "at -500 GeV"),
        (["500,10,0.1", "500,9,0.1"], "two rows at 500 GeV"),
        (["500,ten,0.1", "900,1,0.1"], "holds 'ten' in row 1; not a number"),
    ],
)
def test_table_that_holds_something_else_is_refused_by_name(tmp_path, rows, words):
    reference = own_table(tmp_path, rows)
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        production_of(reference, ["stop1"])
    assert "own.csv" in str(caught.value)


def test_scan_takes_a_table_and_no_function(tmp_path):
    text = (SCANS / "smoke.yaml").read_text()
    scan = tmp_path / "scan.yaml"
    scan.write_text(text.replace("cross_section: {", 'cross_section: {table: "mine.py:sigma", ', 1))
    config = read_scan(scan)
    assert config.cross_section.table == "mine.py:sigma"
    with pytest.raises(InputError, match="cross_section: table: 'mine.py:sigma' is a function"):
        plan(config, tmp_path)
