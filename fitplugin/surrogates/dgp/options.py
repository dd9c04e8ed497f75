"""Options of a distributed Gaussian process: two presets, and every choice by itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field, model_validator

from fitplugin.options import Options
from fitplugin.surrogates.features import FeatureNames
from fitplugin.surrogates.networks.dense_training import NetworkTraining
from fitplugin.surrogates.recalibration import Method
from fitplugin.surrogates.transforms import Transform, TransformOptions

_PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "paper": {
            "partition": "random",
            "combination": "rbcm",
            "kernel": "own",
            "scatter": "constant",
            "calibration": "none",
        },
        "local": {
            "partition": "neighbourhoods",
            "combination": "local",
            "kernel": "shared",
            "scatter": "local",
            "calibration": "scale",
        },
    }
)
# where every training point knows its error there is no scatter left to learn, and errors of
# counts that came out low are too small to calibrate with
_KNOWN_NOISE = MappingProxyType({"scatter": "constant", "calibration": "none"})


class DgpOptions(Options):
    """Options of a distributed Gaussian process; what is not given follows from ``mode``."""

    mode: Literal["local", "paper"] = Field(
        "local",
        description="Preset. paper: random experts, all asked, robust BCM (arXiv:1611.02704). "
        "local: overlapping neighbourhoods, the nearest few asked and blended.",
    )
    partition: Literal["random", "kdtree", "kmeans", "neighbourhoods"] = Field(
        "neighbourhoods", description="How training points are dealt to experts."
    )
    combination: Literal["poe", "gpoe", "bcm", "rbcm", "grbcm", "local"] = Field(
        "local", description="How experts answer together; local: the nearest few, blended."
    )
    noise: Literal["fitted", "monte_carlo", "both"] = Field(
        "fitted",
        description="Errors of the targets: one fitted value, those known per point, or their sum.",
    )
    kernel: Literal["shared", "own"] = Field(
        "shared", description="Whether targets share kernel, partition and solves."
    )
    scatter: Literal["local", "network", "constant"] = Field(
        "local",
        description="How errors follow what is seen when a training point is left out. "
        "local: each expert scales its own; network: a network learns the scale.",
    )
    calibration: Method = Field(
        "scale", description="Correction of the errors on a part that is kept aside."
    )
    calibration_share: float = Field(0.1, gt=0, lt=0.5, description="Size of that part.")
    robust: bool = Field(
        False, description="Student-t scatter (4 degrees of freedom, by EM) against outliers."
    )
    transform: Transform = TransformOptions()
    features: FeatureNames = None
    trend: NetworkTraining | None = Field(
        None, description="A network that learns first; the process learns what it leaves."
    )
    expert_size: int = Field(
        65, ge=2, description="Training points per expert; all, where there are fewer."
    )
    overlap: float = Field(4.0, ge=1, description="neighbourhoods: experts that know each point.")
    n_nearest: int = Field(3, ge=1, description="local: experts asked per point.")
    n_evidence_experts: int = Field(
        64, ge=1, description="local: blocks that find the hyper-parameters, drawn at random."
    )

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        # whatever came as a mode: a list has no hash
        preset = dict(_PRESETS.get(str(data.get("mode", "local")), {}))
        if not preset:
            return data
        if data.get("noise", "fitted") != "fitted":
            preset |= _KNOWN_NOISE
        if data.get("combination", preset["combination"]) != "local":
            preset["scatter"] = "constant"
            if preset["partition"] == "neighbourhoods":
                preset["partition"] = "kdtree"
        return {**preset, **data}

    @model_validator(mode="after")
    def _consistent(self) -> DgpOptions:
        is_local = self.combination == "local"
        if self.partition == "neighbourhoods" and not is_local:
            raise ValueError(
                f"combination {self.combination!r} would count points twice: neighbourhoods "
                "overlap; use partition random, kdtree or kmeans"
            )
        if self.partition == "random" and is_local:
            raise ValueError(
                "combination 'local' needs experts with a place of their own; use partition "
                "neighbourhoods, kdtree or kmeans"
            )
        if self.scatter == "local" and not is_local:
            raise ValueError("scatter 'local' needs combination 'local'")
        return self
