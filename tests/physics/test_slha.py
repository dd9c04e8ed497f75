"""SLHA files: what they say, and how broken ones are refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.errors import InputError
from fitplugin.physics.natural_susy import BENCHMARK as PARAMETERS
from fitplugin.physics.particles import CODES
from fitplugin.physics.slha import entry, read_slha
from tests.simulation.slha import BENCHMARK, with_mass, with_width, without_decay

pytest.importorskip("pyslha")


def refused(text, match, **options):
    with pytest.raises(InputError, match=match) as caught:
        read_slha(text, "p1", **options)
    assert str(caught.value).startswith("p1")


def test_benchmark_is_that_of_the_paper_and_of_its_spectrum_program():
    point = read_slha(BENCHMARK, "benchmark")
    assert dict(point.parameters) == pytest.approx(dict(PARAMETERS))
    # the figures that stand in the file, read by eye
    masses = {"m_higgs": 122.234775, "m_stop1": 1176.09755, "m_stop2": 1407.10259,
              "m_sbottom1": 1264.03768, "m_gluino": 2108.86232, "m_neutralino1": 254.869867,
              "m_neutralino2": -258.19612, "m_chargino1": 256.417071}  # fmt: skip
    assert dict(point.masses) == pytest.approx(masses)
    assert point.lsp == 1000022
    assert point.mass_of[1000037] == pytest.approx(3018.15824)
    assert (0.31300236900, (1000022, 6)) in point.decays[1000006]
    assert point.branching["br_stop1_top"] == pytest.approx(0.313002369 + 0.359964873)
    assert point.branching["br_stop1_bottom"] == pytest.approx(0.326628)  # 0.04 % are rarer
    assert point.branching["br_stop2_W_squark"] == pytest.approx(0.0712899628)
    assert point.branching["br_stop2_Zh_squark"] == pytest.approx(0.119077315 + 0.00827383286)
    assert point.branching["br_sbottom1_W_squark"] == pytest.approx(0.00711181282)


def test_branching_fractions_of_a_squark_add_up():
    branching = read_slha(BENCHMARK, "benchmark").branching
    for squark in ("stop1", "stop2", "sbottom1"):
        total = sum(value for name, value in branching.items() if squark in name)
        assert_allclose(total, 1.0, atol=2e-3)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("<html><body>not found</body></html>", "no block MASS"),
        ("mass: 3", "no block MASS"),
        (BENCHMARK[: BENCHMARK.index("1000006     1.17")], "MASS 1000006: .* no mass of stop1"),
        (with_mass(1000006, "NaN"), "MASS 1000006: nan is no mass"),
        (with_mass(1000006, "inf"), "MASS 1000006: inf is no mass"),
        (with_mass(1000006, "abc"), "MASS 1000006: 'abc' is no number"),
        (with_mass(1000006, "-1176."), "MASS 1000006: -1176 GeV is no mass"),
        (with_mass(1000024, "200."), "lightest sparticle is chargino1 with 200 GeV"),
        (with_mass(1000015, "200."), "lightest sparticle is particle 1000015"),
        (without_decay(1000006), "DECAY 1000006: stop1 has no decays"),
        (without_decay(1000024), "DECAY 1000024: chargino1 has no decays"),
        (with_width(1000006, "0.0"), "DECAY 1000006: the width of stop1 is 0 GeV"),
        (with_width(1000006, "-1.0"), "DECAY 1000006: the width of stop1 is -1 GeV"),
        (with_width(1000006, "NaN"), "DECAY 1000006: the width of stop1 is NaN GeV"),
        (with_width(1000024, "0.0"), "DECAY 1000024: the width of chargino1 is 0 GeV"),
        (BENCHMARK[: BENCHMARK.index("DECAY")], "has no decays"),
        (BENCHMARK.replace("Block stopmix", "Block other"), "STOPMIX: is missing"),
        (BENCHMARK.replace("Block Nmix", "Block other"), "NMIX: is missing"),
        (BENCHMARK.replace("7.89530295E-01", "NaN"), "STOPMIX 1 1: nan is no mass"),
        (BENCHMARK.replace("3.13002369E-01", "2.13002369E-01"), "add up to 0.9"),
        (BENCHMARK.replace("     2   v4.0.5 ", "     4   no convergence\n     2   v4.0.5 "),
         "the spectrum program reports: no convergence"),
    ],
)  # fmt: skip
def test_broken_file_is_refused_by_point_and_place(text, match):
    refused(text, match)


def test_gluino_needs_decays_only_where_it_is_produced_or_decayed_to():
    text = without_decay(CODES["gluino"])
    assert read_slha(text, "p1").masses["m_gluino"] > 0
    refused(text, "gluino has no decays", produced=["gluino"])


def test_widths_of_particles_outside_the_chains_do_not_matter():
    assert read_slha(with_width(CODES["gluino"], "0.0"), "p1").lsp == CODES["neutralino1"]


def test_an_unknown_produced_particle_is_refused():
    refused(BENCHMARK, "'stop3' is not a particle here", produced=["stop3"])


def test_fortran_exponents_and_letters_of_any_case_are_read():
    fortran = re.sub(r"(\d)E([+-]\d\d)", r"\1D\2", BENCHMARK)
    assert fortran != BENCHMARK
    for text in (fortran, BENCHMARK.replace("Block", "BLOCK"), BENCHMARK.replace("\n", "\r\n")):
        found, expected = read_slha(text, "p1"), read_slha(BENCHMARK, "p1")
        assert found.masses == expected.masses
        assert found.decays == expected.decays
        assert found.parameters == expected.parameters


def test_a_file_cut_anywhere_is_refused_or_loses_nothing_that_matters():
    whole = read_slha(BENCHMARK, "p1")
    refusals = 0
    for length in range(0, len(BENCHMARK), 97):
        try:
            found = read_slha(BENCHMARK[:length], "p1")
        except InputError:
            refusals += 1
            continue
        # a channel that was cut off may be missing, below the tolerance of the sum
        assert found.masses == whole.masses
        assert found.parameters == whole.parameters
        for name, value in whole.branching.items():
            assert abs(found.branching[name] - value) < 0.01
    assert refusals > 100


def test_scrambled_bytes_are_refused_in_words():
    rng = np.random.default_rng(3)
    for _ in range(60):
        damaged = list(BENCHMARK)
        for position in rng.integers(0, len(damaged), 20):
            damaged[position] = chr(rng.integers(32, 127))
        try:
            point = read_slha("".join(damaged), "p1")
        except InputError as error:
            words = str(error)
        else:
            words = "p1"
            assert all(np.isfinite(list(point.masses.values())))
        assert words.startswith("p1")


def test_parameters_are_read_where_they_are_said_to_stand():
    point = read_slha(BENCHMARK, "p1", {"M1": entry("EXTPAR:1"), "none": entry("EXTPAR:99")})
    assert point.parameters == {"M1": 3000.0}


@pytest.mark.parametrize("text", ["EXTPAR", "EXTPAR:x", ":3", "EXTPAR:-1"])
def test_a_place_is_a_block_and_an_index(text):
    with pytest.raises(InputError, match="BLOCK:INDEX"):
        entry(text)
