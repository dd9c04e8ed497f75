"""What is known of the trust in a run, as lines for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fitplugin.studies.trust.audit import Audit
from fitplugin.studies.trust.claimed_errors import Trust
from fitplugin.studies.trust.suggestion import Suggestion


def trust_text(trust: Trust) -> str:
    """Return the posterior with 0, 1 and 2 times the surrogates' errors, and what they are."""
    lines = [f"Surrogate errors, from {trust.n_points} draws of the posterior", ""]
    names = list(trust.scales[0].posterior.parameters)
    lines.append(f"{'errors x':<10}{'n_eff':>7}{'ln Z change':>14}" + _heads(names))
    for scaled in trust.scales:
        found = scaled.posterior
        change = f"{found.log_z_change:+.3f}" if scaled.factor != 1 else "-"
        lines.append(
            f"{scaled.factor:<10g}{found.n_eff:>7.0f}{change:>14}"
            + _marginals(found.parameters, names)
        )
    if trust.regions:
        lines += ["", "Error of the expected signal, over the posterior"]
        lines.append(
            f"{'region':<14}{'in all':>9}{'surrogates':>12}{'at 95 %':>9}{'likelihood scatter':>21}"
        )
    for name, region in trust.regions.items():
        lines.append(
            f"{name:<14}{region.relative_error:>9.1%}{region.surrogate_relative_error:>12.1%}"
            f"{region.surrogate_relative_error95:>9.0%}{region.likelihood_scatter:>21.2f}"
        )
    masses = ", ".join(f"{name} {error:.2g}" for name, error in trust.mass_errors.items())
    lines += [
        "",
        f"mean errors of masses [GeV]: {masses}",
        f"share of the posterior where a surrogate extrapolates: {trust.extrapolated_fraction:.2%}",
        f"share where the surrogates' error exceeds half a signal: {trust.unresolved_fraction:.2%}",
        "",
        trust.verdict,
    ]
    return "\n".join(lines)


def audit_text(audit: Audit) -> str:
    """Return what a better likelihood says of a run."""
    difference = audit.difference
    lines = [
        f"Audit by {audit.truth} ({audit.kind}), {audit.n_points} points, "
        f"{audit.n_refused} of them refused by it",
        f"ln L, truth minus run: mean {difference.mean:+.3f}, std {difference.std:.3f}, "
        f"largest {difference.max_abs:.3f}",
    ]
    if audit.ignored:
        lines.append(f"columns not used: {', '.join(audit.ignored)}")
    if audit.posterior is not None:
        found, names = audit.posterior, list(audit.posterior.parameters)
        lines += [
            f"reweighted: {found.n_eff:.0f} effective of {audit.n_points} draws, the heaviest "
            f"{found.largest_share:.1%} of the weight; ln Z change {found.log_z_change:+.3f} "
            f"+- {found.log_z_change_error:.3f}",
            "",
            f"{'':<12}{'mean':>10}{'std':>10}{'68 % interval':>23}{'shift':>8}",
        ]
        for name in names:
            m = found.parameters[name]
            interval = f"[{m.interval68[0]:.5g}, {m.interval68[1]:.5g}]"
            lines.append(f"{name:<12}{m.mean:10.5g}{m.std:10.4g}{interval:>23}{m.shift:>+8.2f}")
    return "\n".join([*lines, "", audit.verdict])


def suggestion_text(suggestion: Suggestion) -> str:
    """Return the suggested points, the most useful first."""
    columns: Mapping[str, Any] = suggestion.columns
    rows = zip(*columns.values(), strict=True)
    return "\n".join(
        [
            "".join(f"{name:>14}" for name in columns),
            *("".join(f"{value:>14.5g}" for value in row) for row in rows),
        ]
    )


def _heads(names: list[str]) -> str:
    return "".join(f"{name:>22}{'shift':>8}" for name in names)


def _marginals(parameters: Mapping[str, Any], names: list[str]) -> str:
    cells = ""
    for name in names:
        marginal = parameters[name]
        value = f"{marginal.mean:.5g} +- {marginal.std:.3g}"
        cells += f"{value:>22}{round(marginal.shift, 2) + 0.0:>+8.2f}"
    return cells
