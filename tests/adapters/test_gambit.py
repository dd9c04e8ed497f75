"""GAMBIT-light: called as its interface calls, ``user_loglike(names, values, output)``."""

import sys
from types import SimpleNamespace

import pytest
import yaml

from fitplugin.adapters.gambit import gambit_info, gambit_light
from fitplugin.errors import InputError

NAMES, VALUES = ["mtR", "mu", "mQ3"], [1333.6, 254.6, 1280.5]
NO_SPECTRUM = [300.0, 50.0, 200.0]


@pytest.fixture(scope="module")
def user_loglike(smoke_joint):
    return gambit_light(smoke_joint)


def test_parameters_are_found_by_name_and_blobs_are_filled_in(user_loglike, smoke_joint):
    output = {}
    found = user_loglike(NAMES, VALUES, output)
    batch = smoke_joint.evaluate([[254.6, 1280.5, 1333.6]])
    assert found == batch.log_likelihood[0]
    assert output == {name: batch.blobs[name][0] for name in smoke_joint.blob_names}
    assert {type(value) for value in output.values()} == {float}


def test_an_invalid_point_is_reported_as_the_interface_would(user_loglike):
    """Its message begins with what GAMBIT-light takes for an invalid point."""
    with pytest.raises(RuntimeError, match=r"^\[invalid\]no_spectrum") as raised:
        user_loglike(NAMES, NO_SPECTRUM, {})
    assert raised.type is RuntimeError  # the interface strips this name, and no other


def test_inside_gambit_light_its_own_function_is_called(user_loglike, monkeypatch):
    def invalid_point(message):
        raise RuntimeError(f"[invalid]Invalid point message from fitplugin: {message}\n")

    interface = SimpleNamespace(invalid_point=invalid_point)
    monkeypatch.setitem(sys.modules, "gambit_light_interface", interface)
    with pytest.raises(RuntimeError, match="Invalid point message from fitplugin: no_spectrum"):
        user_loglike(NAMES, NO_SPECTRUM, {})


def test_a_missing_parameter_is_an_error_and_not_an_invalid_point(user_loglike):
    with pytest.raises(InputError, match="lacks mQ3; the scan's parameters are mu, mQ3, mtR"):
        user_loglike(NAMES[:2], VALUES[:2], {})


def test_a_parameter_that_the_scan_fixes_otherwise_is_refused(user_loglike):
    assert user_loglike([*NAMES, "tan_beta"], [*VALUES, 20.0], {}) < 0.0
    with pytest.raises(InputError, match="is 10, but 20 in the scan file"):
        user_loglike([*NAMES, "tan_beta"], [*VALUES, 10.0], {})


def test_parameters_of_other_likelihoods_are_passed_over(user_loglike):
    assert user_loglike([*NAMES, "alpha"], [*VALUES, 1.0], {}) < 0.0


def test_sections_of_the_yaml_file_fit_the_function(user_loglike, smoke_joint):
    info = yaml.safe_load(yaml.safe_dump(gambit_info(smoke_joint, "library.py")))
    section = info["UserLogLikes"]["fitplugin"]
    names = [entry["name"] for entry in info["UserModel"].values()]
    assert names == section["input"] == list(smoke_joint.names)
    assert info["UserModel"]["p1"]["range"] == [-500.0, 500.0]
    output = {}
    user_loglike(names, [254.6, 1280.5, 1333.6], output)
    assert set(section["output"]) <= set(output)


def test_an_output_that_is_no_blob_is_refused(smoke_joint):
    with pytest.raises(InputError, match="Did you mean 'm_higgs'"):
        gambit_info(smoke_joint, "library.py", blobs=["m_higs"])
