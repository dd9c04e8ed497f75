"""A surrogate: it learns a table, and predicts a mean and an error."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from fitplugin.arrays import FloatArray, as_points
from fitplugin.options import Options
from fitplugin.surrogates import ArraySurrogate, Dataset, Examined


class YourPluginOptions(Options):
    """What a scan file may say beside ``kind: your_plugin``."""

    degree: int = Field(2, ge=1, description="Highest power of each input.")


class YourPlugin(ArraySurrogate):
    """Least-squares polynomial without mixed terms; the error is the scatter about it."""

    Options = YourPluginOptions

    def fit(self, dataset: Dataset, rng: np.random.Generator) -> YourPlugin:
        """Return the polynomial that fits the targets best."""
        self.check(dataset)
        powers = self._powers(dataset.inputs, dataset.ranges)
        weights = np.linalg.lstsq(powers, dataset.targets, rcond=None)[0]
        std = (dataset.targets - powers @ weights).std(axis=0)
        learned = {"weights": weights, "std": std}
        return YourPlugin(self.options, {**dataset.schema.to_arrays(), **learned})

    def examine(self, inputs: ArrayLike) -> Examined:
        """Predict at (n_points, n_inputs) inputs; remote is what leaves the training box."""
        points = as_points(inputs, self.input_names, "inputs")
        mean = self._powers(points, self.ranges) @ self.arrays["weights"]
        std = np.tile(self.arrays["std"], (len(points), 1))
        return Examined(mean, std, self.schema.remoteness(points))

    def _powers(self, points: FloatArray, ranges: FloatArray) -> FloatArray:
        low, high = ranges.T
        scaled = (points - low) / (high - low)
        powers = [scaled**power for power in range(1, self.options.degree + 1)]
        return np.hstack([np.ones((len(points), 1)), *powers])
