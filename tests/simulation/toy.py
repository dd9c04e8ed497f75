"""A simulator for tests: fast, with accidents on demand."""

from __future__ import annotations

import os
import time

import numpy as np
from pydantic import Field

from fitplugin.options import Options
from fitplugin.simulation.base import Counts, SimulationError


class ToyOptions(Options):
    """What goes wrong at points of which names."""

    fails: str = ""
    raises: str = ""
    dies: str = ""
    lies: str = ""
    empty: str = ""
    fast: str = ""
    hangs: str = ""
    seconds: float = Field(0.0, ge=0)


class Toy:
    """Draw counts of two regions from the seeds of a request."""

    Options = ToyOptions

    def __init__(self, options=None):
        self.options = options or ToyOptions()

    @property
    def regions(self):
        return ("low", "high")

    def versions(self):
        return {"toy": "1.0"}

    def simulate(self, request):
        if request.name != self.options.fast:
            time.sleep(self.options.seconds)
        while request.name == self.options.hangs:
            time.sleep(1.0)
        if request.name == self.options.fails:
            raise SimulationError("no phase space is left")
        if request.name == self.options.raises:
            raise ZeroDivisionError("of a guest")
        if request.name == self.options.dies:
            os._exit(11)
        counts = {}
        for process in request.processes:
            rng = np.random.default_rng(request.seed_of(process))
            passed = {
                region: float(rng.binomial(request.events, share))
                for region, share in (("low", 0.04), ("high", 0.004))
            }
            if request.name == self.options.empty:
                passed = dict.fromkeys(passed, 0.0)
            n = 10 if request.name == self.options.lies else request.events
            counts[process] = Counts(n, passed, dict(passed))
        return counts
