"""Learned maps theta -> (mean, std). No physics in here."""

from fitplugin.surrogates.base import ArraySurrogate, Examined, Prediction, Surrogate
from fitplugin.surrogates.dataset import Dataset
from fitplugin.surrogates.store import load, save

__all__ = ["ArraySurrogate", "Dataset", "Examined", "Prediction", "Surrogate", "load", "save"]
