"""Options of a deep network: presets, and every choice by itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field, PositiveInt, model_validator

from fitplugin.options import Options
from fitplugin.surrogates.features import FeatureNames
from fitplugin.surrogates.networks.dense import Activation, Output
from fitplugin.surrogates.recalibration import Method
from fitplugin.surrogates.transforms import Transform, TransformOptions

_PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "ensemble": {},
        "direct": {
            "hidden": (300, 300, 300, 300),
            "output": "tanh",
            "l2": 1e-5,
            "batch_size": 500,
            "n_networks": 1,
        },
        "reparametrised": {
            "hidden": (500, *(200,) * 8),
            "activation": "relu",
            "optimiser": "nadam",
            "learning_rate": 2e-3,
            "l2": 1e-3,
            "batch_size": 32,
            "decorrelate": True,
            "n_networks": 1,
        },
    }
)


class DeepNetworkOptions(Options):
    """Options of a deep network; what is not given follows from ``mode``."""

    mode: Literal["ensemble", "direct", "reparametrised"] = Field(
        "ensemble",
        description="Preset. direct: 4 x 300 tanh, tanh output, Adam; reparametrised: 500 + 8 x "
        "200 relu, decorrelated inputs, Nadam (both arXiv:1703.01309, 13 TeV). ensemble: four "
        "networks of 3 x 128 tanh.",
    )
    hidden: tuple[PositiveInt, ...] = Field(
        (128, 128, 128), min_length=1, description="Units of each hidden layer."
    )
    activation: Activation = Field("tanh", description="Of the hidden units.")
    output: Output = Field(
        "linear",
        description="tanh: no prediction leaves the range of the training targets, which is "
        "mapped to (-1, 1): the modified Z-score, eqs. B.11-B.16 of arXiv:1703.01309.",
    )
    optimiser: Literal["adam", "nadam", "amsgrad"] = Field("adam", description="Of PyTorch.")
    learning_rate: float = Field(1e-3, gt=0, description="At the start.")
    l2: float = Field(
        1e-5, ge=0, description="lambda of lambda / (2 n_training) x sum of squared weights."
    )
    batch_size: int = Field(120, ge=1, description="Points per step.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of hidden units left out per step.")
    decorrelate: bool = Field(
        False, description="Project standardised inputs on the eigenvectors of their covariance."
    )
    transform: Transform = TransformOptions()
    features: FeatureNames = None
    epochs: int = Field(300, ge=1, description="Passes over the training points, at most.")
    validation: float = Field(
        0.1, gt=0, lt=0.5, description="Share of the points that decides on rate and end."
    )
    plateau: int = Field(
        8, ge=1, description="Epochs without a better validation error until the rate is halved."
    )
    patience: int = Field(
        30, ge=1, description="Epochs without a better validation error until the end."
    )
    n_networks: int = Field(
        4, ge=1, description="Trained from other first weights with other validation points."
    )
    held_out: float = Field(
        0.1, gt=0, lt=0.5, description="Share of the points kept from all of it, for the error."
    )
    calibration: Method = Field("conformal", description="Correction of the errors on that part.")

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        # whatever came as a mode: a list has no hash
        return {**_PRESETS.get(str(data.get("mode", "ensemble")), {}), **data}
