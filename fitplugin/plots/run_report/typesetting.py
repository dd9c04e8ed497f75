"""Numbers, names and references as a reader of a page expects them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from fitplugin.physics.symbols import NATURAL_SUSY, Symbols, plain
from fitplugin.plots.html import Markup, element, join, text

_ABSENT = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"
_TIMES = "\N{MULTIPLICATION SIGN}"
_TILDE = "\N{COMBINING TILDE}"
_LETTERS = {r"\mu": "μ", r"\beta": "β", r"\chi": "χ", r"\tan": "tan ", r"\pm": "±"}
_LOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_HIGH = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_REFERENCE = re.compile(
    r"arXiv:(?P<arxiv>[a-z-]+/\d{7}|\d{4}\.\d{4,5})|doi:(?P<doi>10\.\d{4,}/[^\s,;]*[^\s,;.])"
)


def number(value: object, digits: int = 5) -> str:
    """Return a number with that many significant digits at most.

    >>> number(-355.982161), number(float("nan")), number(True)
    ('−355.98', '–', 'yes')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, (int, float)):
        return _ABSENT if value is None else str(value)
    if not math.isfinite(value):
        return _ABSENT if math.isnan(value) else signed(f"{value}")
    # whole numbers, and large ones, without an exponent
    if value == round(value) or 10**digits <= abs(value) < 1e15:
        return signed(f"{value:.0f}")
    return signed(f"{value:.{digits}g}")


def signed(plain: str) -> str:
    """Return a number, as Python writes it, with a proper minus sign and power of ten.

    >>> signed("-2.7e-05")
    '−2.7 × 10⁻⁵'
    """
    mantissa, _, power = plain.partition("e")
    mantissa = mantissa.replace("-", _MINUS)
    return f"{mantissa} {_TIMES} 10{str(int(power)).translate(_HIGH)}" if power else mantissa


def decimals(error: float) -> int:
    """Return how many decimals a value deserves: two significant digits of its error.

    >>> decimals(0.0744), decimals(204.0)
    (3, 0)
    """
    if not (math.isfinite(error) and error > 0.0):
        return 3
    return max(0, 1 - math.floor(math.log10(error)))


def with_error(value: float | None, error: float | None) -> str:
    """Return value and error, rounded alike.

    >>> with_error(-9.0713658, 0.0743)
    '−9.071 ± 0.074'
    """
    if value is None or error is None or not math.isfinite(error):
        return number(value)
    n = decimals(error)
    return signed(f"{value:.{n}f} ± {error:.{n}f}")


def interval(ends: Sequence[float], digits: int = 5) -> str:
    """Return an interval.

    >>> interval([-355.98, 468.167])
    '[−355.98, 468.17]'
    """
    return f"[{number(ends[0], digits)}, {number(ends[1], digits)}]"


def per_cent(share: float | None, digits: int = 3) -> str:
    """Return a share in per cent.

    >>> per_cent(0.01234)
    '1.23 %'
    """
    return _ABSENT if share is None else f"{number(100.0 * share, digits)} %"


def symbol(name: str, symbols: Symbols = NATURAL_SUSY) -> Markup:
    """Return the symbol of a quantity as HTML, or its name where it has none.

    >>> symbol("mQ3"), symbol("m_stop1"), symbol("<x>")
    ('<i>m</i><sub>Q₃</sub>', '<i>m</i><sub>t̃₁</sub>', '&lt;x&gt;')
    """
    if name not in symbols or symbols[name].latex == plain(name).latex:
        return text(name)
    latex = symbols[name].latex
    # the tilde stands behind its letter here
    shown = re.sub(r"\\tilde\s*(\\?[A-Za-z]+)", rf"\1{_TILDE}", latex)
    for command, letter in _LETTERS.items():
        shown = shown.replace(command, letter)
    base, _, rest = shown.partition("_")
    # low before high, as both would be set above each other
    rest = re.sub(r"\^(.)_(.)", r"_\2^\1", rest.removeprefix("{").removesuffix("}"))
    rest = re.sub(r"_(.)", lambda found: found[1].translate(_LOW), rest)
    rest = re.sub(r"\^(.)", lambda found: found[1].translate(_HIGH), rest)
    if set(base + rest) & set("\\{}^_$"):
        return text(name)
    # letters are quantities, words are functions
    letter = element("i", base) if len(base) == 1 else base
    return join(letter, element("sub", rest)) if rest else text(letter)


def unit(name: str, symbols: Symbols = NATURAL_SUSY) -> str:
    """Return the unit of a quantity, or nothing.

    >>> unit("mu"), unit("tan_beta"), unit("n_signal[0-lepton]")
    ('GeV', '', 'events')
    """
    if name in symbols:
        return symbols[name].unit
    stem = name.partition("[")[0].removesuffix("_error")
    if stem in symbols:
        return symbols[stem].unit
    return {"n_signal": "events", "cross_section": "fb"}.get(stem, "")


def named(name: str, symbols: Symbols = NATURAL_SUSY) -> Markup:
    """Return symbol, unit and name in the scan file of a quantity."""
    what = symbol(name, symbols)
    extra = f" [{unit(name, symbols)}]" if unit(name, symbols) else ""
    if what == name:
        return join(element("code", name), extra)
    return join(what, extra, " ", element("code", name))


def linked(reference: str) -> Markup:
    """Return a reference with links to arXiv and DOIs.

    >>> linked("A. Author, arXiv:1611.02704")
    'A. Author, <a href="https://arxiv.org/abs/1611.02704">arXiv:1611.02704</a>'
    """
    parts: list[object] = []
    end = 0
    for found in _REFERENCE.finditer(reference):
        parts.append(reference[end : found.start()])
        arxiv, doi = found["arxiv"], found["doi"]
        address = f"https://arxiv.org/abs/{arxiv}" if arxiv else f"https://doi.org/{doi}"
        parts.append(element("a", found[0], href=address))
        end = found.end()
    return join(*parts, reference[end:])


def sentence(words: str) -> str:
    """Return words as a sentence.

    >>> sentence("the posterior holds")
    'The posterior holds.'
    """
    stop = "" if words.endswith((".", "!", "?")) or not words else "."
    return f"{words[:1].upper()}{words[1:]}{stop}"
