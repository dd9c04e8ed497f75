"""What the decay of a pair-produced squark looks like: the inputs of process-level efficiencies.

The efficiency of one squark pair does not depend on how the theory's parameters made its mass,
so that the rows of all squarks of a simulation teach the same function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError, one_of


class Decay(NamedTuple):
    """Branching fractions of a squark by what they contain, and into which squarks it decays."""

    top: str
    bottom: str
    w_squark: str | None = None
    zh_squark: str | None = None


DECAYS: Mapping[str, Decay] = MappingProxyType(
    {
        "stop1": Decay("br_stop1_top", "br_stop1_bottom"),
        "stop2": Decay(
            "br_stop2_top", "br_stop2_bottom", "br_stop2_W_squark", "br_stop2_Zh_squark"
        ),
        "sbottom1": Decay("br_sbottom1_top", "br_sbottom1_bottom", "br_sbottom1_W_squark"),
    }
)
"""Squarks whose efficiencies can be learned at the level of the process."""

MASSES = ("m_stop1", "m_stop2", "m_sbottom1", "m_neutralino1")
INPUTS = ("mass", "mass_gap", "br_top", "br_bottom", "br_W_squark", "br_Zh_squark", "m_daughter")
"""Inputs of a process-level efficiency; masses in GeV."""


def input_names(processes: Sequence[str]) -> tuple[str, ...]:
    """Those of `INPUTS` that tell the given processes apart from anything.

    >>> input_names(["stop1"])
    ('mass', 'mass_gap', 'br_top', 'br_bottom')
    """
    decays = [DECAYS[process] for process in processes]
    to_w, to_zh = any(d.w_squark for d in decays), any(d.zh_squark for d in decays)
    there = {"br_W_squark": to_w, "br_Zh_squark": to_zh, "m_daughter": to_w or to_zh}
    return tuple(name for name in INPUTS if there.get(name, True))


def branching_names(processes: tuple[str, ...]) -> tuple[str, ...]:
    """Branching fractions that the decays of the processes need.

    Raises
    ------
    InputError
        If a process is not the pair production of a squark of `DECAYS`.
    """
    names: list[str] = []
    for process in processes:
        if process not in DECAYS:
            problem = one_of(process, DECAYS, "a process with known decays")
            raise InputError(
                "efficiency.inputs", f"{problem} Use 'inputs: parameters' for the others."
            )
        names += [name for name in DECAYS[process] if name]
    return tuple(names)


def process_inputs(
    process: str,
    mass: Mapping[str, FloatArray],
    branching: Mapping[str, FloatArray],
    names: Sequence[str] = INPUTS,
) -> FloatArray:
    """Inputs of the efficiency of one process: (n_points, len(names)).

    Parameters
    ----------
    process : str
        A key of `DECAYS`.
    mass : mapping of str to (n_points,) arrays
        `MASSES` in GeV; signs do not matter.
    branching : mapping of str to (n_points,) arrays
    names : sequence of `INPUTS`

    Returns
    -------
    array
        Its columns are the names. The daughter is the squark in decays to a boson and a squark: the
        lighter stop for Z and Higgs bosons and for sbottoms, the sbottom for a W from the
        heavier stop (their mean, by branching fraction, where both occur); the lighter stop
        where there is none.
    """
    decay = DECAYS[process]
    own = np.abs(mass[f"m_{process}"])
    zero = np.zeros_like(own)
    to_w, to_zh = (branching[name] if name else zero for name in (decay.w_squark, decay.zh_squark))
    lighter = np.abs(mass["m_stop1"])
    from_w = np.abs(mass["m_sbottom1"]) if process == "stop2" else lighter
    share = np.divide(to_w, to_w + to_zh, out=np.zeros_like(own), where=to_w + to_zh > 0)
    values = {
        "mass": own,
        "mass_gap": own - np.abs(mass["m_neutralino1"]),
        "br_top": branching[decay.top],
        "br_bottom": branching[decay.bottom],
        "br_W_squark": to_w,
        "br_Zh_squark": to_zh,
        "m_daughter": lighter + share * (from_w - lighter),
    }
    return np.stack([values[name] for name in names], axis=1)
