"""From a parameter point to everything that data can be compared with.

parameters -> spectrum -> cross-section, efficiencies -> yields
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.errors import InputError, one_of
from fitplugin.physics.cross_section import PROCESSES, PairProduction
from fitplugin.physics.efficiency import LearnedEfficiency
from fitplugin.physics.spectrum import SpectrumCalculator
from fitplugin.physics.yields import expected_signal


class Observables(NamedTuple):
    """Observables by name, each (n_points,), and the reason why a point has none ('' if it has).

    Names: ``spectrum_valid``, ``spectrum_probability``, the masses [GeV] with
    ``m_X_error``, ``cross_section`` [fb] and ``cross_section_error``, and per region
    ``efficiency[R]``, ``n_signal[R]`` [events] with ``efficiency_error[R]``,
    ``n_signal_error[R]``.
    """

    values: dict[str, FloatArray]
    valid: BoolArray
    reason: np.ndarray


class Theory:
    """The physics chain of a scan, evaluated in batches.

    Parameters
    ----------
    calculator : SpectrumCalculator
    production : PairProduction
    efficiencies : mapping of region name to LearnedEfficiency
        Each takes the parameters in the order of ``calculator.trained``.
    luminosity : float
        [1/fb].

    Raises
    ------
    InputError
        If a process needs a mass that the calculator does not give.
    """

    def __init__(
        self,
        calculator: SpectrumCalculator,
        production: PairProduction,
        efficiencies: Mapping[str, LearnedEfficiency],
        luminosity: float,
    ) -> None:
        for process in production.processes:
            mass = PROCESSES[process].mass
            if mass not in calculator.quantities:
                problem = one_of(mass, calculator.quantities, "a quantity of the spectrum")
                raise InputError("processes", f"{process} needs {mass}: {problem}")
        self._calculator = calculator
        self._production = production
        self._efficiencies = dict(efficiencies)
        self._luminosity = luminosity

    @property
    def input_names(self) -> tuple[str, ...]:
        """Parameters in the order of the columns that the methods expect."""
        return tuple(self._calculator.trained)

    @property
    def observable_names(self) -> tuple[str, ...]:
        """Names of everything that `observables` gives, in order."""
        masses = self._calculator.quantities
        return (
            *_spectrum_names(masses),
            "cross_section",
            "cross_section_error",
            *(
                f"{quantity}[{region}]"
                for region in self._efficiencies
                for quantity in ("efficiency", "efficiency_error", "n_signal", "n_signal_error")
            ),
        )

    def production(self, parameters: FloatArray) -> Observables:
        """Spectrum and cross-section only: all that decides whether a point is valid."""
        spectrum = self._calculator.spectrum(parameters)
        sigma, error, in_table = self._production.total(spectrum.mass, spectrum.error)
        values = [
            spectrum.valid.astype(float),
            spectrum.probability,
            *spectrum.mass.values(),
            *spectrum.error.values(),
        ]
        named = dict(zip(_spectrum_names(tuple(spectrum.mass)), values, strict=True))
        reason = np.where(in_table, "", "mass_outside_cross_section_table")
        return Observables(
            {**named, "cross_section": sigma, "cross_section_error": error},
            spectrum.valid & in_table,
            np.where(spectrum.valid, reason, "no_spectrum"),
        )

    def observables(self, parameters: FloatArray) -> Observables:
        """Everything, at (n_points, n_inputs) parameter points."""
        produced = self.production(parameters)
        values = dict(produced.values)
        for region, learned in self._efficiencies.items():
            efficiency, error = learned(parameters)
            n_signal, n_signal_error = expected_signal(
                efficiency,
                error,
                values["cross_section"],
                values["cross_section_error"],
                self._luminosity,
            )
            values[f"efficiency[{region}]"] = efficiency
            values[f"efficiency_error[{region}]"] = error
            values[f"n_signal[{region}]"] = n_signal
            values[f"n_signal_error[{region}]"] = n_signal_error
        return produced._replace(values=values)


def _spectrum_names(masses: tuple[str, ...]) -> tuple[str, ...]:
    errors = (f"{mass}_error" for mass in masses)
    return ("spectrum_valid", "spectrum_probability", *masses, *errors)
