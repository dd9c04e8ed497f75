"""The report of a finished run: one HTML file with everything in it, to be sent to colleagues.

It opens without a network, holds no script and loads nothing: figures are part of the file.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fitplugin.data.files import write_atomically
from fitplugin.errors import InputError
from fitplugin.plots import html
from fitplugin.plots.html import Markup, element, join
from fitplugin.plots.run_report import results, sampling, sources
from fitplugin.plots.run_report.sources import Model
from fitplugin.plots.run_report.trust import trust_section
from fitplugin.plots.run_report.typesetting import sentence
from fitplugin.plots.run_report.words import CAPTIONS, STYLE
from fitplugin.plots.runs.figures import FIGURES, plot_run
from fitplugin.plots.runs.views import views_of
from fitplugin.runs.directory import Run
from fitplugin.runs.summary import symbols_of

PAGE = "report.html"
"""Name of a report within the directory of its run, unless another is given."""
_KIND = '<meta name="description" content="report of a run">'


class Figures(NamedTuple):
    """The figures of a run, by name, as PNG."""

    images: Mapping[str, bytes]
    problem: str = ""
    """Why there are none, or not all."""


def write_report(
    run: Run,
    target: Path | None = None,
    trust: Mapping[str, Any] | None = None,
    audits: Sequence[Mapping[str, Any]] = (),
    cache: Path | None = None,
    force: bool = False,
    *,
    allow_code: bool = False,
) -> Path:
    """Write the report of a run and return its path; figures that are missing are drawn.

    Parameters
    ----------
    run : Run
    target : path, optional
        Default: `PAGE` in the directory of the run.
    trust, audits : optional
        What the studies of trust have found; see `fitplugin.plots.run_report.trust.trust_section`.
    cache : path, optional
        Folder of trained models; default: the user's cache.
    force : bool
        Replace a report that is there.
    allow_code : bool
        Run code that the run and its models name, for all that can be said.

    Raises
    ------
    InputError
        If something is there: a report without ``force``, anything else always.
    """
    path = run.path / PAGE if target is None else target
    refuse_existing(path, force)
    models = sources.models_of(run, cache, allow_code=allow_code)
    content = report_page(run, figures_of(run), models, trust, audits, allow_code=allow_code)
    write_atomically(path, content.encode())
    path.chmod(0o644)  # to be read by others, as everything else in a run
    return path


def refuse_existing(target: Path, force: bool) -> None:
    """Refuse to overwrite: a report without ``force``, anything that is no report always."""
    if not target.exists():
        return
    is_report = target.is_file() and _KIND.encode() in target.read_bytes()[:2000]
    if not is_report:
        raise InputError(str(target), "exists and is no report of a run; name another --output")
    if not force:
        raise InputError(str(target), "exists; give --force to replace it or another --output")


def figures_of(run: Run) -> Figures:
    """Return the figures of a run, after drawing those that are missing or older than the run."""
    folder = run.path / "plots"
    written = (run.path / "manifest.json").stat().st_mtime
    try:
        views = views_of([run])
        names = [name for name, kind in FIGURES.items() if not kind.obstacle(views)]
        paths = {name: folder / f"{name}.png" for name in names}
        old = [n for n, p in paths.items() if not p.is_file() or p.stat().st_mtime < written]
        if old:
            plot_run(run, old)
        return Figures({name: path.read_bytes() for name, path in paths.items()})
    except InputError as error:
        # what it says of the place is on the page already
        return Figures({}, f"There are no figures: the run {error.what}.")
    except OSError as error:
        return Figures({}, f"There are no figures: {error.strerror or error}.")


def report_page(
    run: Run,
    figures: Figures,
    models: list[Model],
    trust: Mapping[str, Any] | None = None,
    audits: Sequence[Mapping[str, Any]] = (),
    *,
    allow_code: bool = False,
) -> str:
    """Return the report as HTML; the same run gives the same page."""
    sections = {
        "posterior": ("Posterior", results.posterior(run)),
        "figures": ("Figures", _figures(figures)),
        "regions": ("Signal regions", results.regions(run)),
        "evidence": ("Evidence", sampling.evidence(run)),
        "cost": ("Time and cost", sampling.cost(run)),
        "sampler": ("Sampler", sampling.sampler(run)),
        "trust": ("Trust in the surrogates", trust_section(trust, audits, symbols_of(run.summary))),
        "configuration": ("Configuration", sources.configuration(run)),
        "data": ("Data", sources.data(run)),
        "surrogates": ("Surrogates", sources.surrogates(models)),
        "provenance": ("Provenance", sources.provenance(run)),
        "citations": ("Citations", sources.citations(run, allow_code=allow_code)),
    }
    links = [element("a", title, href=f"#{name}") for name, (title, _) in sections.items()]
    body = [
        element("section", element("h2", title), content, id=name)
        for name, (title, content) in sections.items()
        if content
    ]
    name = run.path.resolve().name
    title = str(run.summary.get("title") or name)
    version = run.manifest.get("fitplugin", "")
    return html.page(
        title,
        element("p", f"Run {name}, fitplugin {version}", class_="subtitle"),
        _verdict(run, trust),
        element("nav", *links),
        *body,
        style=STYLE,
        meta=Markup(_KIND),
    )


def _verdict(run: Run, trust: Mapping[str, Any] | None) -> Markup:
    said = sentence(trust.get("verdict", "")) if trust is not None else ""
    paragraphs = [results.verdict(run), *([element("p", said)] if said else [])]
    mind = [element("p", f"Mind: {each}") for each in results.remarks(run)]
    return join(
        element("div", *paragraphs, class_="verdict"),
        element("div", *mind, class_="mind") if mind else "",
    )


def _figures(figures: Figures) -> Markup:
    parts = [element("p", figures.problem)] if figures.problem else []
    for name, content in figures.images.items():
        title, caption = CAPTIONS.get(name, (name, name))
        source = f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
        shown = join(element("b", f"{title}. "), caption)
        parts.append(html.image(source, title, shown, id=f"figure-{name}"))
    return join(*parts)
