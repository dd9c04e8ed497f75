"""A likelihood: a factor beside those of the counting regions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from fitplugin.arrays import FloatArray
from fitplugin.options import Options
from fitplugin.stats.gaussian import log_gaussian


class YourPluginOptions(Options):
    """What a scan file may say beside ``kind: your_plugin``."""

    value: float = Field(1000.0, description="Measured mass [GeV].")
    error: float = Field(50.0, gt=0, description="Its error [GeV].")


class YourPlugin:
    """A measured mass of the lighter stop, with the error of its prediction in quadrature."""

    Options = YourPluginOptions
    name = "your_plugin"
    needs = ("m_stop1", "m_stop1_error")

    def __init__(self, options: YourPluginOptions) -> None:
        self.options = options

    def log_likelihood(self, observables: Mapping[str, FloatArray]) -> FloatArray:
        """Natural log of the Gaussian density, (n_points,)."""
        std = np.hypot(self.options.error, observables["m_stop1_error"])
        return log_gaussian(self.options.value, observables["m_stop1"], std)
