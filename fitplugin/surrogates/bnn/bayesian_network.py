"""Bayesian neural network as a surrogate: sampled by numpyro, evaluated in plain NumPy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from pydantic import BaseModel
from scipy.special import expit

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.stats.decisions import DECISIONS
from fitplugin.stats.weighted import effective_size
from fitplugin.surrogates.bnn.density import Shape, noise_scale, require_jax
from fitplugin.surrogates.bnn.options import BayesianNetworkOptions
from fitplugin.surrogates.bnn.posterior import Drawn, draw
from fitplugin.surrogates.bnn.prior import PriorOptions, log_prior
from fitplugin.surrogates.dataset import Dataset
from fitplugin.surrogates.frame import SMALLEST_STD, Frame, Split, is_class, split_share
from fitplugin.surrogates.networks.dense import Activation
from fitplugin.surrogates.networks.network_ensemble import NetworkEnsemble
from fitplugin.surrogates.networks.resumable_network import ResumableNetwork, require_units
from fitplugin.surrogates.recalibration import fit_factor
from fitplugin.surrogates.transforms import backward

_FEWEST = 10.0  # effective networks; a reweighted ensemble with fewer has collapsed


class _Fitted(NamedTuple):
    frame: Frame
    networks: NetworkEnsemble
    log_scales: FloatArray  # (n_networks, n_layers, 2) of the prior
    log_noise: FloatArray  # (n_networks, n_targets) standardised; (n_networks, 0) of a class
    log_weights: FloatArray  # (n_networks,) of the networks
    factor: FloatArray  # (n_targets,) on the errors
    facts: dict[str, Any]


class BayesianNetwork(ResumableNetwork[BayesianNetworkOptions, _Fitted]):
    """Bayesian neural network: networks drawn from the posterior of their weights.

    Hamiltonian Monte Carlo (extra ``bnn``) samples weights, their prior's scales and the noise;
    predictions are NumPy alone. The error of a prediction combines the spread of the networks with
    the noise that they infer, and is corrected on held-out points as ``calibration`` says. A single
    target of 0 and 1 makes it a classifier: the mean is the probability of 1, and the error that of
    the probability, from the spread of the networks alone.
    """

    Options: ClassVar[type[BaseModel]] = BayesianNetworkOptions
    citations: ClassVar[tuple[str, ...]] = (
        "B. S. Kronheim et al., Bayesian Neural Networks for Fast SUSY Predictions, "
        "arXiv:2007.04506",
        "R. M. Neal, MCMC using Hamiltonian dynamics, arXiv:1206.1901",
        "M. D. Hoffman and A. Gelman, The No-U-Turn Sampler, arXiv:1111.4246",
        "D. Phan, N. Pradhan and M. Jankowiak, NumPyro, arXiv:1912.11554",
        "S. J. Reddi, S. Kale and S. Kumar, On the Convergence of Adam and Beyond, "
        "arXiv:1904.09237",
    )

    @classmethod
    def require_training(cls) -> None:
        """Refuse to train without jax, numpyro and optax."""
        require_jax()

    def check(self, dataset: Dataset) -> None:
        """Refuse what `fit` would refuse: constant targets, too few points."""
        super().check(dataset)
        for name, column in zip(dataset.target_names, dataset.targets.T, strict=True):
            if column.min() == column.max():
                raise InputError(
                    f"target {name}", f"is {column[0]:g} at every point: there is nothing to learn"
                )

    def fit(self, dataset: Dataset, rng: np.random.Generator) -> BayesianNetwork:
        """Return networks that stand for the posterior; ``rng`` splits the points and seeds.

        Raises
        ------
        InputError
            If a column is constant, a feature is unknown, points are too few, the training or
            the sampling diverges, or a kept state is of another training.
        MissingExtraError
            If jax, numpyro or optax is not installed.
        """
        self.check(dataset)
        require_jax()
        seed = int(rng.integers(2**31))
        training, held_out = split_share(dataset, self.options.held_out, rng)
        binary = is_class(dataset)
        transformed = self._transformed(training)
        frame = Frame.of(transformed, self.options.features, binary)
        points = frame.points(training.inputs)
        targets = frame.targets(transformed.targets)
        n_judged = max(1, round(self.options.validation * len(points)))
        split = Split(points[n_judged:], targets[n_judged:], points[:n_judged], targets[:n_judged])
        shape = Shape.of(points.shape[1], targets.shape[1], binary, self.options)
        checkpoint = self._checkpoint(dataset, seed)
        drawn = draw(split, shape, self.options, seed, checkpoint)
        fitted = self._with_errors(
            _assembled(frame, shape, drawn, self.options.activation), held_out
        )
        checkpoint.remove()
        return BayesianNetwork(self.options, fitted)

    def calibration_facts(self) -> dict[str, Any]:
        """How the sampling went, and what held-out points say."""
        fitted = self._fitted
        return {
            **fitted.facts,
            "n_networks": fitted.networks.n_networks,
            "effective_networks": round(self.effective_networks, 1),
        }

    @property
    def effective_networks(self) -> float:
        """Kish's effective number of networks: all, unless reweighted."""
        return effective_size(np.exp(self._fitted.log_weights))

    def reweighted(self, prior: PriorOptions) -> BayesianNetwork:
        """Return the networks under another prior, each weighted by pi'(theta) / pi(theta).

        Raises
        ------
        InputError
            If the networks are no draws of a posterior, or fewer than two count afterwards.

        Source: arXiv:2007.04506, section 2.2.
        """
        if self.options.posterior == "ensemble":
            raise InputError(
                "posterior", "an ensemble is not drawn from a posterior: no prior to replace"
            )
        fitted = self._fitted
        weights, biases = (
            [np.asarray(layer, dtype=float) for layer in layers]
            for layers in (fitted.networks.weights, fitted.networks.biases)
        )
        ratio = log_prior(weights, biases, fitted.log_scales, prior) - log_prior(
            weights, biases, fitted.log_scales, self.options.prior
        )
        log_weights = ratio - np.logaddexp.reduce(ratio)
        other = BayesianNetwork(
            self.options,
            fitted._replace(
                log_weights=log_weights,
                facts={**fitted.facts, "reweighted": prior.model_dump(mode="json")},
            ),
        )
        if other.effective_networks < 2.0:
            raise InputError(
                "prior",
                f"leaves {other.effective_networks:.1f} effective of "
                f"{fitted.networks.n_networks} networks: the ensemble collapses; "
                "train with this prior instead",
            )
        return other

    @property
    def has_collapsed(self) -> bool:
        """Whether fewer than ten networks count after reweighting."""
        return self.effective_networks < min(_FEWEST, 0.5 * self._fitted.networks.n_networks)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return weights, scalings, errors and facts as plain arrays."""
        fitted = self._fitted
        return {
            **fitted.frame.to_arrays(),
            **fitted.networks.to_arrays(),
            "log_scales": fitted.log_scales,
            "log_noise": fitted.log_noise,
            "log_weights": fitted.log_weights,
            "factor": fitted.factor,
            "facts": np.array(json.dumps(fitted.facts)),
        }

    @classmethod
    def from_arrays(
        cls, options: BayesianNetworkOptions, arrays: Mapping[str, np.ndarray]
    ) -> BayesianNetwork:
        """Rebuild the networks that `to_arrays` came from.

        Raises
        ------
        InputError
            If the arrays are of another architecture than the options.
        """
        frame = Frame.from_arrays(arrays, options.features)
        networks = NetworkEnsemble.from_arrays(arrays, options.activation)
        n_noise = arrays["log_noise"].shape[1]
        n_targets = len(frame.schema.target_names)
        shape = Shape.of(len(frame.inputs.shift), n_targets, not n_noise, options)
        require_units(networks.units, shape.units)
        facts = json.loads(str(arrays["facts"]))
        scales, noise, weights, factor = (
            arrays[name] for name in ("log_scales", "log_noise", "log_weights", "factor")
        )
        return cls(options, _Fitted(frame, networks, scales, noise, weights, factor, facts))

    def _with_errors(self, fitted: _Fitted, held_out: Dataset) -> _Fitted:
        mean, std = self._moments(fitted, held_out.inputs)
        if not fitted.log_noise.shape[1]:
            truth = held_out.targets[:, 0]
            said = {d.text: d.judge(mean[:, 0], std[:, 0], truth).to_dict() for d in DECISIONS}
            return fitted._replace(facts={**fitted.facts, **said})
        factor = fit_factor(
            mean, std, held_out.targets, held_out.target_error, self.options.calibration
        )
        facts = {**fitted.facts, "factor": [float(f"{x:.4g}") for x in factor]}
        return fitted._replace(factor=factor, facts=facts)

    def _moments(self, fitted: _Fitted, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        found = fitted.networks(fitted.frame.points(values)).astype(float)
        weights = np.exp(fitted.log_weights)[:, np.newaxis, np.newaxis]
        if not fitted.log_noise.shape[1]:
            mean, std = _mean_and_std(expit(found), 0.0, weights)
            return mean, np.maximum(std, SMALLEST_STD)
        means, log_noise = noise_scale(found, fitted.log_noise, np)
        mean, std = _mean_and_std(means, np.exp(2.0 * log_noise), weights)
        targets = fitted.frame.targets
        std = np.maximum(std, SMALLEST_STD) * targets.scale
        return backward(targets.restore(mean), std, self.options.transform)


def _assembled(frame: Frame, shape: Shape, drawn: Drawn, activation: Activation) -> _Fitted:
    weights, biases = shape.layers(drawn.vectors)
    n_targets, n_networks = len(frame.schema.target_names), len(drawn.vectors)

    def kept(layers: list[FloatArray]) -> tuple[FloatArray, ...]:
        return tuple(
            np.ascontiguousarray(layer[:1] if index < drawn.n_shared else layer, dtype=np.float32)
            for index, layer in enumerate(layers)
        )

    return _Fitted(
        frame,
        NetworkEnsemble(kept(weights), kept(biases), activation),
        np.array(shape.log_scales(drawn.vectors), dtype=float),
        np.array(shape.log_noise(drawn.vectors), dtype=float),
        np.full(n_networks, -np.log(n_networks)),
        np.ones(n_targets),
        drawn.facts,
    )


def _mean_and_std(
    values: FloatArray, variance: FloatArray | float, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Moments of a mixture: (n_networks, n_points, n_targets) means and variances, weighted."""

    def total(parts: FloatArray) -> FloatArray:
        # one after the other: a sum in pairs would depend on the shape of the batch
        return np.asarray(np.cumsum(parts, axis=0)[-1])

    mean = total(weights * values)
    return mean, np.sqrt(total(weights * (np.square(values - mean) + variance)))
