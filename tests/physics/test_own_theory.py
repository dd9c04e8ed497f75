"""A theory that is a table: which box its points fill, and what is refused of it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.data.tables import Table, read_table
from fitplugin.errors import InputError
from fitplugin.physics.own_theory import (
    LearnedCrossSection,
    NoSpectrum,
    cross_section_dataset,
    efficiency_dataset,
    parameter_box,
    unread_columns,
)
from fitplugin.physics.theory import Theory
from fitplugin.surrogates.base import Examined

N = 50
COLUMNS = {
    "m": np.linspace(1.02, 2.99, N),
    "g": np.linspace(0.0, 1.0, N)[::-1],
    "cross_section": np.linspace(5.0, 1.0, N),
    "cross_section_error": np.full(N, 0.1),
    "efficiency[SR]": np.linspace(0.0, 1.0, N),
    "efficiency_error[SR]": np.full(N, 0.01),
    "note": np.array(["x"] * N),
}
BOX = {"m": (1.0, 3.0), "g": (0.0, 1.0)}


def table(**changes):
    columns = {**COLUMNS, **changes}
    return Table("mine.csv", {n: c for n, c in columns.items() if c is not None}, {}, "")


def all_datasets(points):
    box = parameter_box(points, BOX, {})
    return cross_section_dataset(points, box), efficiency_dataset(points, "SR", box)


def with_value(name, value, row=3):
    column = COLUMNS[name].copy()
    column[row] = value
    return {name: column}


def test_box_reaches_a_prior_that_the_points_were_drawn_in():
    # 50 uniform draws leave 13 % at an end once in a thousand times
    assert parameter_box(table(), {"m": (1.0, 3.0)}, {})["m"] == (1.0, 3.0)
    assert parameter_box(table(), {"m": (0.5, 3.0)}, {})["m"] == (1.02, 3.0)


def test_box_of_uniform_draws_is_their_prior_but_for_one_in_a_thousand():
    rng = np.random.default_rng(1)
    ends = np.array([
        parameter_box(table(m=rng.uniform(0.0, 1.0, N)), {"m": (0.0, 1.0)}, {})["m"]
        for _ in range(2000)
    ])  # fmt: skip
    missed = (ends != [0.0, 1.0]).any(axis=1).sum()
    assert missed < 2000 * 2e-3 + 4 * np.sqrt(2000 * 2e-3) + 1


def test_box_of_a_narrower_prior_is_still_that_of_the_points():
    assert parameter_box(table(), {"m": (2.0, 2.5)}, {"g": 0.5}) == {
        "m": (1.02, 2.99), "g": (0.0, 1.0)
    }  # fmt: skip


def test_datasets_have_the_columns_and_their_errors():
    learned = cross_section_dataset(table(), BOX)
    assert learned.target_names == ("cross_section", "cross_section_error")
    assert learned.target_error is None
    assert_allclose(learned.inputs[:, 1], COLUMNS["g"])
    assert cross_section_dataset(table(cross_section_error=None), BOX).target_names == (
        "cross_section",
    )
    efficiency = efficiency_dataset(table(), "SR", BOX)
    assert_allclose(efficiency.target_error[:, 0], 0.01)
    without = table(**{"efficiency_error[SR]": None})
    assert efficiency_dataset(without, "SR", BOX).target_error is None


def test_columns_that_nobody_reads_are_told():
    assert unread_columns(table(), BOX, ["SR"]) == ("note",)
    assert unread_columns(table(), ["m"], []) == (
        "g", "efficiency[SR]", "efficiency_error[SR]", "note"
    )  # fmt: skip


REFUSED = {
    "no parameter": ({"m": None}, "'m' is not a column.*Every parameter of the scan is one"),
    "constant": ({"g": np.full(N, 0.3)}, "mine.csv: g: is 0.3 in every row"),
    "text": ({"g": COLUMNS["note"]}, "mine.csv: g: holds 'x' in row 1; not a number"),
    "empty": (with_value("m", np.nan), "mine.csv: m: is nan in row 4; must be a number"),
    "no sigma": ({"cross_section": None}, "'cross_section' is not a column"),
    "negative": (with_value("cross_section", -1.0), "cross_section: is -1 in row 4; must be >= 0"),
    "no error": (with_value("cross_section_error", 0.0), "cross_section_error: is 0 in row 4"),
    "no region": ({"efficiency[SR]": None}, r"'efficiency\[SR\]' is not a column"),
    "per cent": (with_value("efficiency[SR]", 34.0), "is 34 in row 4; must lie in .0, 1.: a frac"),
    "certain": (with_value("efficiency_error[SR]", 0.0), "is 0 in row 4; must be > 0; where no"),
    "repeated": ({"m": COLUMNS["m"].round(0), "g": COLUMNS["m"].round(0)}, "are the same point"),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_a_table_that_cannot_be_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        all_datasets(table(**changes))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n", "row 2 has 1 cells for 2 columns"),
        ("a,a\n1,2\n", "column 'a' appears twice"),
        ("# nothing\n", "no rows"),
    ],
)
def test_a_file_that_is_no_table_is_refused(text, message, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_table("t.csv", tmp_path)


def test_a_spreadsheets_mark_is_no_part_of_a_name(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n", encoding="utf-8-sig")
    assert list(read_table("t.csv", tmp_path).columns) == ["a", "b"]


class Known:
    """A surrogate that gives 2 +- 0.3 and 0.4 +- 0.1, at a remoteness of twice its input."""

    target_names = ("cross_section", "cross_section_error")

    def examine(self, inputs):
        n = len(inputs)
        return Examined(
            np.tile([2.0, 0.4], (n, 1)), np.tile([0.3, 0.1], (n, 1)), 2.0 * inputs[:, 0]
        )


@pytest.mark.parametrize(
    ("policy", "factor"), [("inflate", [1.0, 1.0, 4.0]), ("error", [1.0, 1.0, 1.0])]
)
def test_cross_section_has_the_theory_error_and_the_surrogates(policy, factor):
    box = {"x": (0.0, 1.0)}
    theory = Theory(NoSpectrum(box), LearnedCrossSection(Known()), {}, 1.0, policy, 0.5)
    found = theory.observables(np.array([[0.1], [0.5], [2.0]]))
    assert_allclose(found.values["cross_section"], 2.0)
    # the error of the theory is no error of a surrogate: neither scaled nor inflated
    expected = np.hypot(0.4, 0.3 * 0.5 * np.array(factor))
    assert_allclose(found.values["cross_section_error"], expected)
    assert found.values["outside_training"].tolist() == [0.0, 0.0, 1.0]
    assert found.valid.all()
    assert "spectrum_valid" not in found.values
    assert tuple(found.values) == theory.observable_names


def test_rejected_points_are_those_where_the_cross_section_extrapolates():
    theory = Theory(NoSpectrum({"x": (0, 1)}), LearnedCrossSection(Known()), {}, 1.0, "reject")
    assert theory.observables(np.array([[0.1], [2.0]])).valid.tolist() == [True, False]
