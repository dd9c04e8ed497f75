"""Leading-order masses of minimal natural supersymmetry.

Nothing here is a prediction: everything is an input, or a baseline, of a learned map that is tested
against a spectrum program. `pmssm` is the same for the 19 parameters of the pMSSM.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from fitplugin.arrays import Columns, FloatArray
from fitplugin.physics.pmssm.constants import ALPHA_S, M_TOP, M_Z, SIN2_W, VEV
from fitplugin.physics.pmssm.tree import root

_SCALE = 1000.0  # renormalisation scale at which the soft masses are given [GeV]


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
    gluino_loop = 4 * ALPHA_S / (3 * np.pi) * m3**2 * (np.log(m3**2 / _SCALE**2) - 1.0)
    cos_2beta = (1.0 - tan_beta**2) / (1.0 + tan_beta**2)
    d_term = cos_2beta * M_Z**2
    left = m_q3**2 - gluino_loop + M_TOP**2 + d_term * (0.5 - 2 / 3 * SIN2_W)
    right = m_tr**2 - gluino_loop + M_TOP**2 + d_term * 2 / 3 * SIN2_W
    sbottom = m_q3**2 - gluino_loop - d_term * (0.5 - 1 / 3 * SIN2_W)
    mixing = a_t - mu / tan_beta
    half_gap = np.hypot(0.5 * (left - right), M_TOP * mixing)
    middle = 0.5 * (left + right)
    # a tachyon has no logarithm; the floor only keeps the input finite there
    scale = np.sqrt(np.maximum(left, 1e4) * np.maximum(right, 1e4))
    ratio = mixing**2 / scale
    loop = 3 * M_TOP**4 / (4 * np.pi**2 * VEV**2)
    higgs = d_term * cos_2beta + loop * (np.log(scale / M_TOP**2) + ratio * (1 - ratio / 12))
    return {
        "leading_m_stop1": root(middle - half_gap),
        "leading_m_stop2": root(middle + half_gap),
        "leading_m_sbottom1": root(sbottom),
        "leading_m_higgsino": np.abs(mu),
        "leading_m_higgs": root(higgs),
        "leading_m_left": root(left),
        "leading_m_right": root(right),
        "leading_mixing": mixing,
        "leading_log_scale": 0.5 * np.log(scale),
    }


PARAMETERS = ("mu", "tan_beta", "M3", "mQ3", "mtR", "At")
"""What `leading_order` needs."""

NAMES = tuple(leading_order({name: np.array([1000.0]) for name in PARAMETERS}))
"""What it gives."""

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
