"""A training set of the size of the paper's, resampled from the shipped table.

Shared by `bench_surrogates.py` and the surrogates that it compares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fitplugin.data.tables import read_table
from fitplugin.physics.simulated_table import point_dataset
from fitplugin.studies.speed import paper
from fitplugin.surrogates import Dataset
from fitplugin.surrogates.networks.dense_training import NetworkTraining, train_network

REGIONS = ("0l_stop1100", "1l_stop1100")
PROCESSES = ("stop1", "stop2", "sbottom1")
N_TRAINING, N_HELD_OUT, N_BATCH = paper.N_TRAINING, 2000, 10_000
RESAMPLING = (
    "inputs: a real point drawn with replacement, each input moved by a Gaussian of 10 % of its "
    "box and reflected at the faces; efficiency: a 32-16 tanh network trained on the root of the "
    "2014 real efficiencies + 3e-4 (no kernel's own function); noise: Poisson counts of the "
    "weight of that real point"
)

Predict = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


class Problem(NamedTuple):
    training: Dataset
    held_out: Dataset
    truth: np.ndarray  # of the held-out points, without noise
    batch: np.ndarray


class Model(NamedTuple):
    seconds: float
    predict: Predict
    note: str = ""


def resampled(n_points: int, rng: np.random.Generator) -> tuple[Dataset, np.ndarray]:
    """Points like the shipped ones, and their efficiencies without noise: see `RESAMPLING`."""
    table = read_table("natural_susy/efficiencies")
    real = [point_dataset(table, region, PROCESSES) for region in REGIONS]
    low, high = real[0].ranges.T
    root = np.sqrt(np.hstack([part.targets for part in real]) + 3e-4)
    weight = np.hstack([part.variance_per_mean for part in real])

    def unit(inputs: np.ndarray) -> np.ndarray:
        return 2.0 * (inputs - low) / (high - low) - 1.0

    middle, spread = root.mean(axis=0), root.std(axis=0)
    training = NetworkTraining(hidden=(32, 16), weight_decay=1e-2, robust=False)
    network = train_network(unit(real[0].inputs), (root - middle) / spread, training, rng)
    rows = rng.integers(real[0].n_points, size=n_points)
    inputs = real[0].inputs[rows] + 0.1 * (high - low) * rng.standard_normal((n_points, len(low)))
    inputs = np.where(inputs < low, 2.0 * low - inputs, inputs)
    inputs = np.where(inputs > high, 2.0 * high - inputs, inputs)
    truth = np.maximum(np.square(network(unit(inputs)) * spread + middle) - 3e-4, 1e-5)
    noisy = weight[rows] * rng.poisson(truth / weight[rows])
    names = tuple(part.target_names[0] for part in real)
    return Dataset(inputs, noisy, real[0].input_names, names, real[0].ranges), truth


def problem() -> Problem:
    rng = np.random.default_rng(20161108)
    data, truth = resampled(N_TRAINING + N_HELD_OUT, rng)
    training, held_out = (
        data.take(np.arange(N_HELD_OUT, data.n_points)),
        data.take(np.arange(N_HELD_OUT)),
    )
    return Problem(training, held_out, truth[:N_HELD_OUT], training.inputs[:N_BATCH])
