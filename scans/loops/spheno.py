"""Spectra of natural supersymmetry by SPheno, for oracles: parameters in, SLHA text out.

Put SPheno (https://spheno.hepforge.org) on the PATH. Everything else than the six parameters is
decoupled at 3 TeV, as in the shipped spectra.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

STANDARD_MODEL = {
    1: 127.931881,
    2: 1.166378e-5,
    3: 0.1184,
    4: 91.1876,
    5: 4.18,
    6: 173.1,
    7: 1.77682,
}
HEAVY = (1, 2, 26, 31, 32, 33, 34, 35, 36, 41, 42, 44, 45, 47, 48, 49)  # of EXTPAR
SWITCHES = {1: -1, 2: 0, 11: 1, 12: 1e-4, 21: 0}  # quiet, with decays above 1e-4, no cross-sections


def slha(
    mu: float, mQ3: float, mtR: float, tan_beta: float = 20.0, M3: float = 2000.0,
    At: float = -2000.0,
) -> str:  # fmt: skip
    """Return the spectrum and decays of a point; raise where there is none."""
    program = shutil.which("SPheno")
    if program is None:
        raise FileNotFoundError("SPheno is not on the PATH")
    soft = {0: 1000.0, 3: M3, 11: At, 12: 0.0, 13: 0.0, 23: mu, 25: tan_beta, 43: mQ3, 46: mtR}
    blocks = {
        "MODSEL": {1: 0},
        "SMINPUTS": STANDARD_MODEL,
        "EXTPAR": {**soft, **dict.fromkeys(HEAVY, 3000.0)},
        "SPhenoInput": SWITCHES,
    }
    with tempfile.TemporaryDirectory() as folder:
        text = "".join(
            f"Block {name}\n" + "".join(f" {key} {value}\n" for key, value in entries.items())
            for name, entries in blocks.items()
        )
        (Path(folder) / "in").write_text(text)
        subprocess.run([program, "in", "out"], cwd=folder, capture_output=True, timeout=120)
        out = Path(folder) / "out"
        found = out.read_text() if out.exists() else ""
    if "Block MASS" not in found:
        raise ValueError("SPheno found no spectrum")
    return found
