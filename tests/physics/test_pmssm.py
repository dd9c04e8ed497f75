"""Leading-order quantities of the pMSSM: matrices, limits, and real spectra."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mpmath
import numpy as np
import pytest
import yaml
from numpy.testing import assert_allclose

import fitplugin
from fitplugin.data.tables import read_table
from fitplugin.physics import pmssm
from fitplugin.physics.derived import Derived, baselines_for
from fitplugin.physics.pmssm import loops
from fitplugin.runs.config import read_scan

ROOT = Path(__file__).parents[2]
EXCERPT = ROOT / "tests" / "data" / "pmssm19.csv"


def parameters(n=200, seed=0, **fixed):
    """Random points of the box of arXiv:2007.04506, Table 1."""
    rng = np.random.default_rng(seed)
    found = {name: rng.uniform(100, 4000, n) for name in pmssm.PARAMETERS}
    for name in ("M1", "M2", "M3", "mu", "At", "Ab", "Atau"):
        found[name] = rng.uniform(-4000, 4000, n)
    found["tan_beta"] = rng.uniform(1, 60, n)
    return {**found, **{name: np.full(n, value) for name, value in fixed.items()}}


MIRRORED = [
    ({"At": 4000, "M3": -1000, "mtR": 2500}, 164.904, 125.743),
    ({"At": 4000, "M3": -1000, "mtR": 2300}, 118.352, 125.900),
    ({"At": 4000, "M3": -1000, "mtR": 2100}, 111.008, 126.069),
    ({"At": -4000, "M3": -2000, "mtR": 2500}, 79.687, 126.658),
    ({"At": -4000, "M3": -500, "mtR": 2450}, 97.136, 126.549),
    ({"At": 1500, "M3": -1000, "mtR": 2400}, 114.587, 120.309),
    ({"At": 1500, "M3": -2000, "mtR": 2500}, 133.903, 120.483),
    ({"At": 1500, "M3": -3500, "mtR": 2700}, 131.826, 120.782),
    ({"At": -3000, "M3": -1500, "mtR": 2000}, 131.481, 124.263),
]  # parameters, m_h of SPheno 4.0.5 there and at the mirror point [GeV]


def simple_point(**changes):
    """One point with heavy scalars."""
    found = dict.fromkeys(pmssm.PARAMETERS, 3000.0) | {
        "M1": 500.0, "M2": 1000.0, "mu": 1000.0, "MA": 2000.0, "tan_beta": 20.0, "Ab": 0.0,
        "Atau": 0.0, "mQ3": 2500.0, **changes,
    }  # fmt: skip
    return {name: np.array([float(value)]) for name, value in found.items()}


def test_everything_is_finite_in_the_whole_box():
    corners = parameters(2000)
    corners |= {name: np.where(np.arange(2000) % 7 == 0, 0.03, corners[name])
                for name in ("mQ3", "mtR", "mbR", "mqL12", "MA")}  # fmt: skip
    for name, values in pmssm.running(corners).items():
        assert np.isfinite(values).all(), name


def test_stop_masses_are_eigenvalues_of_their_matrix():
    p = parameters()
    found = pmssm.running(p)
    tan_beta = p["tan_beta"]
    d_term = 91.19**2 * (1 - tan_beta**2) / (1 + tan_beta**2)
    top = 150.0 * (1 - 0.04 * np.log(np.maximum(200, np.sqrt(p["mQ3"] * p["mtR"])) / 1000))
    matrix = np.empty((200, 2, 2))
    matrix[:, 0, 0] = p["mQ3"] ** 2 + top**2 + d_term * (0.5 - 2 / 3 * 0.2312)
    matrix[:, 1, 1] = p["mtR"] ** 2 + top**2 + d_term * 2 / 3 * 0.2312
    matrix[:, 0, 1] = matrix[:, 1, 0] = top * (p["At"] - p["mu"] / tan_beta)
    squares = np.linalg.eigvalsh(matrix)
    expected = np.sign(squares) * np.sqrt(np.abs(squares))
    assert_allclose(found["running_m_stop1"], expected[:, 0], rtol=1e-6)
    assert_allclose(found["running_m_stop2"], expected[:, 1], rtol=1e-9)


def test_the_loop_function_is_symmetric_and_has_its_limit():
    a, b, c = np.array([1e6]), np.array([4e6]), np.array([9e6])
    values = [loops.loop(*order) for order in ((a, b, c), (b, c, a), (c, a, b), (b, a, c))]
    assert_allclose(values, np.broadcast_to(values[0], (4, 1)), rtol=2e-3)
    assert_allclose(loops.loop(a, a, a), 0.5 / a, rtol=1e-3)


def test_a_squark_that_is_as_heavy_as_the_gluino_is_shifted_by_four_units():
    # x = 1 and Q = m: only 1 + 3 x is left of Eq. 34 of hep-ph/9606211
    m = np.array([1000.0])
    expected = 2 * 0.0885 / (3 * np.pi) * 4.0 * m**2
    assert_allclose(loops.gluon_gluino(m**2, m, m), expected, rtol=1e-9)


def test_a_heavy_higgs_sector_without_mixing_has_the_leading_logarithm():
    stop, tan_beta = 1500.0, 30.0
    p = parameters(1, mQ3=stop, mtR=stop, mbR=stop, MA=4000.0, tan_beta=tan_beta, mu=10.0,
                   At=10.0 / tan_beta, Ab=10.0 * tan_beta, M3=10.0, M2=10.0)  # fmt: skip
    top = 150.0 * (1 - 0.04 * np.log(1.5))
    cos_2beta = (1 - tan_beta**2) / (1 + tan_beta**2)
    log = np.log((stop**2 + top**2) / top**2)
    expected = np.sqrt((91.19 * cos_2beta) ** 2 + 3 * top**4 / (4 * np.pi**2 * 174.1**2) * log)
    found = pmssm.running(p)["running_m_higgs"]
    # bottom squarks and the next order in (M_Z / MA)^2 are left out of the closed form
    assert_allclose(found, expected, rtol=2e-3)


def test_stops_of_equal_masses_mix_fully():
    found = pmssm.running(parameters(50, mQ3=1500.0, mtR=1500.0, At=3000.0))
    assert_allclose(found["stop_sine"], 1.0, rtol=1e-3)
    assert np.abs(found["stop_cosine"]).max() < 0.05
    apart = pmssm.running(parameters(50))
    assert_allclose(apart["stop_sine"] ** 2 + apart["stop_cosine"] ** 2, 1.0, rtol=1e-9)


def test_reflected_parameters_are_the_same_physics():
    p = parameters()
    mirror = {name: -v if name in ("M1", "M2", "M3", "mu", "At", "Ab", "Atau") else v
              for name, v in p.items()}  # fmt: skip
    found, same = pmssm.running(p), pmssm.running(mirror)
    for name in found:
        if "_m_" in name or name.startswith(("lightest", "bottom_", "mixing_with")):
            assert_allclose(found[name], same[name], rtol=1e-9, err_msg=name)


def dilogarithms(x, y, z):
    """Phi of ordered squared masses, with 30 digits."""
    with mpmath.workdps(30):
        u, v = mpmath.mpf(x) / z, mpmath.mpf(y) / z
        root = mpmath.sqrt((1 - u - v) ** 2 - 4 * u * v)
        plus, minus = (1 + u - v - root) / 2, (1 - u + v - root) / 2
        logs = 2 * mpmath.log(plus) * mpmath.log(minus) - mpmath.log(u) * mpmath.log(v)
        both = mpmath.polylog(2, plus) + mpmath.polylog(2, minus)
        return float(mpmath.re((logs - 2 * both + mpmath.pi**2 / 3) / root))


@pytest.mark.parametrize(
    "squares", [(2e4, 4e6, 9e6), (2e4, 4e6, 4.1e6), (2e4, 4e6, 4e6), (3e4, 1e4, 1e6)]
)
def test_the_vacuum_function_is_that_of_mpmath(squares):
    x, y, z = (np.array([value]) for value in squares)
    expected = dilogarithms(*sorted(squares))
    assert_allclose(loops.loop_phi(x, y, z), expected, rtol=1e-6)
    # z phi(x, y, z) does not depend on which mass is called the last
    assert_allclose(loops.loop_phi(z, x, y) * z, expected * y, rtol=1e-6)


@pytest.mark.parametrize(("parameters", "spheno", "mirror"), MIRRORED)
def test_the_phase_of_the_gluino_is_what_spheno_misses(parameters, spheno, mirror):
    """SPheno 4.0.5 at a point, and at its mirror with all signs of M_i, A_i and mu changed."""
    found = pmssm.running(simple_point(**parameters))["gluino_phase_shift"]
    assert_allclose(found, spheno - mirror, rtol=0.25)
    reflected = simple_point(**parameters)
    for name in ("M1", "M2", "M3", "mu", "At"):
        reflected[name] = -reflected[name]
    assert pmssm.running(reflected)["gluino_phase_shift"] == 0.0


def test_equal_stops_are_the_limit_of_nearly_equal_ones():
    top, mixing = np.array([150.0]), np.array([0.5])
    light = np.array([1e6])
    near, nearer = (
        loops.potential(top, (light, light + gap), np.array([3.0]), mixing, np.array([2.0]),
                         np.array([0.99]))
        for gap in (1.1e3, 0.9e3)
    )  # fmt: skip
    # on both sides of where the expansion takes over
    scaled = [a / g**2 for a, g in ((near[0], 1 / 1.1e3), (nearer[0], 1 / 0.9e3))]
    assert np.isfinite(scaled).all()
    assert_allclose(near[2], nearer[2], rtol=1e-3)


@pytest.fixture(scope="module")
def spectra():
    return read_table(str(EXCERPT))


def test_real_spectra_are_near_their_baselines(spectra):
    x = Derived(pmssm.NAMES, pmssm.PARAMETERS)(spectra.numbers(pmssm.PARAMETERS))
    columns = dict(zip(pmssm.NAMES, x.T, strict=True))
    valid = spectra.columns["valid"] == 1
    for target, baseline in pmssm.BASELINES.items():
        truth, close = np.abs(spectra.columns[target][valid]), columns[baseline][valid]
        assert np.corrcoef(truth, close)[0, 1] > (0.4 if target == "m_higgs" else 0.98), target
    gap = spectra.columns["m_higgs"] - columns["running_m_higgs"]
    assert np.median(np.abs(gap[valid])) < 6.0
    # what has a tachyon has no spectrum
    tachyon = columns["lightest_slepton"] < 0
    assert valid[tachyon].mean() < 0.05
    assert valid.mean() > 0.3


def test_baselines_follow_from_the_parameters_there_are():
    assert baselines_for(["m_higgs"], pmssm.PARAMETERS) == {"m_higgs": "running_m_higgs"}
    assert baselines_for(["m_higgs"], ["mu", "tan_beta", "M3", "mQ3", "mtR", "At"]) == {}
    assert baselines_for(["m_higgs", "x"], ["mu"]) == {}


def test_the_shipped_scan_learns_a_users_spectra(tmp_path, model_cache):
    """The scan file as it is, but for small networks, on a part of real spectra."""
    pytest.importorskip("numpyro")
    scan = yaml.safe_load((ROOT / "scans" / "pmssm" / "higgs_mass.yaml").read_text())
    for suffix in (".csv", ".json"):
        shutil.copy(EXCERPT.with_suffix(suffix), tmp_path)
    small = {"posterior": "ensemble", "hidden": [10], "n_networks": 2,
             "pretraining": {"min_steps": 300}}  # fmt: skip
    scan["spectrum"]["surrogate"] = {"kind": "bnn", **small, "posterior": "last_layer",
                                     "sampling": {"n_warmup": 50, "n_draws": 20, "block": 20,
                                                  "max_tree_depth": 4}}  # fmt: skip
    scan["spectrum"]["validity"] = {"kind": "bnn", **small}
    (tmp_path / "scan.yaml").write_text(yaml.safe_dump(scan, sort_keys=False))
    joint = fitplugin.load(tmp_path / "scan.yaml", model_cache)
    theta = joint.prior_transform(np.random.default_rng(0).random((400, joint.n_dim)))
    found = joint.evaluate(theta)
    assert found.valid.any()
    mass, error = (found.blobs[name][found.valid] for name in ("m_higgs", "m_higgs_error"))
    expected = -0.5 * (mass - 125.2) ** 2 / (2.0**2 + error**2)
    expected -= 0.5 * np.log(2 * np.pi * (2.0**2 + error**2))
    assert_allclose(found.log_likelihood[found.valid], expected, rtol=1e-9)


def test_the_shipped_scan_is_well_formed():
    assert read_scan(ROOT / "scans" / "pmssm" / "higgs_mass.yaml").spectrum.options.inputs == (
        pmssm.INPUTS
    )


def test_the_card_names_the_ranges_of_the_source():
    card = json.loads(EXCERPT.with_suffix(".json").read_text())
    assert set(card["inputs"]) == set(pmssm.PARAMETERS)
    assert card["inputs"]["At"]["range"] == [-7000, 7000]
