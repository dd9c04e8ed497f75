"""Masses and couplings of the Standard Model near 1 TeV, rough on purpose.

What is learned on top of the leading order makes up for them.
"""

from __future__ import annotations

M_Z, SIN2_W = 91.19, 0.2312
M_TOP, M_BOTTOM = 150.0, 2.45
"""Running masses near 1 TeV [GeV]."""
M_TAU = 1.75
"""It runs little [GeV]."""
VEV = 174.1
"""Vacuum expectation value of the Higgs doublets, sqrt(v_u^2 + v_d^2) [GeV]."""
ALPHA_S, ALPHA_2 = 0.0885, 0.0335
G1, G2, G3 = 0.465, 0.64, 1.08
"""Gauge couplings, that of hypercharge with the factor of a GUT."""
