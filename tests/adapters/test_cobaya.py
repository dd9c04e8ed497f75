"""cobaya: one line of input, the scan's own parameters, and no error taken for a likelihood."""

import numpy as np
import pytest
import yaml
from numpy.testing import assert_allclose

import fitplugin
from fitplugin.adapters.cobaya import cobaya_info, params
from fitplugin.errors import InputError
from tests.conftest import SCANS

cobaya = pytest.importorskip("cobaya")
from cobaya.log import LoggedError  # noqa: E402
from cobaya.model import get_model  # noqa: E402

BENCHMARK = {"mu": 254.6, "mQ3": 1280.5, "mtR": 1333.6}
LOG_VOLUME = np.log(1000.0 * 1500.0 * 1500.0)
SCAN = str(SCANS / "smoke.yaml")


@pytest.fixture(scope="module")
def info(model_cache, smoke_joint):
    """The one line that a user writes; the model is trained already."""
    return {"likelihood": {"fitplugin": {"scan": SCAN, "cache": str(model_cache)}}}


@pytest.fixture(scope="module")
def model(info):
    derived = ("m_higgs", "n_signal_0_lepton")
    return get_model(info | {"params": {name: {"derived": True} for name in derived}})


def test_parameters_and_priors_come_from_the_scan(model, smoke_joint):
    assert set(model.parameterization.sampled_params()) == set(smoke_joint.names)
    bounds = dict(zip(model.parameterization.sampled_params(), model.prior.bounds(), strict=True))
    assert_allclose([bounds[name] for name in smoke_joint.names], smoke_joint.space.box)
    assert model.parameterization.labels()["mQ3"] == "m_{Q_3}"


def test_posterior_is_the_joint_likelihood_times_one_prior_density(model, smoke_joint):
    found = model.logposterior(BENCHMARK)
    assert found.loglikes[0] == smoke_joint.log_likelihood(list(BENCHMARK.values()))
    assert_allclose(found.logpriors, [-LOG_VOLUME], rtol=1e-12)
    assert_allclose(found.logpost, found.loglikes[0] - LOG_VOLUME, rtol=1e-12)


def test_blobs_are_derived_parameters_on_request(model, smoke_joint):
    blobs = smoke_joint.evaluate([list(BENCHMARK.values())]).blobs
    found = dict(zip(model.derived_params, model.logposterior(BENCHMARK).derived, strict=True))
    assert found["m_higgs"] == blobs["m_higgs"][0]
    assert found["n_signal_0_lepton"] == blobs["n_signal[0-lepton]"][0]


def test_a_point_that_is_not_valid_has_no_likelihood_and_is_no_error(model):
    found = model.logposterior({"mu": 50.0, "mQ3": 200.0, "mtR": 300.0})
    assert found.loglikes[0] == -np.inf
    assert found.logpost == -np.inf


def test_an_exception_stops_the_run(model, monkeypatch):
    def broken(theta):
        raise ZeroDivisionError("no vacuum")

    component = model.likelihood["fitplugin"]
    monkeypatch.setattr(component, "joint", type("Broken", (), {
        "names": component.joint.names, "evaluate": staticmethod(broken)}))  # fmt: skip
    with pytest.raises(ZeroDivisionError, match="no vacuum"):
        model.logposterior({**BENCHMARK, "mu": 255.0}, cached=False)


def test_models_of_one_scan_share_one_likelihood(info, model):
    again = get_model(info)
    assert again.likelihood["fitplugin"].joint is model.likelihood["fitplugin"].joint


def test_digest_is_stored_beside_the_chains(model, smoke_joint):
    version = model.info()["likelihood"]["fitplugin"]["version"]
    assert version == {"fitplugin": fitplugin.__version__, "digest": smoke_joint.digest()}


def test_a_likelihood_without_scan_or_with_a_wrong_one_is_refused(tmp_path):
    with pytest.raises(InputError, match="give the path of a scan file"):
        get_model({"likelihood": {"fitplugin": None}, "params": {"a": 1.0}})
    with pytest.raises(LoggedError, match="no_such.yaml: cannot be read"):
        get_model({"likelihood": {"fitplugin": {"scan": str(tmp_path / "no_such.yaml")}}})


def test_an_unknown_derived_parameter_is_refused(info):
    with pytest.raises(LoggedError):
        get_model(info | {"params": {"m_higs": {"derived": True}}})


def test_info_is_complete_and_survives_yaml(model_cache, smoke_joint):
    info = yaml.safe_load(yaml.safe_dump(cobaya_info(SCAN, model_cache)))
    assert info["params"] == params(SCAN)
    updated, sampler = cobaya.run(info | {"sampler": {"evaluate": {"override": BENCHMARK}}})
    sample = sampler.products()["sample"]
    assert_allclose(-0.5 * sample["chi2__fitplugin"][0],
                    smoke_joint.log_likelihood(list(BENCHMARK.values())), rtol=1e-12)  # fmt: skip
    assert updated["likelihood"]["fitplugin"]["stop_at_error"] is True


def test_a_short_chain_stays_in_the_valid_prior(info):
    start = {name: {**entry, "ref": BENCHMARK[name], "proposal": 30.0}
             for name, entry in params(SCAN).items()}  # fmt: skip
    start["m_higgs"] = {"derived": True}
    sampler = {"mcmc": {"max_samples": 60, "seed": 1, "measure_speeds": False}}
    _, mcmc = cobaya.run(info | {"params": start, "sampler": sampler})
    sample = mcmc.products()["sample"]
    assert len(sample) == 60
    assert ((sample["m_higgs"] >= 121) & (sample["m_higgs"] <= 129)).all()
