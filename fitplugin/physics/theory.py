"""From a parameter point to everything that data can be compared with.

parameters -> spectrum -> cross-section, efficiencies -> yields
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from fitplugin.arrays import BoolArray, FloatArray, scattered
from fitplugin.errors import InputError, one_of
from fitplugin.physics.cross_section import PROCESSES, CrossSection, Production
from fitplugin.physics.efficiency import LearnedEfficiency
from fitplugin.physics.gate import Gate
from fitplugin.physics.spectrum import Spectrum, SpectrumCalculator
from fitplugin.physics.yields import expected_signal

OutOfDomain = Literal["inflate", "reject", "error"]
"""What happens at valid points outside the training points of a surrogate (remoteness > 1).

``inflate``: errors of what it predicts grow with the remoteness; ``reject``: the point is not
valid; ``error``: the scan stops and names the point. They are counted in any case.
"""

OUTSIDE = "outside_training"
NO_SPECTRUM = "no_spectrum"
_OF_SPECTRUM = ("spectrum_valid", "spectrum_probability")


class Observables(NamedTuple):
    """Observables by name, each (n_points,), and the reason why a point has none ('' if it has).

    Names: ``spectrum_valid``, ``spectrum_probability``, the masses [GeV] with ``m_X_error``,
    branching fractions ``br_X_Y`` (none of these without a spectrum), ``cross_section`` [fb] and
    ``cross_section_error``, per region ``efficiency[R]``, ``n_signal[R]`` [events] with
    ``efficiency_error[R]``, ``n_signal_error[R]``, and ``outside_training``: 1 where a surrogate
    extrapolates.
    """

    values: dict[str, FloatArray]
    valid: BoolArray
    reason: np.ndarray


class Theory:
    """The physics chain of a scan, evaluated in batches.

    Parameters
    ----------
    calculator : SpectrumCalculator
    production : Production
    efficiencies : mapping of region name to LearnedEfficiency
        Those from parameters take them in the order of ``calculator.trained``.
    luminosity : float
        [1/fb].
    out_of_domain : {"inflate", "reject", "error"}
        See `OutOfDomain`.
    surrogate_error : float
        Factor on the errors of all surrogates; the cross-section table keeps its own.

    Raises
    ------
    InputError
        If a process needs a mass that the calculator does not give.
    """

    def __init__(
        self,
        calculator: SpectrumCalculator,
        production: Production,
        efficiencies: Mapping[str, LearnedEfficiency],
        luminosity: float,
        out_of_domain: OutOfDomain = "inflate",
        surrogate_error: float = 1.0,
    ) -> None:
        for process in production.processes:
            mass = PROCESSES[process].mass
            if mass not in calculator.masses:
                problem = one_of(mass, calculator.masses, "a mass of the spectrum")
                raise InputError("processes", f"{process} needs {mass}: {problem}")
        self._calculator = calculator
        self._production = production
        self._efficiencies = dict(efficiencies)
        self._luminosity = luminosity
        self.out_of_domain = out_of_domain
        self._surrogate_error = surrogate_error

    @property
    def trained(self) -> Mapping[str, tuple[float, float]]:
        """Parameters in the order that the methods expect, each with its training range."""
        return self._calculator.trained

    @property
    def input_names(self) -> tuple[str, ...]:
        """Parameters in the order of the columns that the methods expect."""
        return tuple(self._calculator.trained)

    @property
    def gate(self) -> Gate | None:
        """What decides before the spectrum is asked, if anything does."""
        return getattr(self._calculator, "gate", None)

    @property
    def observable_names(self) -> tuple[str, ...]:
        """Names of everything that `observables` gives, in order."""
        masses = self._calculator.masses
        return (
            *(_OF_SPECTRUM if masses else ()),
            *masses,
            *(f"{mass}_error" for mass in masses),
            *self._calculator.branching,
            "cross_section",
            "cross_section_error",
            *self._yield_names,
            OUTSIDE,
        )

    @property
    def _yield_names(self) -> tuple[str, ...]:
        return tuple(
            f"{quantity}[{region}]"
            for region in self._efficiencies
            for quantity in ("efficiency", "efficiency_error", "n_signal", "n_signal_error")
        )

    def production(self, parameters: FloatArray) -> Observables:
        """Spectrum and cross-section only: all that decides whether a point is valid.

        With ``out_of_domain: reject`` the efficiencies decide too, and this is `observables`.
        """
        if self.out_of_domain == "reject":
            return self.observables(parameters)
        spectrum, cross_section = self._produce(parameters)
        return self._collect(spectrum, cross_section, {}, _is_outside(spectrum, cross_section))

    def exists(self, parameters: FloatArray) -> BoolArray:
        """Where there is a spectrum, (n_points,), from a calculator that can tell beforehand.

        True everywhere if it cannot: then `production` and `observables` tell.
        """
        tell = getattr(self._calculator, "exists", None)
        return np.ones(len(parameters), dtype=bool) if tell is None else tell(parameters)

    def observables(
        self,
        parameters: FloatArray,
        wanted: Callable[[Observables], BoolArray] | None = None,
    ) -> Observables:
        """Everything, at (n_points, n_inputs) parameter points.

        With ``wanted``, efficiencies and yields only of the points where that says True of what
        `production` gives; they are NaN at the others.
        """
        spectrum, cross_section = self._produce(parameters)
        outside = _is_outside(spectrum, cross_section)
        answered = spectrum.answered
        is_asked = wanted is not None and self.out_of_domain != "reject"
        if not is_asked and answered.all():
            values, remote = self._yields(parameters, spectrum, cross_section)
            return self._collect(spectrum, cross_section, values, outside | remote)
        rows = answered
        if wanted is not None and is_asked:
            rows = answered & wanted(self._collect(spectrum, cross_section, {}, outside))
        values = dict.fromkeys(self._yield_names, np.full(len(parameters), np.nan))
        if rows.any():
            part, remote = self._yields(
                parameters[rows], spectrum.take(rows), cross_section.take(rows)
            )
            outside[rows] |= remote
            values = {name: scattered(column, rows) for name, column in part.items()}
        return self._collect(spectrum, cross_section, values, outside)

    def at_spectrum(
        self,
        parameters: FloatArray,
        mass: Mapping[str, FloatArray],
        branching: Mapping[str, FloatArray],
    ) -> Observables:
        """As `observables`, where spectra are known: nothing of them is learned.

        Parameters
        ----------
        parameters : (n_points, n_inputs) array
        mass, branching : mappings of str to (n_points,) arrays
            All `spectrum_names`, masses in GeV.
        """
        zero = np.zeros(len(parameters))
        spectrum = Spectrum(
            dict(mass),
            dict.fromkeys(mass, zero),
            dict(branching),
            np.ones(len(parameters), dtype=bool),
            np.ones(len(parameters)),
            zero,
        )
        cross_section = self._production.at(parameters, spectrum, self._error_factor)
        values, remote = self._yields(parameters, spectrum, cross_section)
        return self._collect(spectrum, cross_section, values, remote)

    @property
    def spectrum_names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Masses and branching fractions that the chain reads."""
        return self._calculator.masses, self._calculator.branching

    def _yields(
        self, parameters: FloatArray, spectrum: Spectrum, cross_section: CrossSection
    ) -> tuple[dict[str, FloatArray], BoolArray]:
        """Efficiencies and yields of all regions, and where a surrogate of them extrapolates."""
        outside = np.zeros(len(parameters), dtype=bool)
        values: dict[str, FloatArray] = {}
        for region, learned in self._efficiencies.items():
            efficiency = learned(parameters, spectrum, cross_section.by_process)
            error = efficiency.error * self._error_factor(efficiency.remoteness)
            outside |= efficiency.remoteness > 1
            n_signal, n_signal_error = expected_signal(
                efficiency.value, error, cross_section.value, cross_section.error, self._luminosity
            )
            values[f"efficiency[{region}]"] = efficiency.value
            values[f"efficiency_error[{region}]"] = error
            values[f"n_signal[{region}]"] = n_signal
            values[f"n_signal_error[{region}]"] = n_signal_error
        return values, outside

    def _produce(self, parameters: FloatArray) -> tuple[Spectrum, CrossSection]:
        spectrum = self._calculator.spectrum(parameters)
        growth = self._error_factor(spectrum.remoteness)
        error = {name: std * growth for name, std in spectrum.error.items()}
        spectrum = spectrum._replace(error=error)
        return spectrum, self._production.at(parameters, spectrum, self._error_factor)

    def _error_factor(self, remoteness: FloatArray) -> FloatArray:
        growth = np.maximum(1.0, remoteness) if self.out_of_domain == "inflate" else np.ones(1)
        return self._surrogate_error * growth

    def _collect(
        self,
        spectrum: Spectrum,
        cross_section: CrossSection,
        yields: Mapping[str, FloatArray],
        outside: BoolArray,
    ) -> Observables:
        own = (spectrum.valid.astype(float), spectrum.probability)
        values = {
            **(dict(zip(_OF_SPECTRUM, own, strict=True)) if spectrum.mass else {}),
            **spectrum.mass,
            **{f"{name}_error": error for name, error in spectrum.error.items()},
            **spectrum.branching,
            "cross_section": cross_section.value,
            "cross_section_error": cross_section.error,
            **yields,
            OUTSIDE: outside.astype(float),
        }
        valid = spectrum.valid & cross_section.in_table
        reason = np.where(cross_section.in_table, "", "mass_outside_cross_section_table")
        reason = np.where(spectrum.valid, reason, NO_SPECTRUM)
        if self.out_of_domain == "reject":
            reason = np.where(valid & outside, OUTSIDE, reason)
            valid = valid & ~outside
        return Observables(values, valid, reason)


def _is_outside(spectrum: Spectrum, cross_section: CrossSection) -> BoolArray:
    return np.asarray(np.maximum(spectrum.remoteness, cross_section.remoteness) > 1)
