"""Posterior density of the weights of a network, for a sampler that needs gradients (jax)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import MissingExtraError
from fitplugin.surrogates.bnn.options import BayesianNetworkOptions
from fitplugin.surrogates.bnn.prior import log_half_cauchy, log_prior

_SMALLEST_SCALE = 1e-2  # of trained weights
_LARGEST_LOG_NOISE = 5.0  # of a network's own scale; keeps a bad start finite


def require_jax() -> tuple[Any, Any]:
    """Return the modules jax and jax.numpy.

    Raises
    ------
    MissingExtraError
        If jax, numpyro or optax is not installed.
    """
    try:
        import jax
        import jax.numpy as jnp
        import numpyro  # noqa: F401
        import optax  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "training of a bnn", "jax, numpyro and optax", "pip install 'fitplugin[bnn]'"
        ) from error
    return jax, jnp


class Shape(NamedTuple):
    """Where the parts of a network are in one vector of numbers.

    The vector holds weights and biases layer by layer, then the logarithms of their scales, two
    for each layer, then the logarithm of the noise of each target.

    Attributes
    ----------
    units : tuple of int
        Inputs, hidden units, outputs.
    n_noise : int
        Targets with a noise of their own: none for a class.
    """

    units: tuple[int, ...]
    n_noise: int

    @classmethod
    def of(
        cls, n_inputs: int, n_targets: int, binary: bool, options: BayesianNetworkOptions
    ) -> Shape:
        """Shape of the network that the options ask for."""
        n_outputs = n_targets * (1 if binary or options.noise == "constant" else 2)
        return cls((n_inputs, *options.hidden, n_outputs), 0 if binary else n_targets)

    @property
    def n_layers(self) -> int:
        """Number of layers of weights."""
        return len(self.units) - 1

    @property
    def n_weights(self) -> int:
        """Number of weights and biases."""
        return sum((a + 1) * b for a, b in zip(self.units[:-1], self.units[1:], strict=True))

    @property
    def size(self) -> int:
        """Length of the vector."""
        return self.n_weights + 2 * self.n_layers + self.n_noise

    def layers(self, vector: Any) -> tuple[list[Any], list[Any]]:
        """Weights (..., n_in, n_out) and biases (..., n_out) of (..., size) vectors."""
        weights, biases, start = [], [], 0
        for n_in, n_out in zip(self.units[:-1], self.units[1:], strict=True):
            end = start + n_in * n_out
            weights.append(vector[..., start:end].reshape((*vector.shape[:-1], n_in, n_out)))
            biases.append(vector[..., end : end + n_out])
            start = end + n_out
        return weights, biases

    def log_scales(self, vector: Any) -> Any:
        """(..., n_layers, 2) logarithms of the scales of weights and biases."""
        part = vector[..., self.n_weights : self.n_weights + 2 * self.n_layers]
        return part.reshape((*vector.shape[:-1], self.n_layers, 2))

    def log_noise(self, vector: Any) -> Any:
        """(..., n_noise) logarithms of the noise of the standardised targets."""
        return vector[..., self.n_weights + 2 * self.n_layers :]

    def with_typical_scales(self, vector: FloatArray) -> FloatArray:
        """Return a (size,) vector whose scales are the median absolute weights and biases."""
        found = vector.copy()
        layers = zip(*self.layers(vector), strict=True)
        typical = [np.median(np.abs(part)) for layer in layers for part in layer]
        end = self.n_weights + 2 * self.n_layers
        found[self.n_weights : end] = np.log(np.maximum(typical, _SMALLEST_SCALE))
        return found

    def first(self, rng: np.random.Generator) -> FloatArray:
        """First weights (N(0, 1/n_in)), no biases, scales that suit them, noise of a tenth."""
        parts, scales = [], []
        for n_in, n_out in zip(self.units[:-1], self.units[1:], strict=True):
            parts += [rng.normal(0.0, n_in**-0.5, n_in * n_out), np.zeros(n_out)]
            scales += [np.log(0.5 * n_in**-0.5), np.log(0.1)]
        return np.concatenate([*parts, scales, np.full(self.n_noise, np.log(0.1))])


def hidden(
    weights: Sequence[Any], biases: Sequence[Any], points: Any, activation: str, xp: Any
) -> Any:
    """Map (n_points, n_in) standardised inputs to the (n_points, n_units) of the last layer."""
    values = points
    for weight, bias in zip(weights, biases, strict=True):
        values = values @ weight + bias
        values = xp.tanh(values) if activation == "tanh" else xp.maximum(values, 0.0)
    return values


def outputs(
    weights: Sequence[Any], biases: Sequence[Any], points: Any, activation: str, xp: Any
) -> Any:
    """Map (n_points, n_in) standardised inputs to (n_points, n_outputs)."""
    return hidden(weights[:-1], biases[:-1], points, activation, xp) @ weights[-1] + biases[-1]


def noise_scale(found: Any, log_noise: Any, xp: Any) -> tuple[Any, Any]:
    """Mean and log scale of each target from outputs (..., n_points, n_outputs).

    A second half of the outputs, where there is one, is added to the logarithm of the noise.
    """
    n_targets = log_noise.shape[-1]
    mean, own = found[..., :n_targets], found[..., n_targets:]
    log_scale = log_noise[..., None, :]
    if own.shape[-1]:
        log_scale = log_scale + _LARGEST_LOG_NOISE * xp.tanh(own / _LARGEST_LOG_NOISE)
    return mean, log_scale


def log_likelihood(shape: Shape, vector: Any, points: Any, targets: Any, activation: str) -> Any:
    """Sum of ln p(t | x, theta): Bernoulli for a class, else normal (arXiv:2007.04506, 2.2)."""
    jax, jnp = require_jax()
    found = outputs(*shape.layers(vector), points, activation, jnp)
    if not shape.n_noise:
        return -(jax.nn.softplus(found) - targets * found).sum()
    mean, log_scale = noise_scale(found, shape.log_noise(vector), jnp)
    pull = (targets - mean) * jnp.exp(-log_scale)
    log_scale = jnp.broadcast_to(log_scale, pull.shape)
    return -(0.5 * jnp.square(pull) + log_scale + 0.5 * jnp.log(2.0 * jnp.pi)).sum()


def log_density_of_prior(shape: Shape, vector: Any, options: BayesianNetworkOptions) -> Any:
    """Log prior of weights, scales and noise (half-Cauchy(1), of standardised targets)."""
    _, jnp = require_jax()
    found = log_prior(*shape.layers(vector), shape.log_scales(vector), options.prior, jnp)
    return found + log_half_cauchy(shape.log_noise(vector), 1.0, jnp).sum()


def log_posterior(
    shape: Shape, vector: Any, points: Any, targets: Any, options: BayesianNetworkOptions
) -> Any:
    """Log of likelihood times prior, at one (size,) vector."""
    found = log_likelihood(shape, vector, points, targets, options.activation)
    return found + log_density_of_prior(shape, vector, options)
