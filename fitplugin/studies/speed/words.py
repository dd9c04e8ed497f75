"""Numbers and sentences as people read them in a terminal."""

from __future__ import annotations

import textwrap

_WIDTH = 98


def duration(seconds: float) -> str:
    """Return a time with three digits in a unit that suits it.

    >>> [duration(x) for x in (8.1e-05, 0.0016, 12.0, 5400.0, 1.4e6)]
    ['81 us', '1.6 ms', '12 s', '1.5 h', '389 h']
    """
    for limit, unit, scale in ((1e-3, "us", 1e6), (1.0, "ms", 1e3), (3600.0, "s", 1.0)):
        if seconds < limit:
            return f"{digits(seconds * scale)} {unit}"
    return f"{digits(seconds / 3600.0)} h"


def times(ratio: float, less: str, more: str) -> str:
    """Say a ratio in words.

    >>> times(1234.0, "cheaper", "dearer"), times(0.5, "cheaper", "dearer")
    ('1230 times cheaper', '2 times dearer')
    """
    if ratio >= 1.0:
        return f"{digits(ratio)} times {less}"
    return f"{digits(1.0 / ratio)} times {more}"


def digits(number: float) -> str:
    """Return a number with three digits, written out.

    >>> digits(12345.0), digits(0.00012345)
    ('12300', '0.000123')
    """
    return f"{float(f'{number:.3g}'):.10g}"


def batch(n_points: int) -> str:
    """Name a batch by its size.

    >>> batch(1), batch(512)
    ('one alone', 'batch of 512')
    """
    return "one alone" if n_points == 1 else f"batch of {n_points}"


def wrapped(text: str, indent: str = "") -> list[str]:
    """Break a paragraph into lines; a dash in ``indent`` stands before the first one only.

    >>> wrapped("a word", "- ")
    ['- a word']
    """
    further = indent.replace("-", " ")
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=further, break_on_hyphens=False
    )
