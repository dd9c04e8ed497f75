"""Masses at M_Z: invariants of the renormalisation group, limits, and real spectra."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fitplugin.data.tables import read_table
from fitplugin.physics import pmssm
from fitplugin.physics.derived import Derived
from fitplugin.physics.pmssm.low_scale import _Soft, low_scale
from fitplugin.physics.pmssm.tree import AtQ
from tests.physics.test_pmssm import parameters, simple_point

ROOT = Path(__file__).parents[2]


def squares(p):
    """Soft masses at Q and at M_Z [GeV^2]."""
    soft = _Soft.of(p, AtQ.of(p))
    found = low_scale(p)
    low = {name: np.sign(found[f"low_{name}"]) * found[f"low_{name}"] ** 2 for name in soft.squares}
    return soft.squares, low


@pytest.mark.parametrize(
    "invariant",
    [
        {"mqL12": 2, "muR12": -1, "mdR12": -1, "mQ3": -2, "mtR": 1, "mbR": 1},
        {"mlL12": 2, "meR12": -1, "mL3": -2, "mtauR": 1},
    ],
    ids=["baryons", "leptons"],
)
def test_one_loop_invariants_do_not_run(invariant):
    """D_B13 and D_L13 of M. Carena et al., arXiv:1003.2421, Table II."""
    high, low = squares(parameters())
    first, last = (
        sum(weight * values[name] for name, weight in invariant.items()) for values in (high, low)
    )
    assert_allclose(first, last, rtol=1e-9, atol=1e-3)


def test_the_trace_of_hypercharge_runs_by_itself():
    """16 pi^2 dS/dlnQ = (66/5) g_1^2 S: S. Martin, hep-ph/9709356, section 6.5."""
    p = parameters()
    high, low = squares(p)
    weights = {"mqL12": 2, "muR12": -4, "mdR12": 2, "mlL12": -2, "meR12": 2, "mQ3": 1, "mtR": -2,
               "mbR": 1, "mL3": -1, "mtauR": 1, "mHu": 1, "mHd": -1}  # fmt: skip
    first, last = (sum(w * values[n] for n, w in weights.items()) for values in (high, low))
    log_ratio = np.log(91.19 / AtQ.of(p).scale)
    expected = 1 + log_ratio * 66 / 5 * 0.465**2 / (16 * np.pi**2)
    assert_allclose(last, first * expected, rtol=1e-6, atol=1.0)


def test_the_electroweak_vacuum_gives_mu_and_ma_back():
    """At Q the soft Higgs masses are those of the tree-level minimum, where nothing runs."""
    p = parameters()
    soft = _Soft.of(p, AtQ.of(p))
    found = soft.run(np.zeros(200))
    assert_allclose(found["mu"], p["mu"] ** 2, rtol=1e-6, atol=1.0)
    assert_allclose(found["m_A"], p["MA"] ** 2, rtol=1e-6, atol=1.0)


def test_gluinos_make_squarks_heavier_at_low_scales_and_stops_each_other_lighter():
    heavy, light = (low_scale(simple_point(At=0, mtR=2500, M3=m3)) for m3 in (3000, 1000))
    for name in ("low_mqL12", "low_mtR", "low_mbR"):
        assert heavy[name] > light[name]
    mixed = low_scale(simple_point(At=5000, mtR=2500, M3=1000))
    assert mixed["low_mtR"] < light["low_mtR"]
    assert mixed["low_mqL12"] == light["low_mqL12"]


def test_loops_of_one_mass_at_its_scale_are_minus_one_logarithm():
    # all scalars at Q: each loop is -m^2, and their hypercharges add up to the trace's sign
    p = simple_point(**dict.fromkeys(("mqL12", "muR12", "mdR12", "mlL12", "meR12", "mQ3", "mtR",
                                      "mbR", "mL3", "mtauR", "MA"), 2000.0),
                     At=0, M1=100, M2=100, M3=1000)  # fmt: skip
    found = low_scale(p)
    cos_2beta = (1 - 20.0**2) / (1 + 20.0**2)
    trace = -(2000.0**2) * cos_2beta  # quarks and leptons of equal mass cancel
    gauginos = 100.0**2 * (np.log(1e4 / 2000.0**2) - 1)
    square = 2000.0**2 - 91.19**2 * cos_2beta * 0.2312
    square += 3 / 5 * 0.465**2 * (trace - 4 * gauginos) / (16 * np.pi**2)
    assert_allclose(found["loop_m_selectron_right"], np.sqrt(square), rtol=1e-9)


def test_points_that_it_calls_tachyonic_have_no_spectrum():
    spectra = read_table(str(ROOT / "tests" / "data" / "pmssm19.csv"))
    x = Derived(pmssm.LOW_NAMES, pmssm.PARAMETERS)(spectra.numbers(pmssm.PARAMETERS))
    lowest = x[:, pmssm.LOW_NAMES.index("lowest")]
    valid = spectra.columns["valid"] == 1
    # rough masses: beyond 300 GeV on the wrong side few survive, on the right side most
    assert valid[lowest < -300].mean() < 0.1
    assert valid[lowest > 300].mean() > 0.6


def test_everything_is_finite_in_the_whole_box():
    p = parameters(2000)
    p |= {name: np.where(np.arange(2000) % 7 == 0, 0.03, p[name])
          for name in ("mQ3", "mtR", "mbR", "mqL12", "MA", "mlL12")}  # fmt: skip
    p["tan_beta"][:3] = 1.0
    for name, values in low_scale(p).items():
        assert np.isfinite(values).all(), name
