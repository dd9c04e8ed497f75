"""Cross-sections from a function of the user's: the same laws as a table."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fitplugin.data.tables import read_table
from fitplugin.errors import InputError
from fitplugin.physics.cross_section import PROCESSES, PairProduction, production_of

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
    production = production_of("mine.py:sigma", ["gluino"], tmp_path)
    assert production.of("gluino", {"m_gluino": np.array([2000.0])}).value == [2.0]
    with pytest.raises(InputError, match="'sgima' is not an object"):
        production_of("mine.py:sgima", ["gluino"], tmp_path)
    with pytest.raises(InputError, match="'none' is not a shipped table"):
        production_of("none", ["gluino"])
