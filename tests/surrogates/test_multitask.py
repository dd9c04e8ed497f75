"""Several tasks as one Gaussian process: gradients, peers, limits, missing tasks."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import check_grad
from scipy.stats import multivariate_normal

from fitplugin.errors import InputError
from fitplugin.surrogates.dataset import Schema
from fitplugin.surrogates.multitask import (
    MultitaskProcess,
    Observations,
    TaskHyperparameters,
    maximise_evidence,
    negative_log_evidence,
)
from fitplugin.surrogates.multitask_gp import MultitaskGP, MultitaskOptions, Tasks


def hyper(n_features=3, seed=0):
    rng = np.random.default_rng(seed)
    factor = np.array([[1.1, 0.0], [0.7, 0.4]])
    return TaskHyperparameters(
        rng.uniform(0.5, 2.0, n_features), factor, 0.3, np.array([0.05, 0.2])
    )


def observations(n=40, seed=1, n_features=3):
    rng = np.random.default_rng(seed)
    return Observations(
        rng.standard_normal((n, n_features)), rng.integers(0, 2, n), rng.standard_normal(n),
        rng.uniform(0.0, 0.1, n),
    )  # fmt: skip


def covariance(seen, h):
    """Written out, one element at a time."""
    n = len(seen.values)
    full = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            a, b = seen.points[i], seen.points[j]
            k = np.exp(-0.5 * np.square((a - b) / h.length_scale).sum())
            k += h.trend**2 * (1.0 + a @ b)
            full[i, j] = h.task_covariance[seen.tasks[i], seen.tasks[j]] * k
    noise = seen.variance + h.noise_std[seen.tasks] ** 2
    return full, full + np.diag(noise + 1e-8)


def test_the_evidence_is_that_of_a_multivariate_normal():
    seen, h = observations(), hyper()
    value, _ = negative_log_evidence(h.to_vector(), seen, 2)
    _, full = covariance(seen, h)
    expected = -multivariate_normal(cov=full).logpdf(seen.values) / len(seen.values)
    assert_allclose(value, expected, rtol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_its_gradient_is_that_of_differences(seed):
    seen = observations(seed=seed)
    vector = hyper(seed=seed).to_vector()
    error = check_grad(
        lambda v: negative_log_evidence(v, seen, 2)[0],
        lambda v: negative_log_evidence(v, seen, 2)[1],
        vector,
    )
    assert error < 1e-6


def test_predictions_are_the_conditional_normal():
    seen, h = observations(), hyper()
    process = MultitaskProcess.of(seen, h)
    fresh = observations(5, seed=9)
    for task in (0, 1):
        both = Observations(
            np.vstack([seen.points, fresh.points]),
            np.append(seen.tasks, np.full(5, task)),
            np.zeros(45), np.zeros(45),
        )  # fmt: skip
        latent, _ = covariance(both, h)
        _, full = covariance(seen, h)
        gain = np.linalg.solve(full, latent[:40, 40:]).T
        mean, cov = process.joint(fresh.points, task)
        assert_allclose(mean, gain @ seen.values, rtol=1e-8)
        assert_allclose(cov, latent[40:, 40:] - gain @ latent[:40, 40:], rtol=1e-7, atol=1e-10)
        one, variance = process.predict(fresh.points, task)
        assert_allclose(one, mean, rtol=1e-9)
        assert_allclose(variance, np.diagonal(cov), rtol=1e-7)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_evidence_and_predictions_are_those_of_gpytorch():
    torch, gpytorch = pytest.importorskip("torch"), pytest.importorskip("gpytorch")
    seen, h = observations(60, seed=3), hyper()
    fresh = observations(7, seed=4).points

    class Model(gpytorch.models.ExactGP):
        def __init__(self, x, y, likelihood):
            super().__init__(x, y, likelihood)
            self.mean_module = gpytorch.means.ZeroMean()
            self.smooth = gpytorch.kernels.RBFKernel(ard_num_dims=3)
            self.linear = gpytorch.kernels.LinearKernel()
            self.tasks = gpytorch.kernels.IndexKernel(num_tasks=2, rank=2)

        def forward(self, x, t):
            k = self.smooth(x).to_dense() + self.linear(x).to_dense() + h.trend**2
            return gpytorch.distributions.MultivariateNormal(
                self.mean_module(x), k * self.tasks(t).to_dense()
            )

    torch.set_default_dtype(torch.float64)
    try:
        x, y = torch.tensor(seen.points), torch.tensor(seen.values)
        t = torch.tensor(seen.tasks)[:, None]
        noise = torch.tensor(seen.variance + h.noise_std[seen.tasks] ** 2 + 1e-8)
        likelihood = gpytorch.likelihoods.FixedNoiseGaussianLikelihood(noise)
        model = Model((x, t), y, likelihood)
        model.smooth.lengthscale = torch.tensor(h.length_scale)
        model.linear.variance = h.trend**2
        model.tasks.covar_factor.data = torch.tensor(h.factor)
        model.tasks.var = torch.full((2,), 1e-12)
        model.train()
        prior = model(x, t)
        evidence = likelihood(prior).log_prob(y).item()
        model.eval()
        found = model(torch.tensor(fresh), torch.ones(7, 1, dtype=torch.long))
        theirs = found.mean.detach().numpy(), found.variance.detach().numpy()
    finally:
        torch.set_default_dtype(torch.float32)
    ours, _ = negative_log_evidence(h.to_vector(), seen, 2)
    assert_allclose(-ours * 60, evidence, rtol=1e-6)
    mean, variance = MultitaskProcess.of(seen, h).predict(fresh, 1)
    assert_allclose(mean, theirs[0], rtol=1e-5, atol=1e-8)
    assert_allclose(variance, theirs[1], rtol=1e-4, atol=1e-7)


def simple(n_cheap=150, n_dear=12, seed=0):
    """A dear task that is a linear function of a cheap one and of x."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (n_cheap, 2))
    cheap = np.sin(3 * x[:, 0]) * np.cos(2 * x[:, 1])
    dear = 2.0 * cheap + 0.5 * x[:, 0] + 1.0
    values = np.stack([cheap, np.where(np.arange(n_cheap) < n_dear, dear, np.nan)], axis=1)
    schema = Schema(("a", "b"), ("cheap", "dear"), np.array([[-1.0, 1.0], [-1.0, 1.0]]))
    return Tasks(x, values, None, schema), dear


def test_a_cheap_task_teaches_a_dear_one():
    tasks, dear = simple()
    shared = MultitaskGP(MultitaskOptions()).fit_tasks(tasks, np.random.default_rng(0))
    alone_tasks = Tasks(
        tasks.inputs[:12], tasks.values[:12, 1:], None,
        tasks.schema._replace(target_names=("dear",)),
    )  # fmt: skip
    alone = MultitaskGP(MultitaskOptions()).fit_tasks(alone_tasks, np.random.default_rng(0))
    error = np.abs(shared.predict(tasks.inputs).mean[12:, 1] - dear[12:]).mean()
    without = np.abs(alone.predict(tasks.inputs).mean[12:, 0] - dear[12:]).mean()
    assert error < 0.2 * without
    assert shared.task_correlation[0, 1] > 0.9


def test_errors_are_right_on_fresh_points():
    rng = np.random.default_rng(5)
    x = rng.uniform(-1, 1, (400, 2))
    truth = np.sin(3 * x[:, 0]) + x[:, 1]
    values = (truth + 0.1 * rng.standard_normal(400))[:, np.newaxis]
    schema = Schema(("a", "b"), ("y",), np.array([[-1.0, 1.0], [-1.0, 1.0]]))
    model = MultitaskGP().fit_tasks(Tasks(x[:200], values[:200], None, schema), rng)
    mean, std = model.predict(x[200:])
    pull = (mean - values[200:]) / std
    # std includes the scatter; mean square of 200 nearly independent pulls, five deviations
    assert abs(np.square(pull).mean() - 1) < 5 * np.sqrt(2 / 200)


def test_one_length_scale_is_the_same_for_all_features():
    found = maximise_evidence(observations(60), 2, one_length=True)
    assert len(set(found.length_scale)) == 1


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda v: v.__setitem__((slice(None), 1), np.nan), "target dear"),
        (lambda v: v.__setitem__((0, 0), np.inf), "values"),
    ],
)
def test_what_cannot_be_learned_is_refused_by_name(change, where):
    tasks, _ = simple()
    change(tasks.values)
    with pytest.raises(InputError) as caught:
        MultitaskGP().fit_tasks(tasks, np.random.default_rng(0))
    assert caught.value.where == where


@pytest.mark.slow
def test_six_thousand_values_take_less_than_two_minutes():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (5500, 4))
    cheap = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] - x[:, 3] ** 2
    values = np.stack([cheap, np.where(np.arange(5500) < 500, cheap + 0.3 * x[:, 0], np.nan)], 1)
    schema = Schema(tuple("abcd"), ("cheap", "dear"), np.array([[-1.0, 1.0]] * 4))
    start = time.perf_counter()
    model = MultitaskGP().fit_tasks(Tasks(x, values, None, schema), rng)
    found = model.predict(rng.uniform(-1, 1, (2000, 4)))
    print(f"{time.perf_counter() - start:.0f} s")
    assert np.isfinite(found.mean).all()
