"""What a term of the likelihood is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError


class Term(Protocol):
    """One factor of the joint likelihood, or a constraint: a function of the observables.

    Plugins of the groups ``fitplugin.likelihoods`` and ``fitplugin.constraints`` are classes
    with these attributes, called with their options; they need not inherit from anything. What
    is constant may be a plain attribute where a property stands here. A class may besides have
    ``citations``, a tuple of texts. `fitplugin.templates.likelihood` is a small one.

    Those of ``fitplugin.combinations`` are called with their options, the regions and the
    `Nuisances`, and make one number of the regions' observables.
    """

    Options: ClassVar[type[BaseModel]]
    """What a scan file may say beside ``kind``; a subclass of `fitplugin.options.Options`."""

    @property
    def name(self) -> str:
        """How the term is called in blobs and reasons; two factors must differ in it."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the parameters and observables it reads; checked before a scan starts.

        `fitplugin.physics.theory.Observables` lists them: masses ``m_X`` [GeV] with ``m_X_error``,
        branching fractions ``br_X_Y``, ``n_signal[REGION]`` [events], and more.
        """

    def log_likelihood(self, observables: Mapping[str, FloatArray]) -> FloatArray:
        """Natural log of the likelihood, (n_points,); -inf where the term refuses a point.

        ``observables`` has an (n_points,) array under every name in `needs`, finite at valid
        points. What it says of a point may not depend on the other points.
        """


class Constraint(Term, Protocol):
    """A term on predicted observables; a hard one defines the prior and is no factor.

    `fitplugin.templates.constraint` is a small one.
    """

    @property
    def is_hard(self) -> bool:
        """Whether it only refuses points: 0 or -inf, and nothing else."""


def require_term(term: Any, is_constraint: bool = False) -> None:
    """Refuse an object that is no term, or no constraint, before it is asked anything.

    Raises
    ------
    InputError
        Naming what it lacks.
    """
    contract = "Constraint" if is_constraint else "Term"
    wanted = ("name", "needs", "log_likelihood", *(("is_hard",) if is_constraint else ()))
    lacking = [name for name in wanted if not hasattr(term, name)]
    if lacking:
        raise InputError(
            "",
            f"{type(term).__name__} has no {', '.join(lacking)}, which a "
            f"{contract.lower()} needs: see fitplugin.likelihoods.base.{contract}",
        )
    if isinstance(term.needs, str):
        raise InputError(
            "", f"{type(term).__name__}.needs must be a tuple of names, not {term.needs!r}"
        )
