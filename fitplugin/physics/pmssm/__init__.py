"""Quantities derived from the 19 parameters of the pMSSM: inputs and baselines of learned maps."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from fitplugin.physics.pmssm.low_scale import low_scale
from fitplugin.physics.pmssm.quantities import running

PARAMETERS = (
    "M1", "M2", "M3", "mu", "MA", "tan_beta", "At", "Ab", "Atau",
    "mqL12", "muR12", "mdR12", "mlL12", "meR12", "mQ3", "mtR", "mbR", "mL3", "mtauR",
)  # fmt: skip
"""Parameters [GeV], given at the scale Q = max(200 GeV, sqrt(mQ3 mtR)); MA is a pole mass."""

BASELINES: Mapping[str, str] = MappingProxyType(
    {
        "m_higgs": "running_m_higgs",
        "m_stop1": "running_m_stop1",
        "m_stop2": "running_m_stop2",
        "m_sbottom1": "running_m_sbottom1",
        "m_stau1": "running_m_stau1",
    }
)
"""Masses whose difference to a leading-order one is learned."""

_ONE = {name: np.array([1000.0 + 37.0 * i]) for i, name in enumerate(PARAMETERS)}
NAMES = tuple(running(_ONE))
"""What `running` gives."""

LOW_NAMES = tuple(low_scale(_ONE))
"""What `low_scale` gives."""

INPUTS = (*PARAMETERS, "abs_mu", "inverse_tan_beta", *NAMES)
"""What masses of the pMSSM are well learned from: ``inputs: pmssm`` in a scan file."""

VALIDITY_INPUTS = (*INPUTS, *LOW_NAMES)
"""What its validity is well learned from: ``validity_inputs: pmssm_validity``."""

__all__ = [
    "BASELINES", "INPUTS", "LOW_NAMES", "NAMES", "PARAMETERS", "VALIDITY_INPUTS", "low_scale",
    "running",
]  # fmt: skip
