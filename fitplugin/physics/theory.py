"""From a parameter point to everything that data can be compared with.

parameters -> spectrum -> cross-section, efficiencies -> yields
"""

from __future__ import annotations

from collections.abc import Mapping
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


class Produced(NamedTuple):
    """Points half-way: their parameters (n_points, n_inputs), spectra and cross-sections."""

    parameters: FloatArray
    spectrum: Spectrum
    cross_section: CrossSection

    @property
    def outside(self) -> BoolArray:
        """Where a surrogate of these extrapolates, (n_points,)."""
        return np.maximum(self.spectrum.remoteness, self.cross_section.remoteness) > 1

    def take(self, rows: BoolArray) -> Produced:
        """Return the points where ``rows`` is True."""
        spectrum, cross_section = self.spectrum.take(rows), self.cross_section.take(rows)
        return Produced(self.parameters[rows], spectrum, cross_section)


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

    def exists(self, parameters: FloatArray) -> BoolArray:
        """Where there is a spectrum, (n_points,), from a calculator that can tell beforehand.

        True everywhere if it cannot: then `before_yields` tells.
        """
        tell = getattr(self._calculator, "exists", None)
        return np.ones(len(parameters), dtype=bool) if tell is None else tell(parameters)

    def observables(self, parameters: FloatArray) -> Observables:
        """Everything, at (n_points, n_inputs) parameter points."""
        return self.with_yields(self.produce(parameters))

    def produce(self, parameters: FloatArray) -> Produced:
        """First half of the chain: spectra and cross-sections at (n_points, n_inputs) points."""
        spectrum = self._calculator.spectrum(parameters)
        growth = self._error_factor(spectrum.remoteness)
        error = {name: std * growth for name, std in spectrum.error.items()}
        spectrum = spectrum._replace(error=error)
        cross_section = self._production.at(parameters, spectrum, self._error_factor)
        return Produced(parameters, spectrum, cross_section)

    @property
    def yields_decide(self) -> bool:
        """Whether yields must be known to say if a point is valid: ``out_of_domain: reject``."""
        return self.out_of_domain == "reject"

    def before_yields(self, produced: Produced) -> Observables:
        """What decides whether points are valid; without yields, unless `yields_decide`."""
        if self.yields_decide:
            return self.with_yields(produced)
        return self._collect(produced, {}, produced.outside)

    def with_yields(self, produced: Produced, wanted: BoolArray | None = None) -> Observables:
        """Second half of the chain: efficiencies and yields of the points, and all before.

        Where ``wanted`` (n_points,) is False they are left out: NaN.
        """
        answered = produced.spectrum.answered
        rows = answered if wanted is None else answered & wanted
        if rows.all():
            values, remote = self._yields(produced)
        else:
            values = dict.fromkeys(self._yield_names, np.full(len(rows), np.nan))
            remote = np.zeros(len(rows), dtype=bool)
        if rows.any() and not rows.all():
            part, remote[rows] = self._yields(produced.take(rows))
            values = {name: scattered(column, rows) for name, column in part.items()}
        return self._collect(produced, values, produced.outside | remote)

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
            All `spectrum_names`, masses in GeV; NaN where efficiencies and cross-sections do not
            read them.
        """
        n, zero = len(parameters), np.zeros(len(parameters))
        spectrum = Spectrum(
            dict(mass), dict.fromkeys(mass, zero), dict(branching), np.ones(n, dtype=bool),
            np.ones(n), zero,
        )  # fmt: skip
        cross_section = self._production.at(parameters, spectrum, self._error_factor)
        produced = Produced(parameters, spectrum, cross_section)
        values, remote = self._yields(produced)
        return self._collect(produced, values, produced.outside | remote)

    @property
    def spectrum_names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Masses and branching fractions that the chain reads."""
        return self._calculator.masses, self._calculator.branching

    def _yields(self, produced: Produced) -> tuple[dict[str, FloatArray], BoolArray]:
        """Efficiencies and yields of all regions, and where a surrogate of them extrapolates."""
        parameters, spectrum, cross_section = produced
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

    def _error_factor(self, remoteness: FloatArray) -> FloatArray:
        growth = np.maximum(1.0, remoteness) if self.out_of_domain == "inflate" else np.ones(1)
        return self._surrogate_error * growth

    def _collect(
        self, produced: Produced, yields: Mapping[str, FloatArray], outside: BoolArray
    ) -> Observables:
        _, spectrum, cross_section = produced
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
        if self.yields_decide:
            reason = np.where(valid & outside, OUTSIDE, reason)
            valid = valid & ~outside
        return Observables(values, valid, reason)
