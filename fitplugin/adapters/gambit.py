"""GAMBIT-light: the joint likelihood as a user-supplied Python function.

GAMBIT-light calls ``user_loglike(input_names, input_vals, output)``: two lists, and a dictionary
to be filled with further quantities. See *gambit_light_interface/example_python* in
https://github.com/GambitBSM/gambit_light. The user library is a file with two lines::

    from fitplugin.adapters.gambit import gambit_light
    user_loglike = gambit_light("scans/natural_susy/smoke.yaml")

and `gambit_info` gives the sections of the YAML file that go with it. GAMBIT-light's own folder
*gambit_light_interface/lib* must be on ``PYTHONPATH``: without the module there, it cannot hand
its arguments to Python ("Unable to convert call argument").
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import numpy as np

from fitplugin.adapters.base import chosen_blobs, joint_of
from fitplugin.errors import InputError
from fitplugin.likelihoods.joint import JointLikelihood

UserLogLike = Callable[[Sequence[str], Sequence[float], MutableMapping[str, float]], float]


def gambit_light(
    scan: str | Path | JointLikelihood,
    cache: str | Path | None = None,
    *,
    allow_code: bool = False,
) -> UserLogLike:
    """Return the function that GAMBIT-light calls.

    It looks parameters up by name, whatever their order, and fills ``output`` with every blob;
    GAMBIT-light keeps those named under ``output`` in its YAML file.

    A point that is not valid is reported as GAMBIT's ``invalid_point``, with the reason: it
    then has no likelihood, and the scanner is told so. Any other exception is an error to
    GAMBIT-light, which stops.

    Parameters
    ----------
    scan : path or JointLikelihood
    cache : path, optional
        Folder of trained models; default: the user's cache.
    allow_code : bool
        Run code that the scan file names.
    """
    _interface()  # imported first: it teaches Python the types of GAMBIT-light's arguments
    return _UserLogLike(joint_of(scan, cache, allow_code=allow_code))


def gambit_info(
    scan: str | Path | JointLikelihood,
    user_lib: str | Path,
    blobs: Sequence[str] = ("m_higgs", "m_chargino1"),
    cache: str | Path | None = None,
    *,
    allow_code: bool = False,
) -> dict[str, Any]:
    """Return the sections ``UserModel`` and ``UserLogLikes`` of GAMBIT-light's YAML file.

    Parameters
    ----------
    scan : path or JointLikelihood
    user_lib : path
        The file that defines ``user_loglike``.
    blobs : sequence of str
        Written to GAMBIT-light's output for every valid point.
    cache : path, optional
    allow_code : bool
        Run code that the scan file names.
    """
    joint = joint_of(scan, cache, allow_code=allow_code)
    box = zip(joint.names, joint.space.box.tolist(), strict=True)
    return {
        "UserModel": {
            f"p{index}": {"name": name, "prior_type": "flat", "range": ends}
            for index, (name, ends) in enumerate(box, start=1)
        },
        "UserLogLikes": {
            "fitplugin": {
                "lang": "python",
                "user_lib": str(user_lib),
                "func_name": "user_loglike",
                "input": list(joint.names),
                "output": list(chosen_blobs(joint, blobs)),
            }
        },
    }


class _UserLogLike:
    """The log-likelihood in GAMBIT-light's convention."""

    def __init__(self, joint: JointLikelihood) -> None:
        self._joint = joint

    def __call__(
        self,
        input_names: Sequence[str],
        input_vals: Sequence[float],
        output: MutableMapping[str, float],
    ) -> float:
        values = dict(zip(input_names, input_vals, strict=True))
        self._refuse_other_model(values)
        batch = self._joint.evaluate(np.array([[values[name] for name in self._joint.names]]))
        for name in self._joint.blob_names:
            output[name] = float(batch.blobs[name][0])
        if not batch.valid[0]:
            _invalid_point(str(batch.blobs["reason"][0]))
        return float(batch.log_likelihood[0])

    def _refuse_other_model(self, values: MutableMapping[str, float]) -> None:
        missing = [name for name in self._joint.names if name not in values]
        if missing:
            raise InputError(
                "UserLogLikes.fitplugin.input",
                f"lacks {', '.join(missing)}; the scan's parameters are "
                f"{', '.join(self._joint.names)}",
            )
        for name, fixed in self._joint.space.fixed.items():
            if values.get(name, fixed) != fixed:
                raise InputError(
                    f"UserModel: {name}",
                    f"is {values[name]:g}, but {fixed:g} in the scan file; make them the same",
                )


def _interface() -> ModuleType | None:
    """Return GAMBIT-light's module, or None in a process that is not GAMBIT-light's."""
    try:
        return importlib.import_module("gambit_light_interface")
    except ImportError:
        return None


def _invalid_point(reason: str) -> NoReturn:
    interface = _interface()
    if interface is not None:
        interface.invalid_point(reason)
    # what that function raises, for those who call the likelihood by hand
    raise RuntimeError(f"[invalid]{reason}")
