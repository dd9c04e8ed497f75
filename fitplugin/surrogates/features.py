"""Named transforms of the inputs: what a surrogate sees instead of the raw parameters.

A kink or a pole that is known beforehand (|mu| in a chargino mass, 1/tan(beta) in a Higgs
mass) costs a stationary kernel most of its accuracy; naming it costs a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError, one_of

FeatureNames = Annotated[
    tuple[str, ...] | None,
    Field(description="Inputs or x -> abs(x), sign(x), 1/x of them; default: the raw inputs."),
]
"""An option: names as `Features` takes them."""

_FORMS: tuple[tuple[re.Pattern[str], Callable[[FloatArray], FloatArray]], ...] = (
    (re.compile(r"abs\((\w+)\)"), np.abs),
    (re.compile(r"sign\((\w+)\)"), np.sign),
    (re.compile(r"1/(\w+)"), np.reciprocal),
    (re.compile(r"(\w+)"), np.array),
)


class Features:
    """Compute named features from named inputs.

    Parameters
    ----------
    names : sequence of str
        Each ``x``, ``abs(x)``, ``sign(x)`` or ``1/x``, with ``x`` the name of an input.
    input_names : sequence of str

    Raises
    ------
    InputError
        If a feature has another form or names an unknown input.

    >>> Features(["abs(mu)", "1/tan_beta"], ["mu", "tan_beta"])(np.array([[-200.0, 20.0]]))
    array([[2.e+02, 5.e-02]])
    """

    def __init__(self, names: Sequence[str], input_names: Sequence[str]) -> None:
        self._columns = [_parse(name, input_names) for name in names]
        self._is_identity = tuple(names) == tuple(input_names)

    def __call__(self, inputs: FloatArray) -> FloatArray:
        """Map (n_points, n_inputs) to (n_points, n_features)."""
        if self._is_identity:
            return inputs
        return np.stack([form(inputs[:, column]) for form, column in self._columns], axis=1)


def _parse(name: str, input_names: Sequence[str]) -> tuple[Callable[[FloatArray], FloatArray], int]:
    for pattern, form in _FORMS:
        match = pattern.fullmatch(name)
        if match:
            if match[1] not in input_names:
                raise InputError("features", one_of(match[1], input_names, "an input"))
            return form, list(input_names).index(match[1])
    raise InputError("features", f"{name!r} is not a feature. Known forms: x, abs(x), sign(x), 1/x")
