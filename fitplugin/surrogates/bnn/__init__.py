"""Bayesian neural network: weights drawn from their posterior by Hamiltonian Monte Carlo."""

from fitplugin.surrogates.bnn.bayesian_network import BayesianNetwork
from fitplugin.surrogates.bnn.options import BayesianNetworkOptions

__all__ = ["BayesianNetwork", "BayesianNetworkOptions"]
