"""What a report says of trust: errors of the surrogates, and better likelihoods beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fitplugin.physics.symbols import NATURAL_SUSY, Symbols
from fitplugin.plots.html import Markup, cells, element, join, prose, table
from fitplugin.plots.run_report.typesetting import (
    interval,
    named,
    number,
    per_cent,
    sentence,
    signed,
    symbol,
    with_error,
)
from fitplugin.plots.run_report.words import (
    AUDITS,
    SHARES,
    TRUST_ABSENT,
    TRUST_REGIONS,
    TRUST_SCALES,
)

_RELATIVE = ("relative_error", "surrogate_relative_error", "surrogate_relative_error95")
_NOTICEABLE = 0.5  # a shift, in standard deviations, that is marked


def trust_section(
    trust: Mapping[str, Any] | None,
    audits: Sequence[Mapping[str, Any]] = (),
    symbols: Symbols = NATURAL_SUSY,
) -> Markup:
    """Return what is known of the influence of the surrogates' errors.

    Parameters
    ----------
    trust : mapping, optional
        What `fitplugin.studies.trust.claimed_errors.Trust.to_dict` gives; what is missing is
        left out.
    audits : sequence of mappings
        What `fitplugin.studies.trust.audit.Audit.to_dict` gives, one for each better likelihood.
    symbols : mapping of str to Symbol
        How quantities are written.
    """
    parts = [_trust(trust, symbols) if trust is not None else prose(TRUST_ABSENT)]
    if audits:
        parts += [element("h3", "Better likelihoods"), prose(AUDITS, "note")]
        parts += [_audit(audit, symbols) for audit in audits]
    return join(*parts)


def _trust(trust: Mapping[str, Any], symbols: Symbols) -> Markup:
    parts = [_verdict(trust)]
    scales = trust.get("scales", ())
    names = list(scales[0].get("parameters", {})) if scales else []
    head = ["errors times", "effective samples", "change of ln Z"]
    head += [symbol(name, symbols) for name in names]
    rows = [
        cells(
            [
                number(scale["factor"]),
                number(scale.get("n_eff"), 3),
                _change(scale) if scale["factor"] != 1.0 else number(None),
            ]
            + [_moments(scale["parameters"].get(name, {})) for name in names]
        )
        for scale in scales
    ]
    own = next((n for n, scale in enumerate(scales) if scale["factor"] == 1.0), None)
    if rows:
        parts += [table(head, rows, own), _shifts(scales, names, symbols)]
        parts.append(prose(TRUST_SCALES, "note"))
    by_region = [
        cells([name, *(per_cent(entry.get(key)) for key in _RELATIVE),
               number(entry.get("likelihood_scatter"), 2)])
        for name, entry in trust.get("regions", {}).items()
    ]  # fmt: skip
    if by_region:
        head = ["region", "error of the signal", "from surrogates", "at 95 %", "likelihood scatter"]
        parts += [table(head, by_region), prose(TRUST_REGIONS, "note")]
    masses = [
        cells([named(name, symbols), number(entry.get("error"), 2)])
        for name, entry in trust.get("masses", {}).items()
    ]
    if masses:
        parts.append(table(["mass", "error of its surrogate"], masses))
    parts += [
        element("p", f"{per_cent(trust[key], 2)} of the posterior lies {where}.")
        for key, where in SHARES.items()
        if trust.get(key) is not None
    ]
    return join(*parts)


def _verdict(found: Mapping[str, Any]) -> Markup:
    n_points = found.get("n_points")
    basis = f" From {n_points} points of the posterior." if n_points else ""
    return element("div", element("p", element("b", sentence(found.get("verdict", ""))), basis),
                   class_="verdict")  # fmt: skip


def _change(found: Mapping[str, Any]) -> str:
    change, error = found.get("log_z_change"), found.get("log_z_change_error")
    if change is None:
        return number(None)
    return signed(f"{change:+.3f}" + ("" if error is None else f" ± {error:.3f}"))


def _moments(entry: Mapping[str, Any]) -> str:
    return with_error(entry.get("mean"), entry.get("std"))


def _shifts(scales: Sequence[Mapping[str, Any]], names: Sequence[str], symbols: Symbols) -> Markup:
    rows = []
    for scale in scales:
        if scale["factor"] == 1.0:
            continue
        found = [scale["parameters"].get(name, {}).get("shift") for name in names]
        rows.append(cells([number(scale["factor"]), *map(_shift, found)], _marked(found)))
    shifts = (join("shift of ", symbol(name, symbols)) for name in names)
    return table(["errors times", *shifts], rows)


def _shift(shift: float | None) -> str:
    return number(None) if shift is None else signed(f"{shift:+.2f}")


def _marked(shifts: Sequence[float | None]) -> dict[int, str]:
    # beside colour, marked cells are bold
    return {n: "off" for n, s in enumerate(shifts, start=1) if s and abs(s) > _NOTICEABLE}


def _audit(audit: Mapping[str, Any], symbols: Symbols) -> Markup:
    delta = audit.get("delta_log_likelihood", {})
    differences = ", ".join(
        f"{word} {number(delta[key], 3)}"
        for key, word in (("mean", "mean"), ("std", "standard deviation"), ("max_abs", "at most"))
        if key in delta
    )
    rows = [
        cells([named(name, symbols), _moments(entry), interval(entry["interval68"])
               if "interval68" in entry else "", _shift(entry.get("shift"))],
              {3: "off"} if abs(entry.get("shift") or 0.0) > _NOTICEABLE else None)
        for name, entry in audit.get("parameters", {}).items()
    ]  # fmt: skip
    about = [f"{audit.get('kind', 'calculation')}, {number(audit.get('n_points'))} points"]
    if audit.get("n_refused"):
        about.append(f"{number(audit['n_refused'])} of them refused by it")
    if audit.get("n_eff") is not None:
        about.append(f"{audit['n_eff']:.0f} effective after reweighting")
    about.append(f"difference of ln L: {differences or 'not told'}")
    if audit.get("log_z_change") is not None:
        about.append(f"change of ln Z: {_change(audit)}")
    if audit.get("ignored_columns"):
        about.append(f"columns not used: {', '.join(audit['ignored_columns'])}")
    # names of folders are nobody else's business
    name = str(audit.get("truth", "")).rpartition("/")[2]
    return join(
        element("h4", name), _verdict({"verdict": audit.get("verdict", "")}),
        element("p", sentence("; ".join(about))),
        table(["parameter", "mean ± std", "68 % interval", "shift"], rows),
    )  # fmt: skip
