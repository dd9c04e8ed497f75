"""The roots of UltraNest's tree: points of the prior, none of them invalid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from ultranest.store import NullPointStore

from fitplugin.arrays import FloatArray
from fitplugin.pools.base import Pool
from fitplugin.samplers.base import Problem
from fitplugin.samplers.contract import CheckedBatch
from fitplugin.samplers.evidence import ValidFraction
from fitplugin.samplers.prior import draw_live_points
from fitplugin.samplers.remembered import Remembered


class Roots(NullPointStore):  # type: ignore[misc]
    """A store of evaluated points, as UltraNest knows it, from which roots never run out.

    Drawn by rejection, so that no invalid point ever lives: a plateau of them at the lowest
    likelihood would cost live points, and evidence (arXiv:2010.13884).

    Parameters
    ----------
    n_first : int
        Points drawn at first; later as many as are missing, a quarter of this at least.
    progress : callable
        Told the number of likelihood calls so far.
    """

    def __init__(
        self,
        problem: Problem,
        pool: Pool,
        rng: Generator,
        remembered: Remembered,
        n_first: int,
        progress: Callable[[int], None],
    ) -> None:
        super().__init__(3 + 2 * len(problem.names))
        self._problem = problem
        self._pool = pool
        self._rng = rng
        self._remembered = remembered
        self._n_first = n_first
        self._progress = progress
        self._rows: list[FloatArray] = []
        self._fractions: list[ValidFraction] = []
        self._sizes: list[int] = []
        self.stack: list[Any] = []  # looked at by UltraNest, to say that it resumes
        self.stack_empty = False
        self.n_like = 0
        """Likelihood calls, those for rejected points included."""

    @property
    def fraction(self) -> ValidFraction:
        """Share of the prior with a likelihood above zero."""
        return ValidFraction.pooled(self._fractions, self._sizes)

    def pop(self, contour: float) -> tuple[int | None, FloatArray | None]:
        """Return a point drawn from the prior; above any contour there is none in store."""
        if contour > -np.inf:
            return None, None
        if not self._rows:
            self.fill()
        return 0, self._rows.pop()

    def fill(self) -> None:
        """Draw valid points.

        Raises
        ------
        InputError
            If almost none of the prior is valid.
        """
        # chunks of a size that does not depend on what is found: the fraction stays unbiased
        n_points = self._n_first if not self._sizes else max(64, self._n_first // 4)
        live = draw_live_points(
            self._problem, n_points, self._pool, self._rng,
            lambda n_like: self._progress(self.n_like + n_like),
        )  # fmt: skip
        self.n_like += live.n_like
        self._fractions.append(live.valid_fraction)
        self._sizes.append(n_points)
        valid = np.ones(n_points, dtype=bool)
        batch = CheckedBatch(live.log_likelihood, valid, live.blob_values)
        self._remembered.add(live.unit_cube, live.theta, batch)
        contour_and_steps = np.column_stack(
            [np.full(n_points, -np.inf), live.log_likelihood, np.zeros(n_points)]
        )
        # contour, log-likelihood, steps, unit cube, and parameters, which here are the unit cube
        rows = np.hstack([contour_and_steps, live.unit_cube, live.unit_cube])
        self._rows.extend(rows[::-1])
