"""HistFactory workspaces: read as pyhf means them, and refused where they say more."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from numpy.testing import assert_allclose

from fitplugin.errors import InputError
from fitplugin.likelihoods.workspace import read_channel
from fitplugin.runs.config import read_scan
from fitplugin.stats.counts import log_profile, q_mu
from tests.conftest import SCANS

# pyhf uses a deprecated corner of jsonschema
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

WORKSPACE = {
    "version": "1.0.0",
    "channels": [
        {
            "name": "SR",
            "samples": [
                {"name": "signal", "data": [21.0],
                 "modifiers": [{"name": "mu", "type": "normfactor", "data": None},
                               {"name": "k_signal", "type": "normsys",
                                "data": {"hi": 1.2, "lo": 0.8}}]},
                {"name": "top", "data": [8.0],
                 "modifiers": [{"name": "scale", "type": "normsys",
                                "data": {"hi": 1.25, "lo": 0.75}}]},
                {"name": "boson", "data": [4.2],
                 "modifiers": [{"name": "scale", "type": "normsys",
                                "data": {"hi": 1.1, "lo": 0.9}},
                               {"name": "lumi", "type": "lumi", "data": None}]},
            ],
        }
    ],
    "observations": [{"name": "SR", "data": [33.0]}],
    "measurements": [
        {"name": "m", "config": {"poi": "mu", "parameters": [
            {"name": "lumi", "auxdata": [1.0], "sigmas": [0.05], "bounds": [[0.5, 1.5]],
             "inits": [1.0]}]}}
    ],
}  # fmt: skip


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "workspace.json"
    path.write_text(json.dumps(WORKSPACE))
    return path


def test_parameters_move_samples_together_and_add_in_quadrature(stored):
    found = read_channel(stored, "SR")
    assert found.n_observed == 33.0
    assert_allclose(found.background, 12.2)
    assert_allclose(found.background_error, np.hypot(8.0 * 0.25 + 4.2 * 0.1, 4.2 * 0.05))


def test_pyhf_accepts_the_same_workspace(stored):
    pyhf = pytest.importorskip("pyhf")
    model = pyhf.Workspace(WORKSPACE).model()
    parameters = np.array(model.config.suggested_init())
    parameters[model.config.poi_index] = 0.0
    assert_allclose(model.expected_actualdata(parameters), read_channel(stored, "SR").background)


@pytest.mark.parametrize(
    ("n", "s", "ds", "b", "db"),
    [(33, 21, 4.2, 12.2, 3.9), (3, 50, 10, 3, 1), (12, 5, 1, 12.2, 3.9), (100, 30, 9, 60, 12)],
)
def test_profile_and_q_mu_agree_with_pyhf(n, s, ds, b, db):
    """normsys with code 1 (exponential) is the mode histfactory, here with symmetric kappas."""
    pyhf = pytest.importorskip("pyhf")
    kappa_s, kappa_b = 1 + ds / s, 1 + db / b
    spec = {"channels": [{"name": "SR", "samples": [
        {"name": "signal", "data": [s], "modifiers": [
            {"name": "mu", "type": "normfactor", "data": None},
            {"name": "ks", "type": "normsys", "data": {"hi": kappa_s, "lo": 1 / kappa_s}}]},
        {"name": "background", "data": [b], "modifiers": [
            {"name": "kb", "type": "normsys", "data": {"hi": kappa_b, "lo": 1 / kappa_b}}]},
    ]}]}  # fmt: skip
    model = pyhf.Model(spec, modifier_settings={"normsys": {"interpcode": "code1"}})
    data = [float(n), *model.config.auxdata]
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-12))
    _, fixed = pyhf.infer.mle.fixed_poi_fit(1.0, data, model, return_fitted_val=True)
    expected = -0.5 * float(fixed)
    found = log_profile(n, s, ds, b, db, mode="histfactory")
    assert_allclose(found, expected, atol=2e-6)
    bounds = model.config.suggested_bounds()
    bounds[model.config.poi_index] = (-5.0, 20.0)
    _, free = pyhf.infer.mle.fit(data, model, par_bounds=bounds, return_fitted_val=True)
    assert_allclose(q_mu(n, s, ds, b, db, mode="histfactory"), float(fixed - free), atol=1e-5)


def test_a_region_takes_its_data_from_a_workspace(stored):
    content = yaml.safe_load((SCANS / "smoke.yaml").read_text())
    for region in content["regions"]:
        del region["background"], region["background_error"]
        region["workspace"] = {"file": "workspace.json", "channel": "SR"}
    del content["mock"]
    scan = stored.with_name("scan.yaml")
    scan.write_text(yaml.safe_dump(content))
    config = read_scan(scan)
    assert config.counts == {"0-lepton": 33.0, "1-lepton": 33.0}
    assert_allclose(config.regions[0].background, 12.2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.pop("observations"), "is not a HistFactory workspace: 'observations' missing"),
        (lambda w: w["observations"][0].update(data=[1, 2]), "has 2 observed bins"),
        (lambda w: w["channels"][0]["samples"][1]["modifiers"].append(
            {"name": "x", "type": "shapesys", "data": [1]}), "'shapesys' is not a modifier"),
    ],
)  # fmt: skip
def test_workspaces_that_say_more_are_refused(change, words, tmp_path):
    content = json.loads(json.dumps(WORKSPACE))
    change(content)
    path = tmp_path / "w.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=words):
        read_channel(path, "SR")


def test_unknown_channel_names_the_known_ones(stored):
    with pytest.raises(InputError, match="'SRR' is not a channel. Known: SR"):
        read_channel(stored, "SRR")


@pytest.mark.parametrize("change", [
    lambda w: w.update(channels=3), lambda w: w.update(measurements={}),
    lambda w: w["observations"][0].update(data=5), lambda w: w["observations"][0].update(name=[]),
    lambda w: w["channels"][0]["samples"][1].update(data=["x"]),
    lambda w: w["channels"][0]["samples"][1].update(data=[10**400]),
    lambda w: w["channels"][0]["samples"][0].pop("modifiers"),
    lambda w: w["channels"][0]["samples"][0].update(modifiers=[{"type": 3, "name": "x"}]),
    lambda w: w["channels"][0]["samples"].append(None),
])  # fmt: skip
def test_workspaces_of_other_forms_are_refused_in_one_line(change, tmp_path):
    content = json.loads(json.dumps(WORKSPACE))
    change(content)
    path = tmp_path / "w.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"w\.json: is not a HistFactory workspace"):
        read_channel(path, "SR")
