"""Where training targets scatter more than elsewhere: a small network learns it."""

from __future__ import annotations

import warnings

import numpy as np
from threadpoolctl import threadpool_limits

from fitplugin.arrays import FloatArray
from fitplugin.surrogates.networks.dense import DenseNetwork

_LARGEST = 20.0  # squared pull that a single outlier may count with


def train_scatter(
    points: FloatArray, squared_pulls: FloatArray, rng: np.random.Generator
) -> DenseNetwork:
    """Learn the expected squared pull, a factor on the predicted variance.

    Parameters
    ----------
    points : (n_points, n_features) array
        Standardised.
    squared_pulls : (n_points, n_targets) array
        Of predictions that did not know their point.

    Returns
    -------
    DenseNetwork
        Its outputs are the natural logarithms of the factors. The Poisson deviance that it
        minimises has its minimum at the expectation, whatever the distribution, and weighs
        large squares less than least squares would (McCullagh & Nelder, 1989, ch. 9).
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    network = MLPRegressor(
        loss="poisson", hidden_layer_sizes=(64, 32), activation="tanh", alpha=1e-2,
        learning_rate_init=3e-3, early_stopping=True, n_iter_no_change=10, max_iter=100,
        random_state=int(rng.integers(2**31)),
    )  # fmt: skip
    # a single column must be flat, or scikit-learn warns
    targets = np.minimum(squared_pulls, _LARGEST)
    # small matrices: a second thread of the linear algebra makes this seven times slower
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(points, targets[:, 0] if targets.shape[1] == 1 else targets)
    return DenseNetwork.of(network)
