"""What follows from a prediction and its error: accept a point, keep a mass, trust a value.

The measures are those of arXiv:2007.04506, sections 4.2 and 5.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fitplugin.arrays import BoolArray
from fitplugin.errors import InputError
from fitplugin.stats.gaussian import SHARES_WITHIN

_FORM = re.compile(r"mean(?:\s*(?P<sign>[+-])\s*(?P<k>\d+(?:\.\d*)?)\s*sd)?")


class Mistakes(NamedTuple):
    """Points of both classes, and how many of each were mistaken for the other.

    >>> m = Mistakes(n_valid=100, n_invalid=300, n_false_valid=20, n_false_invalid=2)
    >>> m.recall, m.lost, m.passed
    (0.98, 0.02, 0.06666666666666667)
    """

    n_valid: int
    n_invalid: int
    n_false_valid: int
    n_false_invalid: int

    @property
    def lost(self) -> float:
        """Share of the valid points that are said to be invalid."""
        return self.n_false_invalid / max(1, self.n_valid)

    @property
    def passed(self) -> float:
        """Share of the invalid points that are said to be valid."""
        return self.n_false_valid / max(1, self.n_invalid)

    @property
    def recall(self) -> float:
        """Share of the valid points that are found (eq. 8); 1 if there are none to find."""
        return 1.0 - self.lost

    @property
    def precision(self) -> float:
        """Share of what is said to be valid that is (eq. 7)."""
        return self.n_hits / max(1, self.n_hits + self.n_false_valid)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall (eq. 6)."""
        wrong = self.n_false_valid + self.n_false_invalid
        return 2.0 * self.n_hits / max(1, 2 * self.n_hits + wrong)

    @property
    def n_hits(self) -> int:
        """Valid points that are said to be valid."""
        return self.n_valid - self.n_false_invalid

    def to_dict(self) -> dict[str, int]:
        """Return the counts, JSON-ready."""
        return self._asdict()


class Decision(NamedTuple):
    """Say 1 where mean + k sd exceeds a cut.

    A positive k spares what may be valid, a negative one keeps only what surely is.
    """

    k: float = 0.0
    cut: float = 0.5

    @classmethod
    def parse(cls, text: str, cut: float = 0.5) -> Decision:
        """Read ``mean``, ``mean + 3 sd`` or ``mean - 2 sd``.

        Raises
        ------
        InputError
            If it is none of them.

        >>> Decision.parse("mean + 3 sd")
        Decision(k=3.0, cut=0.5)
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise InputError(
                "threshold", f"{text!r} is no decision; write mean, mean + 3 sd or mean - 1 sd"
            )
        k = float(found["k"] or 0.0)
        return cls(-k if found["sign"] == "-" else k, cut)

    @property
    def text(self) -> str:
        """What `parse` reads."""
        return "mean" if not self.k else f"mean {'-' if self.k < 0 else '+'} {abs(self.k):g} sd"

    def says(self, mean: ArrayLike, std: ArrayLike) -> BoolArray:
        """Whether each point is said to be of class 1."""
        return np.asarray(np.asarray(mean) + self.k * np.asarray(std) > self.cut)

    def judge(self, mean: ArrayLike, std: ArrayLike, truth: ArrayLike) -> Mistakes:
        """Count mistakes on points whose class is known."""
        return mistakes(self.says(mean, std), truth)


DECISIONS = tuple(Decision(float(k)) for k in range(-3, 4))
"""From mean - 3 sd to mean + 3 sd."""


def mistakes(said: ArrayLike, truth: ArrayLike) -> Mistakes:
    """Count mistakes: (n_points,) decisions against truths of 0 and 1.

    Raises
    ------
    InputError
        If the shapes differ.

    >>> mistakes([True, True, False], [1, 0, 1])
    Mistakes(n_valid=2, n_invalid=1, n_false_valid=1, n_false_invalid=1)
    """
    yes, true = np.asarray(said, dtype=bool), np.asarray(truth) == 1
    if yes.shape != true.shape:
        raise InputError("truth", f"has shape {true.shape} for decisions of shape {yes.shape}")
    return Mistakes(
        int(true.sum()), int((~true).sum()), int((yes & ~true).sum()), int((~yes & true).sum())
    )


def overlaps(
    mean: ArrayLike, std: ArrayLike, window: tuple[float, float], k: float = 3.0
) -> BoolArray:
    """Whether mean +- k sd shares a value with a closed window: a mass that may be inside.

    Parameters
    ----------
    mean, std : arrays that broadcast
        Predictions, in the unit of the window.
    window : (low, high)
    k : float

    Returns
    -------
    array of bool, of the broadcast shape

    Raises
    ------
    InputError
        If the window does not ascend.

    >>> overlaps([122.0, 119.0], [0.5, 0.5], (123.0, 127.0))
    array([ True, False])
    """
    low, high = window
    if not low < high:
        raise InputError("window", f"must ascend, not {low:g}:{high:g}")
    centre, reach = np.asarray(mean, dtype=float), k * np.asarray(std, dtype=float)
    return np.asarray((centre + reach >= low) & (centre - reach <= high))


def is_certain(mean: ArrayLike, std: ArrayLike, factor: float, k: float = 3.0) -> BoolArray:
    """Whether a positive quantity is known within a factor: (mean + k sd) / (mean - k sd).

    Arrays and k are those of `overlaps`.

    Raises
    ------
    InputError
        If the factor is not above 1.

    >>> is_certain([1.0, 1.0, 1.0], [0.1, 0.3, 0.4], factor=10.0)
    array([ True, False, False])
    """
    if not factor > 1:
        raise InputError("factor", f"must be above 1, not {factor:g}")
    centre, reach = np.asarray(mean, dtype=float), k * np.asarray(std, dtype=float)
    return np.asarray(centre + reach < factor * (centre - reach))


def percent_error(mean: ArrayLike, truth: ArrayLike) -> float:
    """Mean of |mean - truth| / |truth| over (n_points,) predictions, in percent.

    Raises
    ------
    InputError
        If a truth is 0.
    """
    values = np.asarray(truth, dtype=float)
    if not (values != 0).all():
        raise InputError("truth", "is 0 somewhere: no relative error there")
    return float(100.0 * np.abs((np.asarray(mean) - values) / values).mean())


def coverage(mean: ArrayLike, std: ArrayLike, truth: ArrayLike) -> dict[str, Any]:
    """Share of (n_points,) truths within 1, 2 and 3 sd, beside what a Gaussian would give.

    >>> coverage([0.0, 0.0], [1.0, 1.0], [0.5, 2.5])
    {'1 sd': (0.5, 0.6827), '2 sd': (0.5, 0.9545), '3 sd': (1.0, 0.9973)}
    """
    pull = np.abs((np.asarray(mean) - np.asarray(truth)) / np.asarray(std))
    return {f"{k} sd": (float((pull <= k).mean()), share) for k, share in SHARES_WITHIN.items()}
