"""Pieces of static HTML that both reports are made of: no script, nothing from outside.

Every string is escaped on its way into a page unless it is `Markup`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(content: object) -> Markup:
    """Return content as HTML: escaped, unless it is that already.

    >>> text("<b>"), text(Markup("<b>"))
    ('&lt;b&gt;', '<b>')
    """
    return content if isinstance(content, Markup) else Markup(escape(str(content)))


def join(*parts: object, between: str = "") -> Markup:
    """Return parts one after the other, each escaped unless it is markup."""
    return Markup(between.join(map(text, parts)))


def element(tag: str, *content: object, **attributes: str) -> Markup:
    """Return an element; ``class_`` stands for ``class``, ``aria_label`` for ``aria-label``.

    >>> element("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for name, value in attributes.items()
    )
    return Markup(f"<{tag}{given}>{join(*content)}</{tag}>")


def prose(words: str, class_: str = "") -> Markup:
    """Return words as a paragraph; what stands in backquotes is code.

    >>> prose("see `a < b`")
    '<p>see <code>a &lt; b</code></p>'
    """
    parts = words.split("`")
    shown = [element("code", part) if n % 2 else part for n, part in enumerate(parts)]
    return element("p", *shown, **({"class_": class_} if class_ else {}))


def cells(contents: Sequence[object], marked: Mapping[int, str] | None = None) -> Markup:
    """Return the cells of a row; ``marked`` gives some of them a class, by position."""
    classes = marked or {}
    return join(
        *(
            element("td", content, **({"class": classes[n]} if n in classes else {}))
            for n, content in enumerate(contents)
        )
    )


def table(
    head: Sequence[object], rows: Sequence[str], own: int | None = None, class_: str = ""
) -> Markup:
    """Return a table of rows of cells, or nothing; the row ``own`` stands out."""
    if not rows:
        return Markup()
    top = join(*(element("th", name, scope="col") for name in head))
    body = "".join(
        f"<tr{' class=own' if number == own else ''}>{row}</tr>\n"
        for number, row in enumerate(rows)
    )
    opening = f'<table class="{escape(class_)}">' if class_ else "<table>"
    return Markup(
        f'<div class="wide">{opening}<thead><tr>{top}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def facts(entries: Mapping[str, object]) -> Markup:
    """Return a table of two columns, names and what they stand for, or nothing."""
    if not entries:
        return Markup()
    rows = "".join(
        f'<tr><th scope="row">{text(name)}</th><td>{text(value)}</td></tr>\n'
        for name, value in entries.items()
    )
    return Markup(f'<table class="facts"><tbody>{rows}</tbody></table>')


def folded(summary: object, *content: object) -> Markup:
    """Return content that is shown once its summary is clicked."""
    return element("details", element("summary", summary), *content)


def image(source: str, alternative: str, caption: object, **attributes: str) -> Markup:
    """Return a figure with its caption; ``alternative`` is for those who do not see it."""
    picture = f'<img src="{escape(source)}" alt="{escape(alternative)}" loading="lazy">'
    return element("figure", Markup(picture), element("figcaption", caption), **attributes)


def page(
    title: str, *body: object, style: str = "", images: str = "data:", meta: Markup | None = None
) -> str:
    """Return a complete page, that may load nothing but images, and these from ``images``.

    ``style`` and ``meta`` are added to the head.
    """
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src {images}; style-src 'unsafe-inline'">
{meta or ""}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{text(title)}</title><style>{STYLE}{style}</style></head><body>
<h1>{text(title)}</h1>
{join(*body)}
</body></html>
"""


STYLE = """
:root { --ink: #222; --paper: #fff; --soft: #666; --line: #ddd;
        --rule: #999; --tint: #fff4dc; --warn: #a83700; --link: #00589b; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #181818;
        --soft: #a5a5a5; --line: #3d3d3d; --rule: #777; --tint: #3a3018; --warn: #ff9d5c;
        --link: #7cc0ff; } }
body { font: 16px/1.5 Georgia, serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
       color: var(--ink); background: var(--paper); overflow-wrap: break-word; }
h1, h2, h3, summary { line-height: 1.25; }
h2 { margin-top: 3rem; border-top: 1px solid var(--rule); padding-top: 1rem; }
a { color: var(--link); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font: 13px/1.35 Helvetica, Arial, sans-serif; margin: .8rem 0;
        font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .55rem; text-align: right; border-bottom: 1px solid var(--line);
         white-space: nowrap; }
th { border-bottom: 1px solid var(--soft); vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
td.reason { text-align: left; color: var(--soft); white-space: normal; min-width: 7rem; }
td.best { font-weight: bold; } td.off { color: var(--warn); font-weight: bold; }
tr.own td { background: var(--tint); }
table.facts { width: 100%; } table.facts th { width: 11rem; border-bottom: 1px solid var(--line);
        vertical-align: top; font-weight: normal; color: var(--soft); white-space: normal;
        overflow-wrap: anywhere; }
table.facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
figure { margin: 1rem 0; } figcaption { color: var(--soft); font-size: 90%; }
img { max-width: 100%; height: auto; display: block; margin: .5rem 0; background: #fff; }
summary { cursor: pointer; font-weight: bold; margin: .6rem 0; }
dt { font-weight: bold; } dd { margin: 0 0 .5rem 1.5rem; } code { font-size: 85%; }
pre { overflow-x: auto; font-size: 12px; line-height: 1.4; }
@media print { body { margin: 0; max-width: none; font-size: 10.5pt; }
        h2, h3, summary { break-after: avoid; } figure, tr { break-inside: avoid; }
        img { max-height: 15cm; width: auto; }
        .wide { overflow: visible; } pre { white-space: pre-wrap; overflow-wrap: anywhere; } }
"""
"""Looks of a page: one column, also on a phone, in the dark and on paper."""
