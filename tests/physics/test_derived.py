"""Leading-order masses: limits that are known, and that they help as inputs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.data.tables import read_table
from fitplugin.errors import InputError
from fitplugin.physics.derived import Derived
from fitplugin.physics.leading_order import BASELINES, PARAMETERS, leading_order
from fitplugin.physics.spectrum_table import valid_rows

TABLE = read_table("natural_susy/spectra")
VALID = valid_rows(TABLE)


def point(**changes):
    values = {"mu": 200.0, "tan_beta": 20.0, "M3": 2000.0, "mQ3": 900.0, "mtR": 1200.0, "At": 0.0}
    return {name: np.array([x]) for name, x in {**values, **changes}.items()}


def test_masses_are_eigenvalues_of_the_mixing_matrix():
    found = leading_order(point(At=-1800.0))
    left, right = (found[f"leading_m_{side}"][0] for side in ("left", "right"))
    off_diagonal = 150.0 * found["leading_mixing"][0]
    matrix = np.array([[left**2, off_diagonal], [off_diagonal, right**2]])
    masses = [found["leading_m_stop1"][0], found["leading_m_stop2"][0]]
    assert_allclose(np.square(masses), np.linalg.eigvalsh(matrix))


def test_gluino_correction_vanishes_at_its_zero():
    """ln(M3^2/Q^2) = 1: soft masses are what they are."""
    at_zero = leading_order(point(M3=1000.0 * np.exp(0.5)))["leading_m_sbottom1"]
    d_term = -(91.19**2) * (400 - 1) / 401 * -(0.5 - 0.2312 / 3)
    assert_allclose(np.square(at_zero), 900.0**2 + d_term)


def test_higgs_mass_without_loops_is_the_tree_level_bound():
    """Stops at the top mass without mixing leave m_Z |cos 2 beta|."""
    found = leading_order(point(mu=0.0, mQ3=10.0, mtR=10.0, M3=1000.0 * np.exp(0.5)))
    loop = found["leading_m_higgs"] ** 2 - (91.19 * (400 - 1) / 401) ** 2
    assert abs(loop[0]) < 0.5 * 91.19**2 * 0.1


@pytest.mark.parametrize("mass", sorted(BASELINES))
def test_leading_order_is_near_the_spectrum_program(mass):
    columns = dict(zip(PARAMETERS, TABLE.numbers(PARAMETERS)[VALID].T, strict=True))
    difference = np.abs(TABLE.numbers([mass])[VALID, 0]) - leading_order(columns)[BASELINES[mass]]
    assert np.abs(difference).mean() < 40.0  # GeV


def test_tachyons_have_negative_masses_and_everything_is_finite():
    everything = Derived(tuple(leading_order(point())), PARAMETERS)(TABLE.numbers(PARAMETERS))
    assert np.isfinite(everything).all()
    assert everything[:, 0].min() < 0


def test_unknown_and_impossible_inputs_are_refused():
    with pytest.raises(InputError, match="'abs_m' is not .* Did you mean 'abs_mu'"):
        Derived(["abs_m"], PARAMETERS)
    with pytest.raises(InputError, match="tan_beta is needed to derive leading_m_stop1"):
        Derived(["leading_m_stop1"], ["mu", "M3"])
