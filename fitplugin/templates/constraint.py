"""A constraint: it refuses points, by what the scan predicts for them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from fitplugin.arrays import FloatArray
from fitplugin.options import Options


class YourPluginOptions(Options):
    """What a scan file may say beside ``kind: your_plugin``."""

    high: float = Field(300.0, gt=0, description="Largest mass [GeV].")


class YourPlugin:
    """Lightest chargino below a mass."""

    Options = YourPluginOptions
    name = "your_plugin"
    needs = ("m_chargino1",)
    is_hard = True

    def __init__(self, options: YourPluginOptions) -> None:
        self.options = options

    def log_likelihood(self, observables: Mapping[str, FloatArray]) -> FloatArray:
        """0 below the mass, -inf above, (n_points,)."""
        return np.where(observables["m_chargino1"] < self.options.high, 0.0, -np.inf)
