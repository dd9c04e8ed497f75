"""Tables of simulated points, as a likelihood that is known at those points only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.data.tables import Table, read_table
from fitplugin.errors import InputError, one_of
from fitplugin.likelihoods.joint import JointLikelihood
from fitplugin.physics.theory import Observables
from fitplugin.physics.yields import expected_signal

WEIGHT = "weight"
LOG_LIKELIHOOD = "log_likelihood"


class TruthTable(NamedTuple):
    """Simulated points with the likelihood that follows from them.

    Attributes
    ----------
    theta : (n_points, n_dim) array
    log_likelihood : (n_points,) array
        With the simulated observables in the place of the surrogates'.
    weights : (n_points,) array or None
        Of the posterior that each point stands for; None if the table has no such column.
    used, ignored : tuple of str
        Columns that were taken for simulated observables, and those that mean nothing here.
    """

    theta: FloatArray
    log_likelihood: FloatArray
    weights: FloatArray | None
    used: tuple[str, ...]
    ignored: tuple[str, ...]


def read_truth(
    path: Path, joint: JointLikelihood, exact: JointLikelihood, luminosity: float
) -> TruthTable:
    """Read a table of simulated points and compare them with the data of a scan.

    Columns: the scanned parameters; other parameters of the theory, if there, must have the
    values of the scan; observables by the names that a run gives them, with their errors:
    ``efficiency[REGION]`` and ``efficiency_error[REGION]``, ``n_signal[REGION]`` and
    ``n_signal_error[REGION]``, ``cross_section`` [fb], masses; or ``log_likelihood`` itself.
    What the table does not say comes from the scan's own theory, without surrogate errors.

    Parameters
    ----------
    path : path
        ``.csv`` or ``.npz``.
    joint : JointLikelihood
        Of the scan.
    exact : JointLikelihood
        The same without surrogate errors.
    luminosity : float
        [1/fb].

    Raises
    ------
    InputError
        If parameters are missing or others than those of the scan, nothing simulated is there,
        or a number is missing.
    """
    table = read_table(str(path))
    names, known = joint.names, joint.theory.observable_names
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise InputError(
            str(path),
            f"has no column {', '.join(missing)}; it needs every scanned parameter: "
            f"{', '.join(names)}",
        )
    used = tuple(name for name in table.columns if name in (*known, LOG_LIKELIHOOD))
    simulated = {name: _numbers(table, name) for name in used}
    if not simulated:
        raise InputError(
            str(path),
            f"holds nothing simulated: needs {LOG_LIKELIHOOD}, or observables such as "
            f"{_example(joint)}",
        )
    theta = np.stack([_numbers(table, name) for name in names], axis=1)
    _require_fixed(table, joint)
    taken = (*joint.theory.input_names, *used, WEIGHT)
    ignored = tuple(name for name in table.columns if name not in taken)
    _refuse_typos(table, ignored, known)
    if LOG_LIKELIHOOD in simulated:
        values = simulated[LOG_LIKELIHOOD]
    else:
        values = _compare(exact, theta, simulated, luminosity)
    weights = _numbers(table, WEIGHT) if WEIGHT in table.columns else None
    if weights is not None and not ((weights >= 0).all() and weights.sum() > 0):
        raise InputError(f"{path}: {WEIGHT}", "must be >= 0, and not all zero")
    return TruthTable(theta, values, weights, used, ignored)


def _compare(
    exact: JointLikelihood, theta: FloatArray, simulated: Mapping[str, FloatArray], lumi: float
) -> FloatArray:
    """Return ln L with simulated observables in the place of predicted ones."""
    parameters = exact.space.complete(theta, exact.theory.input_names)
    predicted = exact.theory.observables(parameters)
    values = {**predicted.values, **simulated}
    for name in simulated:
        base, bracket, region = name.partition("[")
        error = f"{base}_error{bracket}{region}"
        if error in values and error not in simulated:
            values[error] = np.zeros(len(theta))  # a simulated value without an error is exact
    for region in (term.name for term in exact.regions):
        if f"n_signal[{region}]" in simulated:
            continue
        signal, error_of_signal = expected_signal(
            values[f"efficiency[{region}]"], values[f"efficiency_error[{region}]"],
            values["cross_section"], values["cross_section_error"], lumi,
        )  # fmt: skip
        values[f"n_signal[{region}]"] = signal
        values[f"n_signal_error[{region}]"] = error_of_signal
    observed = Observables(values, predicted.valid, predicted.reason)
    found: FloatArray = exact.compare(observed, theta).log_likelihood
    return found


def _numbers(table: Table, name: str) -> FloatArray:
    values = table.numbers([name])[:, 0]
    bad = np.flatnonzero(np.isnan(values))
    if len(bad):
        raise InputError(f"{table.name}: {name}", f"has no number in row {bad[0] + 1}")
    return values


def _require_fixed(table: Table, joint: JointLikelihood) -> None:
    for name, value in joint.space.fixed.items():
        if name in table.columns:
            found = _numbers(table, name)
            other = np.flatnonzero(~np.isclose(found, value, rtol=1e-6))
            if len(other):
                raise InputError(
                    f"{table.name}: {name}",
                    f"is {found[other[0]]:g} in row {other[0] + 1}; this scan fixes it at "
                    f"{value:g}: the table is of other points",
                )


def _refuse_typos(table: Table, ignored: tuple[str, ...], known: tuple[str, ...]) -> None:
    """Refuse columns that look like an observable of a region and are none."""
    for name in ignored:
        if "[" in name:
            raise InputError(f"{table.name}: {name}", one_of(name, known, "an observable"))


def _example(joint: JointLikelihood) -> str:
    if not joint.regions:
        return joint.theory.spectrum_names[0][0]
    region = joint.regions[0].name
    return f"efficiency[{region}] or n_signal[{region}]"
