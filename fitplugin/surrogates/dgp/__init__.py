"""Distributed Gaussian process: points dealt to experts, and a committee that answers."""

from fitplugin.surrogates.dgp.distributed_gp import DistributedGP
from fitplugin.surrogates.dgp.options import DgpOptions

__all__ = ["DgpOptions", "DistributedGP"]
