"""Dense networks: small ones by scikit-learn, deep ones by PyTorch, all evaluated in NumPy."""

from fitplugin.surrogates.networks.deep_network import DeepNetwork
from fitplugin.surrogates.networks.network import Network

__all__ = ["DeepNetwork", "Network"]
