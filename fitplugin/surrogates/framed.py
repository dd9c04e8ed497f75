"""Surrogates that are options and, once fitted, what they learned within a frame."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar, cast

from fitplugin.surrogates.base import Surrogate, require_fitted
from fitplugin.surrogates.dataset import Schema
from fitplugin.surrogates.frame import Frame


class FittedParts(Protocol):
    """What `fit` leaves behind, at least."""

    @property
    def frame(self) -> Frame:
        """Names, box and scalings of what was learned."""


TheOptions = TypeVar("TheOptions")
TheFitted = TypeVar("TheFitted", bound=FittedParts)


class FramedSurrogate(Surrogate, Generic[TheOptions, TheFitted]):
    """A surrogate whose inputs and targets a `Frame` standardises."""

    options: TheOptions

    def __init__(self, options: TheOptions | None = None, fitted: TheFitted | None = None) -> None:
        self.options = options or cast(TheOptions, self.Options())
        self._maybe_fitted = fitted

    @property
    def schema(self) -> Schema:
        """Names and box of what was learned."""
        return self._fitted.frame.schema

    @property
    def _fitted(self) -> TheFitted:
        return cast(TheFitted, require_fitted(self._maybe_fitted))
