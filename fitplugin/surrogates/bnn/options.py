"""Options of a Bayesian neural network."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from fitplugin.options import Options
from fitplugin.surrogates.bnn.prior import PriorOptions
from fitplugin.surrogates.features import FeatureNames
from fitplugin.surrogates.networks.dense import Activation
from fitplugin.surrogates.recalibration import Method
from fitplugin.surrogates.transforms import Transform, TransformOptions


class PretrainingOptions(Options):
    """AMSGrad in cycles of falling learning rate; each starts from the best weights so far."""

    learning_rates: tuple[PositiveFloat, ...] = Field(
        (1e-2, 1e-3, 1e-4),
        min_length=1,
        description="One cycle each; a tenth of it for a class (arXiv:2007.04506, section 4.1).",
    )
    epochs: PositiveInt = Field(30, description="Passes over the training points in a cycle.")
    min_steps: PositiveInt = Field(
        8000, description="Steps of a cycle, at least: small sets get more passes."
    )
    batch_size: PositiveInt = Field(32, description="Points in a step.")


class SamplingOptions(Options):
    """Hamiltonian Monte Carlo of the weights."""

    algorithm: Literal["nuts", "hmc"] = Field(
        "nuts", description="nuts chooses the length of each path; hmc: n_leapfrog steps."
    )
    n_chains: PositiveInt = Field(2, description="Each starts from a pre-trained network.")
    starts: Literal["same", "different"] = Field(
        "different", description="Whether every chain is pre-trained from first weights of its own."
    )
    n_warmup: PositiveInt = Field(
        200, description="Draws per chain in which step size and masses adapt; not kept."
    )
    n_draws: int = Field(400, ge=4, description="Kept draws per chain, at most.")
    block: int = Field(50, ge=4, description="Draws per chain between two looks at the stop rule.")
    max_tree_depth: int = Field(7, ge=1, le=12, description="nuts: at most 2^this leapfrog steps.")
    n_leapfrog: PositiveInt = Field(100, description="hmc: leapfrog steps of a path.")
    target_accept: float = Field(0.8, gt=0, lt=1, description="Of dual averaging.")
    r_hat: float = Field(
        1.05, gt=1, description="Stop rule: split R-hat of nine tenths of the predictions below it."
    )
    effective: PositiveInt = Field(
        100, description="Stop rule: effective draws of nine tenths of the predictions above it."
    )


class BayesianNetworkOptions(Options):
    """Options of a Bayesian neural network."""

    posterior: Literal["hmc", "last_layer", "ensemble"] = Field(
        "hmc",
        description="hmc: all weights are sampled. last_layer: those of the output layer, above "
        "one pre-trained network. ensemble: pre-trained networks from different first weights.",
    )
    hidden: tuple[PositiveInt, ...] = Field(
        (50,) * 5, min_length=1, description="Units of each hidden layer."
    )
    activation: Activation = Field("tanh", description="Of the hidden units.")
    noise: Literal["constant", "input"] = Field(
        "input",
        description="Scale of the normal likelihood: constant, one number per target; input, a "
        "second output of the network, so that it follows the inputs. Not for classes.",
    )
    prior: PriorOptions = Field(PriorOptions(), description="Of weights and biases.")
    pretraining: PretrainingOptions = PretrainingOptions()
    sampling: SamplingOptions = SamplingOptions()
    n_networks: int = Field(
        100, ge=1, description="Kept after thinning, at most; those of an ensemble."
    )
    transform: Transform = TransformOptions()
    features: FeatureNames = None
    validation: float = Field(
        0.1, gt=0, lt=0.5, description="Share of the points that judges cycles and the stop rule."
    )
    held_out: float = Field(
        0.1, gt=0, lt=0.5, description="Share of the points kept from all of it, for the errors."
    )
    calibration: Method = Field("coverage", description="Correction of the errors on that part.")

    @model_validator(mode="after")
    def _several(self) -> BayesianNetworkOptions:
        if self.n_networks < 2:
            raise ValueError(
                "n_networks: one network has no spread, and so says nothing of its error; "
                "give at least 2, or use kind: network"
            )
        return self
