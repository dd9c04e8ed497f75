"""What a term of the likelihood is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from pydantic import BaseModel

from fitplugin.arrays import FloatArray


class Term(Protocol):
    """One factor of the joint likelihood, or a constraint: a function of the observables.

    Plugins of the groups ``fitplugin.likelihoods`` and ``fitplugin.constraints`` are classes
    of this shape, constructed from their options.
    """

    Options: ClassVar[type[BaseModel]]
    citations: ClassVar[tuple[str, ...]]

    @property
    def name(self) -> str:
        """How the term is called in blobs and reasons."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the observables it reads; checked before a scan starts."""

    def log_likelihood(self, observables: Mapping[str, FloatArray]) -> FloatArray:
        """Natural log of the likelihood, (n_points,); -inf where the term refuses a point."""


class Constraint(Term, Protocol):
    """A term on predicted observables; a hard one defines the prior and is no factor."""

    @property
    def is_hard(self) -> bool:
        """Whether it only refuses points (0 or -inf)."""
