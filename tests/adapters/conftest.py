"""Finished runs of the half-normal problem, as `fitplugin run` leaves them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import SeedSequence

from fitplugin.pools.serial import SerialPool
from fitplugin.runs import directory
from fitplugin.samplers.dynesty import Dynesty, DynestyOptions

from .problems import HalfNormal


@pytest.fixture(scope="session")
def half_normal():
    return HalfNormal()


@pytest.fixture(scope="session")
def chain(half_normal, tmp_path_factory):
    options = DynestyOptions(n_live=200, tolerance=0.1)
    scratch = tmp_path_factory.mktemp("scratch")
    return Dynesty().run(
        half_normal, options, SerialPool(), SeedSequence(3), scratch, lambda record: None
    )


@pytest.fixture
def run_directory(chain, half_normal, tmp_path):
    """A run directory with what every reader needs."""
    ranges = half_normal.space.ranges
    directory.write_chain(tmp_path, chain, ranges)
    prior = half_normal.prior_transform(np.random.default_rng(0).random((500, 2)))
    directory.write_prior(tmp_path, prior[half_normal.is_valid(prior)], ranges)
    evidence = chain.evidence
    summary = {
        "sampler": chain.sampler,
        "log_z": evidence.log_z,
        "log_z_error": evidence.log_z_error,
        "log_z_box": evidence.log_z_box,
        "log_z_box_error": evidence.log_z_box_error,
        "valid_fraction": evidence.fraction.value,
        "valid_fraction_error": evidence.fraction.error,
        "n_like": chain.n_like,
        "n_live": chain.n_live,
    }
    manifest = {"schema": directory.SCHEMA_VERSION, "digest": half_normal.digest()}
    directory.write_json(tmp_path / "summary.json", summary)
    (tmp_path / "resolved.yaml").write_text("fitplugin: 1\n")
    directory.write_manifest(tmp_path, manifest | {"sampler": {"name": chain.sampler}})
    return tmp_path
