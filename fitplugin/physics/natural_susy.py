"""Minimal natural supersymmetry: its parameters and the benchmark of arXiv:1611.02704."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

BENCHMARK: Mapping[str, float] = MappingProxyType(
    {
        "mu": 254.6,
        "tan_beta": 20.0,
        "M3": 2000.0,
        "mQ3": 1280.5,
        "mtR": 1333.6,
        "At": -2000.0,
    }
)
"""The paper's benchmark point, GeV except tan_beta (arXiv:1611.02704, p. 3)."""

BENCHMARKS: Mapping[str, Mapping[str, float]] = MappingProxyType({"natural_susy": BENCHMARK})
"""Named parameter points from which a scan file can ask its mock counts."""

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "mu": r"\mu",
        "tan_beta": r"\tan\beta",
        "M3": r"M_3",
        "mQ3": r"m_{Q_3}",
        "mtR": r"m_{t_R}",
        "At": r"A_t",
        "m_higgs": r"m_h",
        "m_chargino1": r"m_{\tilde\chi^\pm_1}",
        "m_neutralino1": r"m_{\tilde\chi^0_1}",
        "m_stop1": r"m_{\tilde t_1}",
        "m_stop2": r"m_{\tilde t_2}",
        "m_sbottom1": r"m_{\tilde b_1}",
        "m_gluino": r"m_{\tilde g}",
    }
)
"""LaTeX of parameters and masses, without dollars."""

SIGN_UNSEEN = frozenset({"mu"})
"""Parameters whose sign the signal regions cannot see: figures show their absolute value."""

DIMENSIONLESS = frozenset({"tan_beta"})
"""Parameters that are not in GeV."""

SLHA_ENTRIES: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "mu": ("EXTPAR", 23),
        "tan_beta": ("EXTPAR", 25),
        "M3": ("EXTPAR", 3),
        "mQ3": ("EXTPAR", 43),
        "mtR": ("EXTPAR", 46),
        "At": ("EXTPAR", 11),
    }
)
"""Block and index of each parameter in the SLHA file of a point."""
