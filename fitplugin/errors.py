"""The few exceptions of the package; each names the offending input and the remedy.

`InputError` is for what a user can mend (exit status 2). Files that cannot be read or written, and
memory that does not suffice, are one line at the shell; any other exception is a bug and is never
caught to be hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches


class FitpluginError(Exception):
    """Base class of every error raised on purpose; its text is one printable line."""

    def __str__(self) -> str:
        return printable(super().__str__())


class InputError(FitpluginError, ValueError):
    """Bad input, refused before any work starts.

    Parameters
    ----------
    where : str
        The place: a file, a YAML path such as ``regions[1].surrogate.kind``, or both.
    what : str
        What came and what is wrong with it; ends with what to do about it.

    >>> print(InputError("smoke.yaml: luminosity", "must be greater than 0, not 0"))
    smoke.yaml: luminosity: must be greater than 0, not 0
    """

    def __init__(self, where: str, what: str) -> None:
        super().__init__(where, what)
        self.where = where
        self.what = what

    def __str__(self) -> str:
        return printable(f"{self.where}: {self.what}" if self.where else self.what)

    def at(self, prefix: str) -> InputError:
        """Return the same error seen from further out: ``prefix: where: what``."""
        joined = f"{prefix}: {self.where}" if self.where else prefix
        return InputError(joined, self.what)


class MissingExtraError(InputError):
    """An optional library is not installed; says what for, and the exact install command."""

    def __init__(self, what_for: str, library: str, command: str) -> None:
        super().__init__(what_for, f"needs {library}, which is not installed. Install: {command}")
        self.args = (what_for, library, command)  # what unpickling in another process calls with


class LikelihoodError(FitpluginError):
    """The likelihood broke its contract (NaN, wrong shape, an exception); names theta."""


def one_of(word: str, known: Iterable[str], a_kind: str) -> str:
    """Say that ``word`` is not one of ``known``, what is, and what was probably meant.

    >>> one_of("dpg", ["dgp", "mlp"], "a surrogate")
    "'dpg' is not a surrogate. Known: dgp, mlp. Did you mean 'dgp'?"
    """
    names = sorted(known)
    text = f"{shown(word)} is not {a_kind}. Known: {', '.join(names) or 'none'}."
    close = get_close_matches(word, names, n=1)
    return f"{text} Did you mean {close[0]!r}?" if close else text


def printable(text: str) -> str:
    r"""Return a text on one line; what would play with a terminal becomes ``?``.

    >>> printable("no licence\n  for \x1b[2Jthis")
    'no licence for ?[2Jthis'
    """
    line = re.sub(r"\s*[\n\r]\s*", " ", text)
    if len(line) > _LONGEST_LINE:  # where it is comes first, what to do about it last
        line = f"{line[:1500]} ... {line[-400:]}"
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in line)


def shown(value: object) -> str:
    """Return what came, as Python writes it, cut where nobody would read on.

    >>> shown("x" * 1000)[-12:], len(shown("x" * 1000))
    ('xxxxxxxxx...', 123)
    """
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


_LONGEST, _LONGEST_LINE = 120, 1905
