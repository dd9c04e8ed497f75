"""Learned maps theta -> (mean, std). No physics in here.

`base` is the contract, `dataset` what is learned, `frame` how it is seen, `store` and `card` what
is kept. Families of surrogates have rooms of their own: `dgp`, `networks`, `bnn`.
"""

from fitplugin.surrogates.base import ArraySurrogate, Examined, Prediction, Surrogate
from fitplugin.surrogates.dataset import Dataset
from fitplugin.surrogates.store import load, save

__all__ = ["ArraySurrogate", "Dataset", "Examined", "Prediction", "Surrogate", "load", "save"]
