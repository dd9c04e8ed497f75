"""Reweighted draws, against a Gaussian that is moved."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fitplugin.errors import InputError
from fitplugin.studies.trust.reweighting import reweight

N = 40_000


@pytest.fixture(scope="module")
def theta():
    return np.random.default_rng(3).standard_normal((N, 2))


@pytest.mark.parametrize("distance", [0.0, 0.3, 1.0])
def test_a_moved_gaussian_has_the_closed_form(distance, theta):
    """N(0,1) to N(d,1): mean d, ln Z change 0, n_eff = n exp(-d^2)."""
    change = distance * theta[:, 0] - 0.5 * distance**2
    found = reweight(["x", "y"], theta, change)
    assert abs(found.n_eff / N - np.exp(-(distance**2))) < 0.1
    error = np.exp(0.5 * distance**2) * np.sqrt(1 + distance**2) / np.sqrt(N)
    x, y = found.parameters["x"], found.parameters["y"]
    assert abs(x.mean - distance) < 4 * error
    assert abs(x.shift - distance) < 4 * error * 1.05
    assert abs(y.shift) < 4 * error * 1.05
    assert abs(x.std - 1) < 5 * error
    assert abs(found.log_z_change) < 4 * found.log_z_change_error + 1e-12
    assert abs(found.log_z_change_error - np.sqrt(np.expm1(distance**2) / N)) < 0.3 / np.sqrt(N)


def test_a_constant_changes_the_evidence_and_nothing_else(theta):
    found = reweight(["x", "y"], theta, np.full(N, -7.0))
    assert found.log_z_change == pytest.approx(-7.0)
    assert found.n_eff == pytest.approx(N)
    assert found.largest_shift[1] == pytest.approx(0.0, abs=1e-12)


def test_base_weights_are_those_of_repeated_draws():
    theta, change = np.array([[0.0], [1.0], [5.0]]), np.array([0.1, -0.4, 0.3])
    times = np.array([3, 1, 2])
    by_weight = reweight(["x"], theta, change, times.astype(float))
    repeated = reweight(["x"], np.repeat(theta, times, axis=0), np.repeat(change, times))
    assert by_weight.parameters["x"].mean == pytest.approx(repeated.parameters["x"].mean)
    assert by_weight.log_z_change == pytest.approx(repeated.log_z_change)


def test_refused_draws_weigh_nothing(theta):
    change = np.where(theta[:, 0] > 0, 0.0, -np.inf)
    found = reweight(["x", "y"], theta, change)
    assert found.parameters["x"].mean == pytest.approx(np.sqrt(2 / np.pi), abs=4 / np.sqrt(N))
    assert found.log_z_change == pytest.approx(np.log(0.5), abs=4 / np.sqrt(N))


def test_nothing_left_is_an_error(theta):
    with pytest.raises(InputError, match="all refused"):
        reweight(["x", "y"], theta, np.full(N, -np.inf))


def test_the_dictionary_is_json(theta):
    content = json.loads(json.dumps(reweight(["x", "y"], theta, 0.1 * theta[:, 0]).to_dict()))
    assert set(content["parameters"]) == {"x", "y"}
    assert "weights" not in content
