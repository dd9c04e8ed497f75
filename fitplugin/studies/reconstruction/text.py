"""A reconstruction as lines for the terminal."""

from __future__ import annotations

from fitplugin.studies.reconstruction.recovery import Reconstruction


def reconstruction_text(found: Reconstruction) -> str:
    """Return benchmark, counts, recovered parameters and the paper's statements."""
    point = ", ".join(f"{name} {value:g}" for name, value in found.benchmark.items())
    lines = [
        f"Benchmark: {point} ({found.counts} counts)",
        "",
        f"{'region':<14}{'background':>14}{'signal':>16}{'observed':>10}{'excess':>10}"
        f"{'posterior signal':>20}",
    ]
    for name, r in found.regions.items():
        background = f"{r.background:.4g} +- {r.background_error:.3g}"
        signal = f"{r.n_signal:.4g} +- {r.n_signal_error:.3g}"
        posterior = f"{r.posterior_n_signal[0]:.4g} +- {r.posterior_n_signal[1]:.3g}"
        lines.append(
            f"{name:<14}{background:>14}{signal:>16}{r.n_observed:>10.4g}"
            f"{r.significance:>8.2f} s{posterior:>20}"
        )
    lines += [
        "",
        f"{'':<12}{'truth':>9}{'mean':>10}{'std':>10}{'68 % interval':>23}{'95 % interval':>23}"
        f"{'pull':>7}{'bits':>7}  what the data say",
    ]
    for name, p in found.parameters.items():
        label = f"|{name}|" if p.is_absolute else name
        inside = "" if p.in95 else " (truth OUTSIDE 95 %)"
        lines.append(
            f"{label:<12}{p.truth:9.5g}{p.mean:10.5g}{p.std:10.4g}{_interval(p.interval68):>23}"
            f"{_interval(p.interval95):>23}{p.pull:+7.2f}{p.information.bits:7.2f}  "
            f"{p.information.kind}{inside}"
        )
    if found.statements:
        lines += ["", "What arXiv:1611.02704 says, and this run:"]
        for statement in found.statements:
            mark = "yes" if statement.holds else "NO "
            lines.append(f"  {mark}  {statement.paper}: {statement.found}")
    lines += [
        "",
        f"ln Z {found.log_z:.3f} +- {found.log_z_error:.3f} over the valid prior; "
        f"{found.n_like} calls, {found.n_eff:.0f} effective samples, {found.wall_time_s:.1f} s",
    ]
    return "\n".join(lines)


def _interval(ends: tuple[float, float]) -> str:
    return f"[{ends[0]:.5g}, {ends[1]:.5g}]"
