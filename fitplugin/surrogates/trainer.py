"""What gives fitted surrogates to the floors above, which need not know where they come from."""

from __future__ import annotations

from typing import Protocol

from fitplugin.components import Component
from fitplugin.surrogates.base import Surrogate
from fitplugin.surrogates.dataset import Dataset


class Trainer(Protocol):
    """Gives the fitted surrogate of a dataset, from a cache where it can."""

    def __call__(self, name: str, dataset: Dataset, surrogate: Component) -> Surrogate:
        """Return the surrogate of a dataset.

        Parameters
        ----------
        name : str
            What the dataset is called in a scan: in progress, in files, in errors.
        dataset : Dataset
        surrogate : Component
            A plugin of the group ``fitplugin.surrogates``, with its options.
        """
