"""Quantities derived from the parameters of minimal natural supersymmetry, at leading order.

A surrogate that is given the leading-order masses learns the corrections to them instead of the
whole spectrum. Nothing here is a prediction: everything is an input, or a baseline, of a learned
map that is tested against a spectrum program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError, one_of
from fitplugin.physics import pmssm

_M_TOP = 150.0  # running mass near 1 TeV [GeV]
_M_Z, _SIN2_W = 91.19, 0.2312
_HIGGS_VEV = 174.1  # [GeV]
_SCALE = 1000.0  # renormalisation scale at which the soft masses are given [GeV]
_ALPHA_S = 0.0885  # there

Columns = Mapping[str, FloatArray]


def leading_order(parameters: Columns) -> dict[str, FloatArray]:
    """Leading-order masses [GeV] of stops, left-handed sbottom, higgsino and Higgs boson.

    Parameters
    ----------
    parameters : mapping of str to (n_points,) arrays
        ``mu``, ``tan_beta``, ``M3``, ``mQ3``, ``mtR``, ``At`` in GeV (tan_beta a number).

    Returns
    -------
    dict
        ``leading_m_stop1`` and the like; a negative mass stands for a negative square. Also
        ``leading_m_left`` and ``leading_m_right`` (before mixing), ``leading_mixing``
        (X_t = At - mu / tan_beta) and ``leading_log_scale`` (ln of the mean stop mass / GeV).

    The squared soft masses carry the gluino loop in the limit of a heavy gluino,
    -(4 alpha_s / 3 pi) M3^2 (ln(M3^2/Q^2) - 1), whose logarithm follows from their running;
    then the tree-level mixing matrix, and for the Higgs boson the leading logarithm with
    mixing. Source: S. Martin, hep-ph/9709356, secs. 6.5 (running) and 8.4 (stops);
    H. Haber et al., hep-ph/9609331 (Higgs boson).
    """
    mu, tan_beta, m3, m_q3, m_tr, a_t = (
        parameters[name] for name in ("mu", "tan_beta", "M3", "mQ3", "mtR", "At")
    )
    gluino_loop = 4 * _ALPHA_S / (3 * np.pi) * m3**2 * (np.log(m3**2 / _SCALE**2) - 1.0)
    cos_2beta = (1.0 - tan_beta**2) / (1.0 + tan_beta**2)
    d_term = cos_2beta * _M_Z**2
    left = m_q3**2 - gluino_loop + _M_TOP**2 + d_term * (0.5 - 2 / 3 * _SIN2_W)
    right = m_tr**2 - gluino_loop + _M_TOP**2 + d_term * 2 / 3 * _SIN2_W
    sbottom = m_q3**2 - gluino_loop - d_term * (0.5 - 1 / 3 * _SIN2_W)
    mixing = a_t - mu / tan_beta
    half_gap = np.hypot(0.5 * (left - right), _M_TOP * mixing)
    middle = 0.5 * (left + right)
    # a tachyon has no logarithm; the floor only keeps the input finite there
    scale = np.sqrt(np.maximum(left, 1e4) * np.maximum(right, 1e4))
    ratio = mixing**2 / scale
    loop = 3 * _M_TOP**4 / (4 * np.pi**2 * _HIGGS_VEV**2)
    higgs = d_term * cos_2beta + loop * (np.log(scale / _M_TOP**2) + ratio * (1 - ratio / 12))
    return {
        "leading_m_stop1": _signed_root(middle - half_gap),
        "leading_m_stop2": _signed_root(middle + half_gap),
        "leading_m_sbottom1": _signed_root(sbottom),
        "leading_m_higgsino": np.abs(mu),
        "leading_m_higgs": _signed_root(higgs),
        "leading_m_left": _signed_root(left),
        "leading_m_right": _signed_root(right),
        "leading_mixing": mixing,
        "leading_log_scale": 0.5 * np.log(scale),
    }


PARAMETERS = ("mu", "tan_beta", "M3", "mQ3", "mtR", "At")
"""What `leading_order` needs."""

BASELINES: Mapping[str, str] = MappingProxyType(
    {
        "m_stop1": "leading_m_stop1",
        "m_stop2": "leading_m_stop2",
        "m_sbottom1": "leading_m_sbottom1",
        "m_chargino1": "leading_m_higgsino",
        "m_neutralino1": "leading_m_higgsino",
    }
)
"""Masses whose difference to a leading-order one is learned, where that is available."""

_FORMS: Mapping[str, Callable[[Columns], FloatArray]] = MappingProxyType(
    {
        "abs_mu": lambda p: np.abs(p["mu"]),
        "sign_mu": lambda p: np.sign(p["mu"]),
        "inverse_tan_beta": lambda p: 1.0 / p["tan_beta"],
    }
)
_LEADING = (
    "leading_m_stop1", "leading_m_stop2", "leading_m_sbottom1", "leading_m_higgsino",
    "leading_m_higgs", "leading_m_left", "leading_m_right", "leading_mixing", "leading_log_scale",
)  # fmt: skip


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
        known = [*parameters, *_FORMS, *_LEADING, *pmssm.NAMES, *pmssm.LOW_NAMES]
        for name in self.names:
            if name not in known:
                raise InputError("inputs", one_of(name, known, "a parameter or derived quantity"))
        self._needs_leading = bool(set(self.names) & set(_LEADING))
        self._needs_running = bool(set(self.names) & set(pmssm.NAMES))
        self._needs_low_scale = bool(set(self.names) & set(pmssm.LOW_NAMES))
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
        derived = leading_order(columns) if self._needs_leading else {}
        if self._needs_running:
            derived |= pmssm.running(columns)
        if self._needs_low_scale:
            derived |= pmssm.low_scale(columns)
        forms = {name: _FORMS[name](columns) for name in self.names if name in _FORMS}
        return {**columns, **derived, **forms}


def baselines_for(targets: Sequence[str], parameters: Sequence[str]) -> dict[str, str]:
    """Leading-order quantity of each target that has one, given what parameters there are."""
    for needed, known in ((pmssm.PARAMETERS, pmssm.BASELINES), (PARAMETERS, BASELINES)):
        if set(needed) <= set(parameters):
            return {target: known[target] for target in targets if target in known}
    return {}


def named_inputs(value: Any) -> Any:
    """Spell out ``pmssm`` and ``pmssm_validity``: what masses and validity are learned from."""
    known = {"pmssm": pmssm.INPUTS, "pmssm_validity": pmssm.VALIDITY_INPUTS}
    return known.get(value, value) if isinstance(value, str) else value


def pick(columns: Columns, names: Sequence[str]) -> FloatArray:
    """Stack named columns: (n_points, n_names)."""
    return np.stack([columns[name] for name in names], axis=1)


def _signed_root(square: FloatArray) -> FloatArray:
    return np.asarray(np.sign(square) * np.sqrt(np.abs(square)))
