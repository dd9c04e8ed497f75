"""AMSGrad training of one network: where Hamiltonian Monte Carlo starts (jax, optax)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.surrogates.bnn.density import Shape, log_likelihood, require_jax
from fitplugin.surrogates.bnn.options import BayesianNetworkOptions
from fitplugin.surrogates.frame import Split

_CLASS_RATE = 0.1  # arXiv:2007.04506, section 4.1
_SHORTEST = 20  # steps of a pass: small sets get smaller batches


def pretrain(
    split: Split,
    shape: Shape,
    options: BayesianNetworkOptions,
    seed: int,
    progress: Callable[[], None],
) -> FloatArray:
    """Maximise the likelihood by AMSGrad; the best of all cycles by validation is returned.

    The prior takes no part: with its scales the posterior has no maximum, since its density grows
    without bound where a layer and its scale vanish together. Afterwards each scale is set to what
    the weights are like. Source: arXiv:2007.04506, section 4.1.

    Parameters
    ----------
    split : Split
    shape : Shape
    options : BayesianNetworkOptions
    seed : int
        Decides first weights and the order of the points.
    progress : callable
        Called after every epoch.

    Returns
    -------
    (size,) array

    Raises
    ------
    InputError
        If the validation error is never finite: the training diverged.
    """
    jax, jnp = require_jax()
    import optax

    asked, error = options.pretraining, np.nan
    n_points = len(split.points)
    batch = _batch_size(n_points, options)
    n_steps = max(1, n_points // batch)
    points, targets = (jnp.asarray(a, dtype=jnp.float32) for a in split[:2])
    judged = tuple(jnp.asarray(a, dtype=jnp.float32) for a in split[2:])

    def cost(vector: Any, rows: Any) -> Any:
        found = log_likelihood(shape, vector, points[rows], targets[rows], options.activation)
        return -found / batch

    def judge(vector: Any) -> Any:
        found = log_likelihood(shape, vector, judged[0], judged[1], options.activation)
        return -found / len(judged[0])

    def epoch(vector: Any, state: Any, rate: Any, order: Any) -> Any:
        optimiser = optax.amsgrad(rate)

        def step(carry: Any, rows: Any) -> Any:
            vector, state = carry
            updates, state = optimiser.update(jax.grad(cost)(vector, rows), state)
            return (optax.apply_updates(vector, updates), state), None

        (vector, state), _ = jax.lax.scan(step, (vector, state), order)
        return vector, state, judge(vector)

    run = jax.jit(epoch)
    n_epochs = n_epochs_of(n_points, options)
    rng = np.random.default_rng(seed)
    best = jnp.asarray(shape.first(rng), dtype=jnp.float32)
    untrained = smallest = float(judge(best))
    for rate in asked.learning_rates:
        rate = rate if shape.n_noise else _CLASS_RATE * rate
        vector, state = best, optax.amsgrad(rate).init(best)
        for _ in range(n_epochs):
            order = rng.permutation(n_points)[: n_steps * batch].reshape(n_steps, batch)
            vector, state, error = run(vector, state, rate, jnp.asarray(order))
            if float(error) < smallest:
                smallest, best = float(error), vector
            progress()
    if not smallest < untrained:
        raise InputError(
            "pretraining.learning_rates",
            f"the training diverged: the validation error is {float(error):.3g} after it and was "
            f"{untrained:.3g} before; try smaller ones than {asked.learning_rates[0]:g}",
        )
    return shape.with_typical_scales(np.asarray(best, dtype=float))


def n_epochs_of(n_points: int, options: BayesianNetworkOptions) -> int:
    """Passes of one cycle over that many points."""
    asked = options.pretraining
    return max(asked.epochs, -(-asked.min_steps * _batch_size(n_points, options) // n_points))


def _batch_size(n_points: int, options: BayesianNetworkOptions) -> int:
    return max(1, min(options.pretraining.batch_size, n_points // _SHORTEST))
