"""Every sampler on every problem: evidence, error and posterior are right over eight seeds.

`benchmarks/bench_sampler_problems.py` writes the figures of the same table.
"""

import math

import pytest

from benchmarks.sampler_problems import PROBLEMS, truth_of
from benchmarks.sampler_scores import N_SEEDS, OPTIONS, score
from fitplugin import plugins
from fitplugin.errors import MissingExtraError

# With as many cells as here, a right sampler falls below this once in some hundred tables.
LEAST_P = 1e-4

# 1/sqrt(n_eff) is the error of independent draws; where the likelihood is constant within shells,
# only their volumes are uncertain.
TOO_CAREFUL = {("nautilus", "flat_in_a_cut")}

FAST = {("prior", "two_modes")}
FAST |= {(sampler, "flat_in_a_cut") for sampler in ("prior", "dynesty", "ultranest")}
CELLS = [
    pytest.param(sampler, problem, marks=() if (sampler, problem) in FAST else pytest.mark.slow)
    for sampler in OPTIONS
    for problem in PROBLEMS
]


@pytest.mark.parametrize(("sampler", "problem"), CELLS)
def test_evidence_error_and_posterior_are_right(sampler, problem):
    plugin = plugins.load("fitplugin.samplers", sampler)()
    try:
        plugin.require(plugin.Options(**OPTIONS[sampler]), 2)
    except MissingExtraError as error:
        pytest.skip(str(error))
    found = score(sampler, problem, PROBLEMS[problem](), truth_of(problem))
    assert abs(found.mean_z) < 3.0 / math.sqrt(N_SEEDS)
    assert found.chi2_p < 1.0 - LEAST_P
    if (sampler, problem) not in TOO_CAREFUL:
        assert found.chi2_p > LEAST_P
    assert found.ks_p > LEAST_P
    assert found.mean_p > LEAST_P
    assert found.quantile_p > LEAST_P
