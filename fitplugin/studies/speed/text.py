"""What a measurement of speed says, in lines for the terminal."""

from __future__ import annotations

from fitplugin.studies.machine import Machine
from fitplugin.studies.speed.comparison_text import paper_text, peer_text, simulation_text
from fitplugin.studies.speed.cost import RunCost, Stage
from fitplugin.studies.speed.measurement import Speed
from fitplugin.studies.speed.parts import MEANING, Timing
from fitplugin.studies.speed.stopwatch import Spread
from fitplugin.studies.speed.words import batch, digits, duration, wrapped

_POINTS = {"posterior": "posterior points", "box": "points of the whole prior box"}
_BUSY = 0.5  # load average above which somebody else was at work


def speed_text(speed: Speed) -> str:
    """Return everything that was measured, and what it does not mean, as lines of text."""
    blocks = [
        _head(speed),
        *(_parts_table(speed, points) for points in _POINTS),
        _run_table(speed),
        paper_text(speed),
    ]
    if speed.simulation is not None:
        blocks.append(simulation_text(speed))
    if speed.against is not None:
        blocks.append(peer_text(speed.against, speed.run))
    return "\n\n".join(blocks)


def _head(speed: Speed) -> str:
    title = f"{speed.title} ({speed.scan})" if speed.title else speed.scan
    n_regions = len(speed.regions)
    return "\n".join(
        [
            title,
            f"{len(speed.names)} parameter{'s' * (len(speed.names) > 1)} ({', '.join(speed.names)}"
            f"), {n_regions} region{'s' * (n_regions > 1)}; likelihood {speed.digest[:16]}",
            *wrapped(f"machine: {_machine(speed.machine)}"),
        ]
    )


def _machine(machine: Machine) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in machine.libraries.items())
    load = machine.load_average
    busy = ""
    if load is not None:
        note = ": NOT idle, wall times are too long" if load > _BUSY else ""
        busy = f"; load average before {load:g}{note}"
    return (
        f"{machine.processor}, {machine.cpu_count} processors, {machine.platform}, Python "
        f"{machine.python}, {libraries}, fitplugin {machine.fitplugin}{busy}"
    )


def _parts_table(speed: Speed, points: str) -> str:
    timings = [timing for timing in speed.timings if timing.points == points]
    parts = list(dict.fromkeys(part for timing in timings for part in timing.parts))
    head = "".join(f"{batch(timing.n_points):>22}" for timing in timings)
    lines = [
        f"Microseconds of processor time, {_POINTS[points]}: median (quartiles), one thread",
        f"{'':<23}{head}",
    ]
    for part in parts:
        cells = "".join(f"{_cell(timing.parts.get(part)):>22}" for timing in timings)
        lines.append(f"{part:<23}{cells}".rstrip())
    lines.append(f"{'as it is, in all':<23}" + "".join(f"{_cell(t.seconds):>22}" for t in timings))
    lines.append(f"{'wall time of that':<23}" + "".join(f"{_cell(t.wall):>22}" for t in timings))
    lines.append(f"{'sum of the medians':<23}" + "".join(f"{_sum(t):>22}" for t in timings))
    lines.append(
        f"{'timers add':<23}" + "".join(f"{f'{100 * t.timers:.1f} %':>22}" for t in timings)
    )
    lines.append(f"{'repeats':<23}" + "".join(f"{t.n_repeats:>22}" for t in timings))
    if points == "posterior":
        lines += wrapped(
            "Per point. Wall time is longer where others use the processor, or a part waits for "
            "another program, whose time is in no part.",
        )
        meanings = "; ".join(f"{part}: {words}" for part, words in MEANING.items())
        lines += wrapped(meanings)
    return "\n".join(lines)


def _cell(spread: Spread | None) -> str:
    if spread is None:
        return ""
    median, low, high = (f"{1e6 * value:.{_decimals(1e6 * spread.median)}f}" for value in spread)
    return f"{median} ({low}-{high})"


def _sum(timing: Timing) -> str:
    total = 1e6 * sum(spread.median for spread in timing.parts.values())
    return f"{total:.{_decimals(total)}f}"


def _decimals(number: float) -> int:
    return 0 if number >= 100 else 1 if number >= 10 else 2


def _run_table(speed: Speed) -> str:
    run = speed.run
    lines = [
        f"Run: {run.sampler}, {run.n_live} live points, {run.processes} "
        f"process{'es' * (run.processes > 1)} ({run.source})",
        f"{'stage':<10}{'wall':>10}{'likelihood':>14}{'not likelihood':>18}",
        *(_stage(name, stage, run) for name, stage in run.stages.items()),
        f"{'in all':<10}{duration(run.wall_s):>10}" + _busy(run.overhead(), run),
    ]
    lines += wrapped(
        "likelihood: seconds of all workers within it; not likelihood: share of processes x wall "
        "that is not: the sampler's own work, starting workers, the way to them and their idling, "
        "journal, files, and whatever else the machine did. Figures are not drawn.",
    )
    share, is_measured = speed.sampler_overhead()
    if not is_measured:
        lines += wrapped(
            f"The run did not record the likelihood's share; calls x time per point in batches of "
            f"{speed.typical_batch} would leave {100 * share:.0f} % of the sampler's stage for "
            "everything else (an estimate from another moment).",
        )
    lines += wrapped(_calls(run))
    return "\n".join(lines)


def _calls(run: RunCost) -> str:
    batches = ""
    if run.batches is not None:
        b = run.batches
        batches = (
            f" in {b.n_batches} batches (half of the points in {b.median} or more; 10 to 90 %: "
            f"{b.low} to {b.high})"
        )
    used = f", {digits(run.cpu_s)} s of processor time used" if run.cpu_s is not None else ""
    return (
        f"{run.n_like} likelihood calls{batches}; {run.n_eff:.0f} effective samples, "
        f"{digits(run.n_eff_per_second)} per second of wall time; ln Z {run.log_z:.3f} +- "
        f"{run.log_z_error:.3f} over the valid prior, {run.log_z_box:.3f} +- "
        f"{run.log_z_box_error:.3f} over the box; {digits(run.cpu_hours)} CPU-hours held "
        f"({run.processes} x {duration(run.wall_s)}){used}."
    )


def _stage(name: str, stage: Stage, run: RunCost) -> str:
    busy = "" if stage.likelihood_s is None else _busy(run.overhead(name), run, stage)
    return f"{name:<10}{duration(stage.wall_s):>10}{busy}"


def _busy(share: float | None, run: RunCost, stage: Stage | None = None) -> str:
    if share is None:
        return ""
    held = run.processes * (run.wall_s if stage is None else stage.wall_s)
    return f"{duration((1.0 - share) * held):>14}{f'{100 * share:.0f} %':>18}"
