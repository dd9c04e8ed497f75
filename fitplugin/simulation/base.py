"""What every simulator must do: count, for one parameter point, what passes each region."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

from pydantic import BaseModel

from fitplugin.errors import FitpluginError

# the largest seed that event generators commonly take
_SEEDS = 900_000_000


class SimulationError(FitpluginError):
    """A point cannot be simulated; says why, in one line. The other points go on."""


@dataclass(frozen=True)
class Request:
    """One parameter point, and what to simulate of it.

    Attributes
    ----------
    name : str
        Of the point; by default its SLHA file without the suffix.
    slha : str
        The whole text of its SLHA file: masses, mixings, decays.
    processes : tuple of str
        Production processes, keys of `fitplugin.physics.cross_section.PROCESSES`.
    events : int
        Events to simulate in full for each process.
    seed : int
        Of the campaign; `seed_of` makes that of a process out of it.
    """

    name: str
    slha: str
    processes: tuple[str, ...]
    events: int
    seed: int

    @property
    def sha256(self) -> str:
        """Of the SLHA file: what the point is, whatever its name."""
        return hashlib.sha256(self.slha.encode()).hexdigest()

    def seed_of(self, process: str) -> int:
        """Return the seed of a process: it depends on the point and on nothing around it.

        >>> Request("a", "", ("stop1",), 1, 7).seed_of("stop1") < 900_000_000
        True
        """
        facts = f"{self.seed}:{self.sha256}:{process}"
        return 1 + int(hashlib.sha256(facts.encode()).hexdigest(), 16) % (_SEEDS - 1)


class Counts(NamedTuple):
    """What one production process left in the regions.

    Attributes
    ----------
    n_generated : int
        Events that were tried, those vetoed early included.
    passed : mapping of region to float
        Expected number of them that pass; a mean over detector replicas need not be an integer.
    variance : mapping of region to float
        Of ``passed``: the sum of squared weights of the events that pass.
    """

    n_generated: int
    passed: Mapping[str, float]
    variance: Mapping[str, float]

    def problem(self) -> str | None:
        """Return why these counts cannot be, or None.

        >>> Counts(10, {"SR": 11.0}, {"SR": 11.0}).problem()
        '11 of 10 events pass SR'
        """
        for region, passed in self.passed.items():
            if not (passed >= 0 and 0 <= self.variance[region] < math.inf):
                return f"{passed:g} with variance {self.variance[region]:g} pass {region}"
            if passed > self.n_generated:
                return f"{passed:g} of {self.n_generated} events pass {region}"
        return None

    def efficiency(self, region: str) -> tuple[float, float]:
        """Return efficiency and error of a region; where nothing passed, the error is not zero.

        >>> Counts(1000, {"SR": 9.0}, {"SR": 9.0}).efficiency("SR")
        (0.009, 0.003)
        """
        # no event, or less than one: the error of about one event, as in a binomial bound
        variance = max(self.variance[region], 1.0)
        return self.passed[region] / self.n_generated, math.sqrt(variance) / self.n_generated


class Simulator(Protocol):
    """Events for parameter points. Built from its options, and sent to worker processes."""

    Options: ClassVar[type[BaseModel]]
    citations: ClassVar[tuple[str, ...]]
    """What those who use its counts should cite; may be left out."""

    def __init__(self, options: Any) -> None: ...

    @property
    def regions(self) -> tuple[str, ...]:
        """Names of the signal regions that it counts."""

    def versions(self) -> Mapping[str, str]:
        """Return the programs it stands on and their versions.

        Raises
        ------
        MissingExtraError
            If one is not installed, with the install command: before any work starts.
        """

    def simulate(self, request: Request) -> Mapping[str, Counts]:
        """Return the counts of each process of a request. The same request gives the same.

        Raises
        ------
        InputError, SimulationError
            If this point cannot be simulated.
        """
