"""Training of a dense network by scikit-learn: stages of falling rate, outliers drawn in."""

from __future__ import annotations

import warnings

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt
from threadpoolctl import threadpool_limits

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.options import Options
from fitplugin.surrogates.networks.dense import DenseNetwork

# robust standard deviations beyond which a training target is drawn in
_REACH = 4.0
# steps of a pass over the points: fewer would be too few to learn from small sets
_MIN_STEPS = 20


class NetworkTraining(Options):
    """How a dense network is trained: Adam, in stages of falling learning rate."""

    hidden: tuple[PositiveInt, ...] = Field(
        (128, 64), min_length=1, description="Units of each hidden layer."
    )
    learning_rates: tuple[PositiveFloat, ...] = Field(
        (1e-2, 3e-3, 8e-4, 2e-4), min_length=1, description="One stage each, in this order."
    )
    epochs: int = Field(60, ge=1, description="Passes over the training points per stage.")
    batch_size: int = Field(
        200, ge=1, description="Points per step, but at most a twentieth of them."
    )
    weight_decay: float | None = Field(
        None, ge=0, description="L2 penalty; default: 1e-5 for values, 1e-2 for classes."
    )
    robust: bool = Field(
        True,
        description="In the second half of the stages, draw targets farther than 4 robust "
        "standard deviations from the prediction in to that distance; not for classes.",
    )


def train_network(
    points: FloatArray,
    targets: FloatArray,
    training: NetworkTraining,
    rng: np.random.Generator,
    binary: bool = False,
) -> DenseNetwork:
    """Train a dense network.

    Parameters
    ----------
    points : (n_points, n_inputs) array
        Standardised inputs.
    targets : (n_points, n_targets) array
        Standardised targets, or one column of 0 and 1 if ``binary``.
    training : NetworkTraining
    rng : numpy.random.Generator
        Draws the first weights and the order of the points.
    binary : bool
        Learn the log odds of 1 (cross-entropy) instead of the values (least squares).

    Returns
    -------
    DenseNetwork
        Its output is standardised like ``targets``, or the log odds.

    Raises
    ------
    InputError
        If the training diverges.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    decay = training.weight_decay
    if decay is None:
        # probabilities of a free network are too sure of themselves
        decay = 1e-2 if binary else 1e-5
    estimator = (MLPClassifier if binary else MLPRegressor)(
        hidden_layer_sizes=training.hidden,
        activation="tanh",
        alpha=decay,
        batch_size=min(training.batch_size, max(1, len(points) // _MIN_STEPS)),
        max_iter=training.epochs,
        warm_start=True,
        early_stopping=False,
        n_iter_no_change=10**9,
        tol=0.0,
        random_state=int(rng.integers(2**31)),
    )
    # single precision halves the time; the network is kept and evaluated in double
    single, wanted = points.astype(np.float32), targets
    # small matrices: a second thread of the linear algebra makes this seven times slower
    with threadpool_limits(1), warnings.catch_warnings():
        # every stage ends by its number of epochs, on purpose
        warnings.simplefilter("ignore", ConvergenceWarning)
        for stage, rate in enumerate(training.learning_rates):
            # the first stages must be free to find what looks like outliers to a rough fit
            if training.robust and not binary and 2 * stage >= len(training.learning_rates):
                wanted = winsorised(targets, estimator.predict(single).reshape(targets.shape))
            labels = wanted.astype(int if binary else np.float32)
            estimator.learning_rate_init = rate
            try:
                estimator.fit(single, labels[:, 0] if labels.shape[1] == 1 else labels)
            except ValueError as error:
                raise InputError("learning_rates", f"the training diverged ({error})") from error
    return DenseNetwork.of(estimator)


def winsorised(targets: FloatArray, predicted: FloatArray, reach: float = _REACH) -> FloatArray:
    """Draw targets that are far from their prediction in to a distance, column by column.

    The distance is ``reach`` robust standard deviations of the residual, 1.4826 times its
    median absolute value; Gaussian residuals are left alone but for 6 in 100 000.

    >>> winsorised(np.array([[1.0], [-1.0], [1.0], [90.0]]), np.zeros((4, 1)))[-1]
    array([5.9304])
    """
    residual = targets - predicted
    spread = 1.4826 * np.median(np.abs(residual), axis=0)
    return np.asarray(predicted + np.clip(residual, -reach * spread, reach * spread))
