"""Committees against a slow and obvious reference, and the law that a batch changes no digit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import cho_factor, cho_solve

from fitplugin.surrogates.dgp import asking
from fitplugin.surrogates.dgp.asking import LocalCommittee, WholeCommittee
from fitplugin.surrogates.dgp.blocks import Training
from fitplugin.surrogates.dgp.committee import COMBINATIONS
from fitplugin.surrogates.dgp.experts import Experts
from fitplugin.surrogates.kernels import Hyperparameters

RNG = np.random.default_rng(17)
HYPER = Hyperparameters(np.array([0.8, 1.7, 2.5]), 1.2, 0.2)
POINTS = RNG.standard_normal((120, 3))
TARGETS = np.stack([np.sin(2 * POINTS[:, 0]), POINTS[:, 1] * POINTS[:, 2]], axis=1)
NEW = 1.3 * RNG.standard_normal((60, 3))
NOISES = {"common": np.zeros((120, 1)), "per target": RNG.uniform(0.01, 0.2, (120, 2))}
FULL = RNG.permutation(120).reshape(10, 12)
PADDED = np.where((np.arange(10) % 3 == 0)[:, None] & (np.arange(12) > 8), -1, FULL)
SCATTER = RNG.uniform(0.5, 2.0, (2, 10))


@pytest.fixture(params=NOISES)
def training(request):
    return Training(POINTS, TARGETS, NOISES[request.param])


@pytest.fixture(params=["full", "padded"])
def rows(request):
    return {"full": FULL, "padded": PADDED}[request.param]


def kernel(a, b):
    return HYPER.signal_std**2 * np.exp(-0.5 * sum(((a - b) / HYPER.length_scale) ** 2))


def expert(training, rows, target, new):
    """Latent mean and variance of one expert at one point, number by number."""
    rows = rows[rows >= 0]
    noise = training.noise_variance[rows, min(target, training.noise_variance.shape[1] - 1)]
    x = training.points[rows]
    covariance = np.array([[kernel(a, b) for b in x] for a in x])
    factor = cho_factor(covariance + np.diag(noise + HYPER.noise_std**2))
    cross = np.array([kernel(a, new) for a in x])
    mean = cross @ cho_solve(factor, training.targets[rows, target])
    return mean, HYPER.signal_std**2 - cross @ cho_solve(factor, cross)


def by_loops(name, mean, variance, prior):
    """The rule of one point and target, as its paper has it."""
    common_mean, common = 0.0, prior
    if name == "grbcm":
        common_mean, common = mean[0], variance[0]
        mean, variance = mean[1:], variance[1:]
    precision = total = weights = 0.0
    for k, (m, v) in enumerate(zip(mean, variance, strict=True)):
        gained = 0.5 * (np.log(common) - np.log(v))
        beta = {
            "poe": 1.0, "gpoe": 1 / len(mean), "bcm": 1.0, "rbcm": gained,
            "grbcm": 1.0 if k == 0 else max(gained, 0.0),
        }[name]  # fmt: skip
        precision, total, weights = precision + beta / v, total + beta * m / v, weights + beta
    if name in ("bcm", "rbcm", "grbcm"):
        precision += (1 - weights) / common
        total += (1 - weights) * common_mean / common
    return total / precision, 1 / precision


@pytest.mark.parametrize("name", sorted(COMBINATIONS))
def test_whole_committee_is_its_rule_over_all_experts(name, training, rows):
    found = WholeCommittee(Experts.factorise(training, rows, HYPER), SCATTER, name).latent(NEW)
    for i in (0, 31, 59):
        for target in (0, 1):
            answers = [expert(training, r, target, NEW[i]) for r in rows]
            expected = by_loops(name, *zip(*answers, strict=True), HYPER.signal_std**2)
            moments = found.mean[i, target], found.variance[i, target]
            assert_allclose(moments, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n_nearest", [1, 3, 50])
def test_local_committee_is_the_blend_of_the_nearest_experts(n_nearest, training, rows):
    experts = Experts.factorise(training, rows, HYPER)
    found = LocalCommittee(experts, SCATTER, n_nearest).latent(NEW)
    real = [POINTS[r[r >= 0]] / HYPER.length_scale for r in rows]
    centres = [x.mean(axis=0) for x in real]
    n_asked = min(n_nearest, len(rows) - 1)
    for i in (0, 31, 59):
        new = NEW[i] / HYPER.length_scale
        away = [np.linalg.norm(new - c) for c in centres]
        order = np.argsort(away)
        weight = [(1 - away[k] / away[order[n_asked]]) ** 2 for k in order[:n_asked]]
        weight = np.array(weight) / sum(weight)
        for target in (0, 1):
            answers = [expert(training, rows[k], target, NEW[i]) for k in order[:n_asked]]
            precision = sum(w / v for w, (_, v) in zip(weight, answers, strict=True))
            mean = sum(w * m / v for w, (m, v) in zip(weight, answers, strict=True)) / precision
            column = min(target, found.variance.shape[1] - 1)
            assert_allclose(found.variance[i, column], 1 / precision, rtol=1e-9)
            scatter = sum(w * SCATTER[target, k] for w, k in zip(weight, order, strict=False))
            assert_allclose(found.scatter[i, target], scatter, rtol=1e-9)
            # the mean has the common noise of all targets, or its own
            assert_allclose(found.mean[i, target], mean, rtol=1e-9, atol=1e-12)
        nearest = order[0]
        radius = np.linalg.norm(real[nearest] - centres[nearest], axis=1).max()
        assert_allclose(found.remoteness[i], away[nearest] / (2 * radius), rtol=1e-9)


COMMITTEES = [*sorted(COMBINATIONS), 1, 3, 9]


@pytest.mark.parametrize("kind", COMMITTEES)
def test_a_point_has_the_same_digits_alone_and_in_any_batch(kind, training, rows, monkeypatch):
    experts = Experts.factorise(training, rows, HYPER)
    if isinstance(kind, int):
        committee = LocalCommittee(experts, SCATTER, kind)
    else:
        committee = WholeCommittee(experts, SCATTER, kind)
    whole = committee.latent(NEW)
    order = RNG.permutation(len(NEW))
    for some in ([5], [5, 5], order[:7], order):
        for found, expected in zip(committee.latent(NEW[some]), whole, strict=True):
            assert_array_equal(found, expected[some])
    # nor do the chunks that bound the memory
    monkeypatch.setattr(asking, "_CHUNK_ENTRIES", 3000)
    monkeypatch.setattr(asking, "_PAIRS", 7)
    for found, expected in zip(committee.latent(NEW), whole, strict=True):
        assert_array_equal(found, expected)


def test_a_point_equally_far_from_all_centres_asks_all_of_them():
    corners = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    pairs = (corners[:, np.newaxis] + [[0.25, 0.0], [-0.25, 0.0]]).reshape(-1, 2)
    hyper = Hyperparameters(np.ones(2), 1.0, 0.1)
    training = Training(pairs, np.arange(8.0)[:, np.newaxis], np.zeros((8, 1)))
    experts = Experts.factorise(training, np.arange(8).reshape(4, 2), hyper)
    found = LocalCommittee(experts, np.ones((1, 4)), 3).latent(np.zeros((1, 2)))
    assert np.isfinite(found.mean).all()
    assert_allclose(found.scatter, 1.0)
