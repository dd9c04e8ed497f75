"""Named inputs of learned maps: parameters, forms of them, leading-order masses.

A surrogate that is given the leading-order masses learns the corrections to them instead of the
whole spectrum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from fitplugin.arrays import Columns, FloatArray
from fitplugin.errors import InputError, one_of
from fitplugin.physics import leading_order as natural_susy
from fitplugin.physics import pmssm

_FORMS: Mapping[str, Callable[[Columns], FloatArray]] = MappingProxyType(
    {
        "abs_mu": lambda p: np.abs(p["mu"]),
        "sign_mu": lambda p: np.sign(p["mu"]),
        "inverse_tan_beta": lambda p: 1.0 / p["tan_beta"],
    }
)
# what gives which names, all at once
_FAMILIES: tuple[tuple[tuple[str, ...], Callable[[Columns], dict[str, FloatArray]]], ...] = (
    (natural_susy.NAMES, natural_susy.leading_order),
    (pmssm.NAMES, pmssm.running),
    (pmssm.LOW_NAMES, pmssm.low_scale),
)


class Derived:
    """Named inputs of a surrogate: parameters, forms of them, leading-order masses.

    Parameters
    ----------
    names : sequence of str
        What is wanted.
    parameters : sequence of str
        What there is.

    Raises
    ------
    InputError
        If a name is neither a parameter nor a derived quantity, or needs absent parameters.

    >>> Derived(["mQ3", "abs_mu"], ["mu", "mQ3"])(np.array([[-200.0, 900.0]]))
    array([[900., 200.]])
    """

    def __init__(self, names: Sequence[str], parameters: Sequence[str]) -> None:
        self.names = tuple(names)
        self._parameters = tuple(parameters)
        known = [*parameters, *_FORMS, *(name for names, _ in _FAMILIES for name in names)]
        for name in self.names:
            if name not in known:
                raise InputError("inputs", one_of(name, known, "a parameter or derived quantity"))
        self._derive = [derive for names, derive in _FAMILIES if {*names} & {*self.names}]
        try:
            self(np.ones((1, len(self._parameters))))
        except KeyError as error:
            raise InputError(
                "inputs",
                f"{error.args[0]} is needed to derive {', '.join(self.names)}; the table has "
                f"only {', '.join(self._parameters)}",
            ) from error

    def __call__(self, parameters: FloatArray) -> FloatArray:
        """Map (n_points, n_parameters) to (n_points, n_names)."""
        return pick(self.columns(parameters), self.names)

    def columns(self, parameters: FloatArray) -> dict[str, FloatArray]:
        """The names, and all that had to be computed for them, as (n_points,) arrays."""
        columns = dict(zip(self._parameters, parameters.T, strict=True))
        found = dict(columns)
        for derive in self._derive:
            found |= derive(columns)
        return found | {name: _FORMS[name](columns) for name in self.names if name in _FORMS}


def baselines_for(targets: Sequence[str], parameters: Sequence[str]) -> dict[str, str]:
    """Leading-order quantity of each target that has one, given what parameters there are."""
    for theory in (pmssm, natural_susy):
        if set(theory.PARAMETERS) <= set(parameters):
            known = theory.BASELINES
            return {target: known[target] for target in targets if target in known}
    return {}


def named_inputs(value: Any) -> Any:
    """Spell out ``pmssm`` and ``pmssm_validity``: what masses and validity are learned from."""
    known = {"pmssm": pmssm.INPUTS, "pmssm_validity": pmssm.VALIDITY_INPUTS}
    return known.get(value, value) if isinstance(value, str) else value


def pick(columns: Columns, names: Sequence[str]) -> FloatArray:
    """Stack named columns: (n_points, n_names)."""
    return np.stack([columns[name] for name in names], axis=1)
