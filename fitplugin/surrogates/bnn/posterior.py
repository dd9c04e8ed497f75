"""From standardised points to networks that stand for the posterior: by HMC, or cheaper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from fitplugin.arrays import FloatArray
from fitplugin.surrogates.bnn.density import Shape, hidden, log_posterior, outputs, require_jax
from fitplugin.surrogates.bnn.hmc import Chains, sample
from fitplugin.surrogates.bnn.options import BayesianNetworkOptions
from fitplugin.surrogates.bnn.pretraining import n_epochs_of, pretrain
from fitplugin.surrogates.frame import Split
from fitplugin.surrogates.networks.checkpoint import Checkpoint

_N_WATCHED = 200  # validation points at which chains are compared
_FEWEST = 10  # networks, however long the autocorrelation


class Drawn(NamedTuple):
    """Vectors of networks, (n_networks, size), and what is known of how they were drawn."""

    vectors: FloatArray
    n_shared: int
    """Layers, from the first one, that are the same in all networks."""
    facts: dict[str, Any]


def draw(
    split: Split,
    shape: Shape,
    options: BayesianNetworkOptions,
    seed: int,
    checkpoint: Checkpoint,
) -> Drawn:
    """Train the networks that the options ask for.

    Raises
    ------
    InputError
        If the training or the sampling diverges.
    """
    asked = options.sampling
    same = asked.starts == "same" or options.posterior == "last_layer"
    n_starts = options.n_networks if options.posterior == "ensemble" else asked.n_chains
    starts = _pretrained(split, shape, options, seed, 1 if same else n_starts, checkpoint)
    if options.posterior == "ensemble":
        return Drawn(starts, 0, {"posterior": options.posterior})
    starts = np.resize(starts, (n_starts, shape.size))
    if options.posterior == "last_layer":
        return _last_layer(split, shape, options, seed, starts, checkpoint)
    _, jnp = require_jax()
    points, targets = (jnp.asarray(a, dtype=jnp.float32) for a in split[:2])
    judged = split.validation_points[:_N_WATCHED]

    def watch(vectors: FloatArray) -> FloatArray:
        return _first_outputs(shape, vectors, judged, options)

    chains = _sample(
        lambda vector: log_posterior(shape, vector, points, targets, options),
        starts, options, seed, watch, checkpoint,
    )  # fmt: skip
    vectors, facts = _thinned(chains, options)
    return Drawn(vectors, 0, facts)


def _pretrained(
    split: Split,
    shape: Shape,
    options: BayesianNetworkOptions,
    seed: int,
    number: int,
    checkpoint: Checkpoint,
) -> FloatArray:
    """(number, size) trained vectors; those that an interruption left are not trained again."""
    kept = checkpoint.read()
    found = [kept[name] for name in sorted(kept) if name.startswith("start")]
    n_cycles = len(options.pretraining.learning_rates)
    n_epochs = n_cycles * n_epochs_of(len(split.points), options)
    with tqdm(
        total=number * n_epochs, initial=len(found) * n_epochs, unit="epoch", desc="pre-training",
        disable=None, leave=False,
    ) as bar:  # fmt: skip
        for index in range(len(found), number):
            each = int(np.random.default_rng([seed, index]).integers(2**31))
            found.append(pretrain(split, shape, options, each, lambda: _count(bar, 1)))
            checkpoint.keep(lambda: _starts(found), now=True)
    return np.stack(found)


def _count(bar: Any, n: int) -> None:
    bar.update(n)


def _starts(found: list[FloatArray]) -> dict[str, np.ndarray]:
    return {f"start{index:05d}": vector for index, vector in enumerate(found)}


def _last_layer(
    split: Split,
    shape: Shape,
    options: BayesianNetworkOptions,
    seed: int,
    starts: FloatArray,
    checkpoint: Checkpoint,
) -> Drawn:
    """Sample the output layer and the noise; the layers below are features."""
    _, jnp = require_jax()
    weights, biases = shape.layers(starts[0].astype(np.float32))

    def features(points: FloatArray) -> FloatArray:
        rows = np.asarray(points, dtype=np.float32)
        return np.asarray(hidden(weights[:-1], biases[:-1], rows, options.activation, np))

    head = Shape(shape.units[-2:], shape.n_noise)
    rows = _head_rows(shape)
    points = jnp.asarray(features(split.points))
    targets = jnp.asarray(split.targets, dtype=jnp.float32)
    judged = features(split.validation_points[:_N_WATCHED])
    chains = _sample(
        lambda vector: log_posterior(head, vector, points, targets, options),
        starts[:, rows], options, seed,
        lambda vectors: _first_outputs(head, vectors, judged, options), checkpoint,
    )  # fmt: skip
    heads, facts = _thinned(chains, options)
    vectors = np.resize(starts[0], (len(heads), shape.size))
    vectors[:, rows] = heads
    return Drawn(vectors, shape.n_layers - 1, facts)


def _head_rows(shape: Shape) -> np.ndarray:
    """Where the output layer, its scales and the noise are in a vector."""
    n_last = (shape.units[-2] + 1) * shape.units[-1]
    n_scales = 2 * shape.n_layers
    start = shape.n_weights
    rows = [np.arange(start - n_last, start), np.arange(start + n_scales - 2, shape.size)]
    return np.concatenate(rows)


def _sample(
    log_density: Callable[[Any], Any],
    starts: FloatArray,
    options: BayesianNetworkOptions,
    seed: int,
    watch: Callable[[FloatArray], FloatArray],
    checkpoint: Checkpoint,
) -> Chains:
    asked = options.sampling
    state = checkpoint.read()
    first = {name: array for name, array in state.items() if name.startswith("start")}
    with tqdm(
        total=len(starts) * (asked.n_warmup + asked.n_draws), unit="draw", desc="sampling",
        disable=None, leave=False,
    ) as bar:  # fmt: skip
        return sample(
            log_density, starts, asked, seed, watch, state,
            lambda make: checkpoint.keep(lambda: {**first, **make()}),
            lambda n: _count(bar, n),
        )  # fmt: skip


def _first_outputs(
    shape: Shape, vectors: FloatArray, points: FloatArray, options: BayesianNetworkOptions
) -> FloatArray:
    """(n_vectors, n_points * n_targets) outputs, without those of the noise."""
    n_targets = shape.n_noise or shape.units[-1]
    rows = np.asarray(points, dtype=np.float32)
    vectors = np.asarray(vectors, dtype=np.float32)
    return np.stack(
        [
            outputs(*shape.layers(vector), rows, options.activation, np)[:, :n_targets].ravel()
            for vector in vectors
        ]
    )


def _thinned(chains: Chains, options: BayesianNetworkOptions) -> tuple[FloatArray, dict[str, Any]]:
    """Draws of all chains, thinned by their autocorrelation, and how the sampling went."""
    n_chains, n_draws, _ = chains.draws.shape
    found = chains.agreement
    effective = float(np.median(found.effective))
    wanted = min(options.n_networks, max(_FEWEST, int(effective)), n_chains * n_draws)
    per_chain = max(2, -(-wanted // n_chains))
    rows = np.unique(np.linspace(0, n_draws - 1, min(per_chain, n_draws)).round().astype(int))
    facts = {
        "posterior": options.posterior,
        "n_chains": n_chains,
        "n_draws": n_draws,
        "accepted": [round(float(x), 3) for x in chains.accepted],
        "n_divergent": [int(n) for n in chains.n_divergent],
        "step_size": [float(f"{x:.3g}") for x in chains.step_size],
        "n_leapfrog": [round(float(x), 1) for x in chains.n_leapfrog],
        "r_hat_median": round(float(np.median(found.r_hat)), 4),
        "r_hat_90": round(float(np.quantile(found.r_hat, 0.9)), 4),
        "effective_median": round(effective, 1),
        "effective_10": round(float(np.quantile(found.effective, 0.1)), 1),
        "autocorrelation": round(n_chains * n_draws / effective, 1),
        "converged": found.is_enough(options.sampling),
    }
    return np.concatenate(chains.draws[:, rows]), facts
