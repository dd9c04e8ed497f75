"""Training of several deep networks in turn, kept in one file while it lasts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from tqdm import tqdm

from fitplugin.arrays import FloatArray
from fitplugin.surrogates.frame import Split
from fitplugin.surrogates.networks.checkpoint import Checkpoint
from fitplugin.surrogates.networks.deep_options import DeepNetworkOptions
from fitplugin.surrogates.networks.deep_training import Epoch, train_deep
from fitplugin.surrogates.networks.dense import DenseNetwork

_NOW = "now_"  # arrays of the network that is being trained


def train_ensemble(
    points: FloatArray,
    targets: FloatArray,
    options: DeepNetworkOptions,
    seeds: list[int],
    checkpoint: Checkpoint,
) -> tuple[DenseNetwork, ...]:
    """Train one network per seed, each with validation points of its own.

    Parameters
    ----------
    points, targets : (n_points, n_columns) arrays
        Standardised.
    options : DeepNetworkOptions
    seeds : list of int
    checkpoint : Checkpoint
        What it kept is not trained again.
    """
    kept = _Kept(checkpoint, options)
    n_validation = max(1, round(options.validation * len(points)))
    with tqdm(
        total=len(seeds) * options.epochs, unit="epoch", desc="network", disable=None, leave=False
    ) as bar:

        def progress(epoch: Epoch) -> None:
            bar.set_postfix_str(f"error={epoch.error:.3g} rate={epoch.rate:.2g}", refresh=False)
            bar.update(len(kept.networks) * options.epochs + epoch.number - bar.n)

        for seed in seeds[len(kept.networks) :]:
            rows = np.random.default_rng([seed, 2]).permutation(len(points))
            seen, judged = rows[n_validation:], rows[:n_validation]
            split = Split(points[seen], targets[seen], points[judged], targets[judged])
            kept.add(train_deep(split, options, seed, kept.state, kept.keep, progress))
    return tuple(kept.networks)


class _Kept:
    """Networks that are done, and the state of the one that is not."""

    def __init__(self, checkpoint: Checkpoint, options: DeepNetworkOptions) -> None:
        arrays = checkpoint.read()
        self._checkpoint = checkpoint
        self.state = {n.removeprefix(_NOW): a for n, a in arrays.items() if n.startswith(_NOW)}
        self.networks: list[DenseNetwork] = []
        while f"network{len(self.networks)}_weight_0" in arrays:
            prefix = f"network{len(self.networks)}"
            self.networks.append(
                DenseNetwork.from_arrays(arrays, prefix, options.activation, options.output)
            )

    def add(self, network: DenseNetwork) -> None:
        self.networks.append(network)
        self.state = {}
        self._checkpoint.keep(self._finished, now=True)

    def keep(self, make: Callable[[], Mapping[str, np.ndarray]]) -> None:
        self._checkpoint.keep(
            lambda: {**self._finished(), **{_NOW + name: a for name, a in make().items()}}
        )

    def _finished(self) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {}
        for index, network in enumerate(self.networks):
            arrays |= network.to_arrays(f"network{index}")
        return arrays
