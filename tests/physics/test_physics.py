"""Cross-sections, yields and parameter spaces, against the tables and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.data.tables import Table, read_table
from fitplugin.errors import InputError
from fitplugin.physics.cross_section import PairProduction
from fitplugin.physics.parameters import ParameterSpace
from fitplugin.physics.simulated_table import point_dataset
from fitplugin.physics.yields import expected_signal

TABLE = read_table("natural_susy/cross_sections_14TeV")
SQUARK = TABLE.columns["process"] == "squark3_pair"
MASS = TABLE.columns["mass_GeV"][SQUARK]
SIGMA = TABLE.columns["cross_section_fb"][SQUARK]
RELATIVE = TABLE.columns["rel_error"][SQUARK]


def total(processes, masses, errors=0.0):
    names = {"stop1": "m_stop1", "stop2": "m_stop2", "sbottom1": "m_sbottom1"}
    mass = {
        names[p]: np.atleast_1d(m).astype(float) for p, m in zip(processes, masses, strict=True)
    }
    return PairProduction(TABLE, processes).total(mass, {n: errors * m for n, m in mass.items()})


def test_table_entries_are_reproduced():
    value, error, in_table, *_ = total(["stop1"], [MASS])
    assert in_table.all()
    assert_allclose(value, SIGMA, rtol=1e-12)
    assert_allclose(error, SIGMA * RELATIVE, rtol=1e-10)


def test_interpolation_error_is_far_below_the_theory_error():
    """Leave every second node out: the spline finds it again to a hundredth of its error."""
    keep = np.ones(len(MASS), dtype=bool)
    keep[1:-1:2] = False
    thinned = Table(
        "thinned",
        {"process": np.array(["squark3_pair"] * keep.sum()), "mass_GeV": MASS[keep],
         "cross_section_fb": SIGMA[keep], "rel_error": RELATIVE[keep]},
        {}, "",
    )  # fmt: skip
    found, *_ = PairProduction(thinned, ["stop1"]).total(
        {"m_stop1": MASS[~keep]}, {"m_stop1": 0 * MASS[~keep]}
    )
    inner = MASS[~keep] > 200
    assert np.abs(found / SIGMA[~keep] - 1)[inner].max() < 0.01 * RELATIVE.min() * 10


def test_processes_add_and_their_errors_are_common():
    one = total(["stop1"], [500.0])
    three = total(["stop1", "stop2", "sbottom1"], [500.0, 500.0, 500.0])
    assert_allclose(three.value, 3 * one.value)
    assert_allclose(three.error, 3 * one.error)


def test_mass_error_enters_through_the_slope():
    value, plain, *_ = total(["stop1"], [800.0])
    up, *_ = total(["stop1"], [800.0 * 1.0001])
    slope = (np.log(up) - np.log(value)) / np.log(1.0001)
    _, with_error, *_ = total(["stop1"], [800.0], errors=0.02)
    assert_allclose(with_error, np.hypot(plain, 0.02 * np.abs(slope) * value), rtol=1e-3)


def test_outside_the_table_the_last_slope_goes_on_and_is_flagged():
    value, error, in_table, *_ = total(["stop1"], [[50.0, 500.0, 5000.0]])
    assert in_table.tolist() == [False, True, False]
    assert (np.diff(value) < 0).all()
    assert np.isfinite(error).all()
    assert np.isnan(total(["stop1"], [[-1.0]]).value).all()


def test_unknown_process_is_refused():
    with pytest.raises(InputError, match="'stop3' is not a process.*Did you mean"):
        PairProduction(TABLE, ["stop3"])


def test_signal_error_is_that_of_a_product_of_independent_factors():
    rng = np.random.default_rng(2)
    efficiency = 0.02 + 0.005 * rng.standard_normal(1_000_000)
    sigma = 3.0 + 0.6 * rng.standard_normal(1_000_000)
    n_signal, error = expected_signal([0.02], [0.005], [3.0], [0.6], 3000.0)
    sample = 3000.0 * efficiency * sigma
    # standard errors of the sample mean and deviation, four of each
    assert abs(sample.mean() - n_signal[0]) < 4 * error[0] / 1e3
    assert abs(sample.std() - error[0]) < 4 * error[0] / np.sqrt(2e6)


def test_vanishing_efficiency_keeps_a_finite_error():
    n_signal, error = expected_signal([0.0], [1e-4], [100.0], [10.0], 3000.0)
    assert n_signal[0] == 0
    assert_allclose(error, 3000.0 * 1e-4 * np.hypot(100.0, 10.0))


@pytest.mark.parametrize("bad", [-1e-3, 1.01, np.nan])
def test_efficiency_outside_zero_and_one_is_refused(bad):
    with pytest.raises(InputError, match=r"outside \[0, 1\]"):
        expected_signal([0.1, bad], 0.0, 1.0, 0.0, 3000.0)


def test_luminosity_must_be_positive():
    with pytest.raises(InputError, match="luminosity"):
        expected_signal([0.1], [0.0], [1.0], [0.0], 0.0)


def counts_table(**changes):
    columns = {
        "id": np.array([1, 1, 2, 2, 3]), "process": np.array(["a", "b", "a", "b", "a"]),
        "x": np.array([0.1, 0.1, 0.7, 0.7, 0.5]), "cross_section_fb": np.array([1.0, 3, 2, 2, 1]),
        "n_generated": np.array([100, 200, 100, 100, 100]),
        "passed_R": np.array([10.0, 40, 0, 50, 5]), "variance_R": np.array([10.0, 36, 0, 25, 5]),
    }  # fmt: skip
    columns.update(changes)
    return Table("toy", columns, {"inputs": {"x": {"range": [0.0, 1.0]}}}, "")


def test_efficiency_is_the_cross_section_weighted_mean():
    data = point_dataset(counts_table(), "R", ["a", "b"])
    assert_allclose(data.targets[:, 0], [(1 * 0.1 + 3 * 0.2) / 4, 0.25])
    assert_allclose(data.inputs[:, 0], [0.1, 0.7])
    weight = (10.0 + 36 + 0 + 25 + 5) / (10 + 40 + 0 + 50 + 5)
    expected = np.hypot(1 * np.sqrt(10) / 100, 3 * 6 / 200) / 4
    assert weight * 40.5 < 36
    assert_allclose(data.target_error[0, 0], expected)


def test_no_event_passed_has_the_error_of_half_an_event():
    data = point_dataset(counts_table(), "R", ["a"])
    weight = 15.0 / 15.0
    assert_allclose(data.target_error[1, 0], np.sqrt(0.5 * weight) / 100)


def test_error_of_a_count_follows_from_its_expectation():
    data = point_dataset(counts_table(), "R", ["a"])
    assert_allclose(data.error_about(np.full((3, 1), 0.04))[:, 0], np.sqrt(0.04 / 100))


def test_more_events_passed_than_generated_are_refused():
    table = counts_table(passed_R=np.array([10.0, 900, 0, 50, 5]))
    with pytest.raises(InputError, match=r"point 1 has efficiency .* \[0, 1\]"):
        point_dataset(table, "R", ["a", "b"])


def test_unknown_region_names_the_known_ones():
    with pytest.raises(InputError, match="'S' is not a region of toy. Known: R"):
        point_dataset(counts_table(), "S", ["a"])


def test_shipped_points_are_used_whole():
    table = read_table("natural_susy/efficiencies")
    data = point_dataset(table, "0l_stop1100", ["stop1", "stop2", "sbottom1"])
    assert data.n_points == len(np.unique(table.columns["id"]))
    assert ((data.targets >= 0) & (data.targets < 0.02)).all()


SPACE = ParameterSpace({"b": (-1.0, 3.0), "a": (0.0, 2.0)}, {"c": 5.0})


def test_prior_transform_maps_corners_to_corners():
    assert_allclose(
        SPACE.prior_transform([[0, 0], [1, 1], [0.5, 0.25]]), [[-1, 0], [3, 2], [1, 0.5]]
    )


def test_parameters_are_completed_in_the_order_of_the_model():
    assert_allclose(SPACE.complete([[1.0, 2.0]], ("a", "b", "c")), [[2.0, 1.0, 5.0]])


@pytest.mark.parametrize(
    ("trained", "words"),
    [
        ({"a": (0, 2), "b": (-1, 3)}, r"parameters.c: 'c' is not an input of M. Known: a, b"),
        ({"a": (0, 2), "b": (-1, 3), "c": (0, 9), "d": (0, 1)}, "d, an input of M, has no value"),
        ({"a": (0, 1.9), "b": (-1, 3), "c": (0, 9)}, r"parameters.a: \[0, 2\] leaves the box"),
        ({"a": (0, 2), "b": (-1, 3), "c": (0, 4)}, r"parameters.c: 5 leaves the box \[0, 4\]"),
    ],
)
def test_spaces_that_a_model_cannot_answer_are_refused(trained, words):
    with pytest.raises(InputError, match=words):
        SPACE.check_within(trained, "M")
