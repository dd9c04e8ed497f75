"""What a report says of where a run comes from: scan file, data, surrogates, provenance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import yaml
from threadpoolctl import threadpool_limits

from fitplugin.data.tables import read_table
from fitplugin.errors import InputError
from fitplugin.plots.html import Markup, cells, element, facts, folded, join, prose, table
from fitplugin.plots.run_report.typesetting import linked, number
from fitplugin.runs.citing import citations_of
from fitplugin.runs.directory import Run
from fitplugin.runs.models import default_cache, model_path
from fitplugin.runs.resolved import folder_of
from fitplugin.runs.text import model_table
from fitplugin.surrogates.store import Stored, inspect

_CROSS_SECTIONS = "the cross-section table"  # its name among the digests of a run
_CROSS_SECTION = "cross-sections"


class Model(NamedTuple):
    """A surrogate of a run: how the run names it, and what the cache still has of it."""

    name: str
    digest: str
    file: str
    stored: Stored | None
    problem: str
    """Why there is no stored model; empty if there is."""


def models_of(run: Run, cache: Path | None = None, *, allow_code: bool = False) -> list[Model]:
    """Look up the surrogates of a run in the cache; each that is there proves itself.

    Parameters
    ----------
    run : Run
    cache : path, optional
        Folder of trained models; default: the user's cache.
    allow_code : bool
        Run the code that a model names as its kind, if it is no registered one.
    """
    folder = default_cache() if cache is None else cache
    found = []
    for name, digest in run.manifest.get("models", {}).items():
        path = model_path(folder, name, digest)
        stored, problem = None, ""
        try:
            # on one thread, as the run did
            with threadpool_limits(1):
                stored = inspect(path, allow_code=allow_code)
        except InputError as error:
            problem = error.what if path.is_file() else "no longer in the cache of models"
        found.append(Model(name, digest, path.name, stored, problem))
    return found


def configuration(run: Run) -> Markup:
    """Return the scan file with every default written out, folded."""
    content = (run.path / "resolved.yaml").read_text(encoding="utf-8")
    what = "resolved.yaml: the scan file with every default written out"
    return folded(what, element("pre", content))


def data(run: Run) -> Markup:
    """Return the tables that the run has read, with what they are and their digests."""
    recorded = run.manifest.get("digests", {}).get(_CROSS_SECTIONS)
    parts: list[Markup] = []
    for reference, used_for in _references(run).items():
        name = PurePath(reference).name if _is_file(reference) else reference
        entries: dict[str, object] = {"used for": used_for}
        try:
            found = read_table(reference, folder_of(run))
        except InputError:
            entries["content"] = "no longer there"
        else:
            entries["content"] = str(found.card.get("title", ""))
            entries["source"] = linked(str(found.card.get("source", "")))
            entries["rows"] = len(next(iter(found.columns.values())))
            if _CROSS_SECTION in used_for and recorded not in (None, found.digest):
                entries["state"] = element("b", "changed since the run")
            entries["SHA-256"] = _digest(found.digest)
        known = {word: value for word, value in entries.items() if value != ""}
        parts += [element("h3", element("code", name)), facts(known)]
    return join(*parts)


def _references(run: Run) -> dict[str, str]:
    """Return the tables that a scan names, each with what it is for."""
    try:
        content = yaml.safe_load((run.path / "resolved.yaml").read_text(encoding="utf-8"))
    except (yaml.YAMLError, OSError):
        return {}
    places = [
        ("spectra", "", content.get("spectrum"), "dataset"),
        (_CROSS_SECTION, "", content.get("theory"), "dataset"),
        (_CROSS_SECTION, "", content.get("cross_section"), "table"),
        *(
            ("efficiencies of ", str(region.get("name")), region.get("efficiency"), "dataset")
            for region in content.get("regions") or ()
        ),
    ]
    found: dict[str, dict[str, list[str]]] = {}
    for use, of, section, key in places:
        if isinstance(section, Mapping) and isinstance(section.get(key), str):
            found.setdefault(section[key], {}).setdefault(use, []).append(of)
    return {
        reference: "; ".join(use + ", ".join(of) for use, of in uses.items())
        for reference, uses in found.items()
    }


def _is_file(reference: str) -> bool:
    return PurePath(reference).suffix in (".npz", ".csv")


def surrogates(models: list[Model]) -> Markup:
    """Return an overview of the surrogates, and their cards, folded."""
    if not models:
        return element("p", "This run has recorded no surrogates.")
    rows, cards = [], []
    for model in models:
        digest = element("code", model.digest[:16], class_="digest")
        if model.stored is None:
            unknown = [number(None)] * 3
            rows.append(cells([model.name, digest, *unknown, model.problem], {5: "reason"}))
            continue
        card = model.stored.card
        n_points = card.training.n_points if card.training else None
        outputs = f"{len(card.targets)} from {len(card.inputs)}"
        proof = "yes, and proved"
        rows.append(cells([model.name, digest, card.kind, outputs, number(n_points), proof],
                          {5: "reason"}))  # fmt: skip
        text = model_table(model.file, model.stored, 88)
        cards.append(folded(f"Card of {model.name}", element("pre", text)))
    head = ("surrogate", "digest", "kind", "outputs, inputs", "training points", "in the cache")
    note = (
        "The digest of a surrogate is that of its data, options and seed. Proved: it predicts its "
        "check vector as it did when it was stored. How well surrogates predict held-out points is "
        "told by `fitplugin train SCAN --report DIR`."
    )
    return join(table(head, rows), prose(note, "note"), *cards)


def provenance(run: Run) -> Markup:
    """Return what identifies the run, and the digests of all that it depends on and has left."""
    manifest = run.manifest
    member = manifest.get("member")
    # names of folders are nobody else's business
    merged = [PurePath(path).name for path in manifest.get("merged") or ()]
    scan_file = manifest.get("scan_file")
    entries: dict[str, object] = {
        "scan file": PurePath(scan_file).name if scan_file else None,
        "fitplugin": manifest.get("fitplugin"),
        "seed": manifest.get("seed"),
        "one of several runs": f"{member[0]} of {member[1]}" if member else None,
        "merged from": ", ".join(merged) or None,
        "attempts": manifest.get("attempts"),
        "changes when resumed": "; ".join(manifest.get("resumed_with_changes") or ()) or "none",
        "digest of the likelihood": _digest(manifest.get("digest")),
        "seal of the run": _digest(manifest.get("seal")),
    }
    return join(
        facts({name: value for name, value in entries.items() if value is not None}),
        folded("Digests of what the likelihood depends on", _digests(manifest.get("digests", {}))),
        folded("Digests of the files of the run", _digests(manifest.get("files", {}))),
    )


def citations(run: Run, *, allow_code: bool = False) -> Markup:
    """Return what to cite, with links and the reason for each."""
    found = citations_of(run, allow_code=allow_code)
    if not found:
        return element("p", "No part of this run asks to be cited.")
    items = []
    for citation in found:
        reason = f"for {', '.join(citation.needed_by)}" if citation.needed_by else ""
        items.append(element("li", linked(citation.reference),
                             element("div", reason, class_="need") if reason else ""))  # fmt: skip
    return element("ol", *items)


def _digest(digest: Any) -> Markup | None:
    return None if digest is None else element("code", digest, class_="digest")


def _digests(digests: Mapping[str, str]) -> Markup:
    return facts({name: element("code", value, class_="digest") for name, value in digests.items()})
