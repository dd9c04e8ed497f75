"""Learned maps theta -> (mean, std). No physics in here."""

from fitplugin.surrogates.base import Prediction, Surrogate
from fitplugin.surrogates.dataset import Dataset
from fitplugin.surrogates.store import load, save

__all__ = ["Dataset", "Prediction", "Surrogate", "load", "save"]
