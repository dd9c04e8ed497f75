"""Runs merged are one run with all their live points, and disagreement shows."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import SeedSequence

from fitplugin.errors import InputError
from fitplugin.pools.serial import SerialPool
from fitplugin.samplers.dynesty import Dynesty, DynestyOptions
from fitplugin.samplers.evidence import Evidence
from fitplugin.samplers.merge import merge

from . import laws
from .problems import Slab


def run(seed, n_live=100):
    options = DynestyOptions(n_live=n_live)
    return Dynesty().run(
        Slab(), options, SerialPool(), SeedSequence(seed), None, lambda record: None
    )


@pytest.fixture(scope="module")
def chains():
    return [run(seed) for seed in range(4)]


@pytest.fixture(scope="module")
def merged(chains):
    return merge(chains)


def test_form_and_evidence(merged):
    laws.check_form(merged, Slab())
    laws.check_log_z(merged, Slab())
    laws.check_cut(merged, Slab())
    assert merged.n_live == 400
    assert merged.details["n_runs"] == 4.0


def test_four_runs_halve_the_error(chains, merged):
    single = np.mean([chain.evidence.log_z_error for chain in chains])
    assert merged.evidence.log_z_error == pytest.approx(single / 2.0, rel=0.1)
    assert merged.evidence.fraction.error == pytest.approx(
        np.mean([chain.evidence.fraction.error for chain in chains]) / 2.0, rel=0.1
    )


def test_all_live_points_are_alive_until_the_first_run_ends(chains, merged):
    births = np.sort(merged.log_birth)
    end = min(chain.log_likelihood[-101] for chain in chains)
    n_dead = int(np.searchsorted(merged.log_likelihood, end))
    alive = np.searchsorted(births, merged.log_likelihood[:n_dead]) - np.arange(n_dead)
    assert (alive == 400).all()


def test_merging_agrees_with_anesthetic(chains, merged):
    anesthetic = pytest.importorskip("anesthetic")
    others = [
        anesthetic.NestedSamples(data=c.samples, logL=c.log_likelihood, logL_birth=c.log_birth)
        for c in chains
    ]
    log_z = anesthetic.samples.merge_nested_samples(others).logZ()
    assert abs(log_z - merged.evidence.log_z) < 0.1 * merged.evidence.log_z_error


def test_the_order_of_the_runs_does_not_matter(chains, merged):
    assert merge(chains[::-1]).evidence == pytest.approx(merged.evidence) or np.isclose(
        merge(chains[::-1]).evidence.log_z, merged.evidence.log_z, rtol=1e-12
    )


def test_runs_that_agree_have_unremarkable_p_values(merged):
    assert 0.001 < merged.details["runs_log_z_p"] <= 1.0
    assert 0.001 < merged.details["runs_means_p"] <= 1.0


def test_runs_that_disagree_show_it(chains):
    fraction = chains[0].evidence.fraction
    elsewhere = replace(
        run(11), evidence=Evidence(-9.0, 0.1, False, fraction), samples=run(11).samples + 3.0
    )
    details = merge([chains[0], elsewhere]).details
    assert details["runs_log_z_p"] < 1e-6
    assert details["runs_means_p"] < 1e-6


def test_what_cannot_be_merged_is_refused(chains):
    with pytest.raises(InputError, match="points in common"):
        merge([chains[0], chains[0]])
    with pytest.raises(InputError, match="records no births"):
        merge([chains[0], replace(chains[1], log_birth=None)])
    with pytest.raises(InputError, match="different parameters"):
        merge([chains[0], replace(chains[1], names=("u", "v"))])
