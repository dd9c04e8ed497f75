"""What a finished run asks to be cited, and which of its parts ask for it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from pydantic import BaseModel

from fitplugin.components import Component
from fitplugin.errors import InputError
from fitplugin.runs.config import ScanConfig
from fitplugin.runs.directory import Run
from fitplugin.runs.resolved import config_of


class Citation(NamedTuple):
    """A reference, and the parts of the run that ask for it; none if that cannot be told."""

    reference: str
    needed_by: tuple[str, ...]


def citations(config: ScanConfig) -> list[str]:
    """Return what the parts of a scan ask to be cited, each once."""
    texts = (text for _, component in _parts(config) for text in component.citations)
    return list(dict.fromkeys(texts))


def citations_of(run: Run, *, allow_code: bool = False) -> list[Citation]:
    """Return what to cite, and why.

    Where the scan names a part that is no longer installed, or code that may not run, the
    references stand alone.
    """
    found: dict[str, list[str]] = {text: [] for text in run.manifest.get("citations", ())}
    try:
        parts = list(_parts(config_of(run, allow_code=allow_code)))
    except InputError:
        parts = []
    for name, component in parts:
        for reference in component.citations:
            reasons = found.setdefault(reference, [])
            if name not in reasons:
                reasons.append(name)
    return [Citation(reference, tuple(reasons)) for reference, reasons in found.items()]


def citations_text(run: Run, width: int = 80, *, allow_code: bool = False) -> str:
    """Return the citations of a run as lines of text, each with its reason; the package first."""
    found = citations_of(run, allow_code=allow_code)
    lines = [f"The fitplugin developers, fitplugin {run.manifest['fitplugin']} (CITATION.cff)"]
    if not found:
        lines.append("nothing else: no part of this run asks to be cited")
    for citation in found:
        lines += textwrap.wrap(
            citation.reference, width, subsequent_indent="  ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        if citation.needed_by:
            lines += textwrap.wrap(
                f"for {', '.join(citation.needed_by)}", width,
                initial_indent="    ", subsequent_indent="    ",
            )  # fmt: skip
    return "\n".join(lines)


def _parts(config: ScanConfig) -> Iterator[tuple[str, Component]]:
    """Give every part that a scan is made of, with words for its place."""
    yield f"the sampler {config.sampler.kind}", config.sampler
    if config.theory is not None:
        learner = config.theory.surrogate
        yield f"the surrogate of the cross-section ({learner.kind})", learner
    if config.spectrum is not None:
        yield f"the spectrum ({config.spectrum.kind})", config.spectrum
    # a calculator may have surrogates of its own
    if config.spectrum is not None and isinstance(config.spectrum.options, BaseModel):
        for field, value in config.spectrum.options:
            if isinstance(value, Component):
                of = "spectrum" if field == "surrogate" else f"spectrum's {field}"
                yield f"the surrogate of the {of} ({value.kind})", value
    for region in config.regions:
        name = f"the surrogate of {region.name} ({region.surrogate.kind})"
        yield name, region.surrogate
    yield f"the combination {config.combination.kind}", config.combination
    for likelihood in config.likelihoods:
        yield f"the likelihood {likelihood.kind}", likelihood
        learner = getattr(likelihood.options, "surrogate", None)
        if isinstance(learner, Component):
            yield f"the surrogate of the likelihood {likelihood.kind} ({learner.kind})", learner
    for constraint in config.constraints:
        yield f"the constraint {constraint.kind}", constraint
