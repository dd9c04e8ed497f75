"""A loop for a posterior: its likelihood, where it asks, and what its options refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import logsumexp

from fitplugin.active.loop import Loop
from fitplugin.active.options import read_loop
from fitplugin.active.posterior import Posterior, PosteriorOptions
from fitplugin.data.tables import read_table
from fitplugin.errors import InputError

ORACLE = """
import math
def peak(x, y):
    efficiency = 0.3 * math.exp(-0.5 * ((x - 0.3) ** 2 + (y + 0.2) ** 2) / 0.5**2) + 0.01
    return {"cross_section": 2.0 - 0.5 * x, "cross_section_error": 0.1,
            "efficiency[a]": efficiency, "efficiency_error[a]": 0.003}
"""
REGION = {"name": "a", "n_observed": 58, "background": 5.0, "background_error": 0.5}
POSTERIOR = {"luminosity": 100.0, "signal_error": 0.05, "regions": [REGION]}


def loop_file(folder: Path, **changes) -> Path:
    (folder / "mine.py").write_text(ORACLE)
    content = {
        "fitplugin": 1,
        "parameters": {"x": [-1.0, 1.0], "y": [-1.0, 1.0]},
        "oracle": {"kind": "function", "function": "mine.py:peak"},
        "posterior": POSTERIOR,
        "first": 10,
        "batch": {"size": 5, "candidates": 1500},
        "rounds": 2,
        "stop": {"log_likelihood_std": 0.001},
        **changes,
    }
    path = folder / "loop.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def run(path: Path, output: Path):
    loop = Loop(read_loop(path, allow_code=True), path.parent, output, allow_code=True)
    return loop, loop.run()


def test_without_errors_the_likelihood_is_that_of_poisson():
    region = {**REGION, "background_error": 1e-9}
    goal = Posterior(PosteriorOptions(luminosity=100.0, signal_error=0.0, regions=[region]))
    answers = {
        "cross_section": np.array([2.0, 0.7]),
        "cross_section_error": np.zeros(2),
        "efficiency[a]": np.array([0.25, 0.0]),
        "efficiency_error[a]": np.full(2, 0.01),
    }
    found = goal.targets(answers)
    mean = np.stack([found[name] for name in goal.names], axis=1)
    expected = stats.poisson.logpmf(58, [2.0 * 0.25 * 100 + 5.0, 5.0])
    assert_allclose(goal.log_likelihood(mean, np.zeros_like(mean)), expected, rtol=1e-8)


def test_the_error_of_a_root_is_the_same_wherever_counts_are_many_or_none():
    goal = Posterior(PosteriorOptions.model_validate(POSTERIOR))
    k, n = np.array([0.0, 1.0, 100.0, 2500.0]), 10_000
    answers = {
        "cross_section": np.ones(4),
        "efficiency[a]": k / n,
        "efficiency_error[a]": np.sqrt(np.maximum(k, 1.0)) / n,
    }
    assert_allclose(goal.targets(answers)["root_efficiency[a]_error"], 0.5 / np.sqrt(n))


def divergence(loop, found, seed: int = 3) -> float:
    """Kullback-Leibler divergence [nats] of the learned posterior from the true one."""
    theta = np.random.default_rng(seed).uniform(-1, 1, (6000, 2))
    x, y = theta.T
    efficiency = 0.3 * np.exp(-0.5 * ((x - 0.3) ** 2 + (y + 0.2) ** 2) / 0.5**2) + 0.01
    truth = np.stack([np.log(2.0 - 0.5 * x), np.sqrt(efficiency)], axis=1)
    goal = loop.options.goal
    true = goal.log_likelihood(truth, np.zeros_like(truth))
    learned = goal.log_likelihood(*found.model.examine(theta))
    true, learned = true - logsumexp(true), learned - logsumexp(learned)
    return float(np.exp(true) @ (true - learned))


def test_targeted_points_tell_the_posterior_where_as_many_of_a_hypercube_do_not(tmp_path):
    loop, found = run(loop_file(tmp_path), tmp_path / "targeted")
    latin = loop_file(tmp_path, batch={"size": 5, "choose": "latin", "candidates": 1500})
    other, spread = run(latin, tmp_path / "latin")
    targeted = divergence(loop, found)
    assert targeted < 0.005
    assert targeted < 0.3 * divergence(other, spread)
    errors = [metrics["log_likelihood_std"] for metrics in found.state.rounds]
    assert errors[-1] < 0.3 * errors[0]


def test_answers_are_a_table_to_learn_from(tmp_path):
    from click.testing import CliRunner

    from fitplugin.cli import main

    path = loop_file(tmp_path, rounds=1)
    told = ["learn", str(path), "-o", str(tmp_path / "state"), "--no-plots", "--allow-code"]
    result = CliRunner().invoke(main, told)
    assert result.exit_code == 0, result.output
    assert "sd of ln L" in result.output
    table = read_table("points.csv", tmp_path / "state")
    x, _, sigma = table.numbers(["x", "y", "cross_section"]).T
    assert len(x) == 15
    assert_allclose(sigma, 2.0 - 0.5 * x)
    assert {"efficiency[a]", "efficiency_error[a]"} <= set(table.columns)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": {"names": ["y"]}}, "target: belongs to a contour; this loop has a posterior"),
        ({"batch": {"choose": "entropy"}}, "'entropy' belongs to another goal; known here: .*post"),
        ({"posterior": {**POSTERIOR, "regions": []}}, "posterior.regions"),
        ({"posterior": None, "batch": {"choose": "posterior"}}, "'posterior' belongs to another"),
    ],
)  # fmt: skip
def test_options_of_another_goal_are_refused(changes, words, tmp_path):
    with pytest.raises(InputError, match=words):
        read_loop(loop_file(tmp_path, **changes), allow_code=True)
