"""What others offer for the same problem: experts out of scikit-learn, and GPyTorch."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel
from surrogate_problem import N_TRAINING, Model, Problem

from fitplugin.surrogates.dgp import DistributedGP
from fitplugin.surrogates.dgp.committee import rbcm

N_EXPERTS, N_EXACT, N_INDUCING = 256, 2000, 500
EPOCHS, EXACT_STEPS = 8, 30  # of GPyTorch: about a minute of training each


def sklearn_experts(data: Problem) -> Model:
    """256 experts of 65 points with one fixed kernel, combined by the robust BCM."""
    start = time.perf_counter()
    inputs, targets = data.training.inputs, data.training.targets
    shift, scale = inputs.mean(axis=0), inputs.std(axis=0)
    middle, spread = targets.mean(axis=0), targets.std(axis=0)
    hyper = DistributedGP().fit(data.training, np.random.default_rng(0)).hyperparameters[0]
    given = time.perf_counter() - start
    kernel = ConstantKernel(hyper.signal_std**2) * RBF(hyper.length_scale)
    x, y = (inputs - shift) / scale, (targets - middle) / spread
    experts = [
        GaussianProcessRegressor(kernel, alpha=hyper.noise_std**2, optimizer=None).fit(x[i], y[i])
        for i in np.array_split(np.random.default_rng(0).permutation(len(x)), N_EXPERTS)
    ]
    seconds = time.perf_counter() - start - given

    def predict(new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = (new - shift) / scale
        answers = [expert.predict(z, return_std=True) for expert in experts]
        mean, std = (np.stack(part, axis=1) for part in zip(*answers, strict=True))
        mean, variance = rbcm(mean, np.square(std), hyper.signal_std**2)
        return mean * spread + middle, np.sqrt(variance + hyper.noise_std**2) * spread

    return Model(seconds, predict, "kernel given (that of the default mode): not trained")


def gpytorch_model(sparse: bool) -> Callable[[Problem], Model]:
    def fit(data: Problem) -> Model:
        import gpytorch
        import torch

        torch.manual_seed(0)
        torch.set_default_dtype(torch.float64)
        n_used = N_TRAINING if sparse else N_EXACT
        inputs, targets = data.training.inputs[:n_used], data.training.targets[:n_used]
        shift, scale = inputs.mean(axis=0), inputs.std(axis=0)
        middle, spread = targets.mean(axis=0), targets.std(axis=0)
        x = torch.tensor((inputs - shift) / scale)
        y = torch.tensor((targets - middle) / spread)

        def kernel() -> gpytorch.kernels.Kernel:
            rbf = gpytorch.kernels.RBFKernel(ard_num_dims=x.shape[1])
            return gpytorch.kernels.ScaleKernel(rbf)

        class Exact(gpytorch.models.ExactGP):
            def __init__(self, target, likelihood):
                super().__init__(x, target, likelihood)
                self.mean_module, self.covar_module = gpytorch.means.ConstantMean(), kernel()

            def forward(self, z):
                mean, covariance = self.mean_module(z), self.covar_module(z)
                return gpytorch.distributions.MultivariateNormal(mean, covariance)

        class Sparse(gpytorch.models.ApproximateGP):
            def __init__(self):
                own = gpytorch.variational.CholeskyVariationalDistribution(N_INDUCING)
                super().__init__(
                    gpytorch.variational.VariationalStrategy(self, x[:N_INDUCING].clone(), own)
                )
                self.mean_module, self.covar_module = gpytorch.means.ConstantMean(), kernel()

            forward = Exact.forward

        def trained(target):
            likelihood = gpytorch.likelihoods.GaussianLikelihood()
            model = Sparse() if sparse else Exact(target, likelihood)
            every = [*model.parameters(), *(likelihood.parameters() if sparse else ())]
            optimiser = torch.optim.Adam(every, lr=0.02 if sparse else 0.1)
            bound = (
                gpytorch.mlls.VariationalELBO(likelihood, model, len(x))
                if sparse
                else gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
            )
            model.train()
            likelihood.train()
            for _ in range(EPOCHS if sparse else EXACT_STEPS):
                rows = torch.randperm(len(x)).split(1024) if sparse else (slice(None),)
                for some in rows:
                    optimiser.zero_grad()
                    loss = -bound(model(x[some]), target[some])
                    loss.backward()
                    optimiser.step()
            model.train(False)
            likelihood.train(False)
            return model, likelihood

        start = time.perf_counter()
        models = [trained(y[:, column].contiguous()) for column in range(y.shape[1])]
        seconds = time.perf_counter() - start

        def predict(new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            z = torch.tensor((new - shift) / scale)
            with torch.no_grad(), gpytorch.settings.fast_pred_var():
                found = [likelihood(model(z)) for model, likelihood in models]
            mean = np.stack([f.mean.numpy() for f in found], axis=1)
            std = np.stack([f.variance.sqrt().numpy() for f in found], axis=1)
            return mean * spread + middle, std * spread

        what = f"{N_INDUCING} inducing points, {EPOCHS} epochs"
        if not sparse:
            what = f"{N_EXACT} points only, {EXACT_STEPS} steps"
        return Model(seconds, predict, f"gpytorch {gpytorch.__version__}: {what}, Adam")

    return fit
