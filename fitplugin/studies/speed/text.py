"""What a measurement of speed says, in lines for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from fitplugin.studies.machine import Machine
from fitplugin.studies.speed.cost import RunCost, Stage
from fitplugin.studies.speed.measurement import Speed
from fitplugin.studies.speed.paper import SECONDS_PER_PREDICTION, SOURCE, Comparison
from fitplugin.studies.speed.parts import MEANING, Timing
from fitplugin.studies.speed.peer import Peer
from fitplugin.studies.speed.stopwatch import Spread
from fitplugin.studies.speed.words import digits, duration, times

_WIDTH = 98
_POINTS = {"posterior": "posterior points", "box": "points of the whole prior box"}
_ROUNDING = 1e-6  # in ln L
_BUSY = 0.5  # load average above which somebody else was at work


def speed_text(speed: Speed) -> str:
    """Return everything that was measured, and what it does not mean, as lines of text."""
    blocks = [
        _head(speed),
        *(_parts_table(speed, points) for points in _POINTS),
        _run_table(speed),
        _paper(speed),
    ]
    if speed.simulation is not None:
        blocks.append(simulation_text(speed))
    if speed.against is not None:
        blocks.append(_against(speed.against, speed.run))
    return "\n\n".join(blocks)


def _head(speed: Speed) -> str:
    title = f"{speed.title} ({speed.scan})" if speed.title else speed.scan
    n_regions = len(speed.regions)
    return "\n".join(
        [
            title,
            f"{len(speed.names)} parameter{'s' * (len(speed.names) > 1)} ({', '.join(speed.names)}"
            f"), {n_regions} region{'s' * (n_regions > 1)}; likelihood {speed.digest[:16]}",
            *_wrapped(f"machine: {_machine(speed.machine)}", ""),
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
    head = "".join(f"{_batch(timing.n_points):>22}" for timing in timings)
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
        lines += _wrapped(
            "Per point. Wall time is longer where others use the processor, or a part waits for "
            "another program, whose time is in no part.",
            "",
        )
        meanings = "; ".join(f"{part}: {words}" for part, words in MEANING.items())
        lines += _wrapped(meanings, "")
    return "\n".join(lines)


def _batch(n_points: int) -> str:
    return "one alone" if n_points == 1 else f"batch of {n_points}"


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
    lines += _wrapped(
        "likelihood: seconds of all workers within it; not likelihood: share of processes x wall "
        "that is not: the sampler's own work, starting workers, the way to them and their idling, "
        "journal, files, and whatever else the machine did. Figures are not drawn.",
        "",
    )
    share, is_measured = speed.sampler_overhead()
    if not is_measured:
        lines += _wrapped(
            f"The run did not record the likelihood's share; calls x time per point in batches of "
            f"{speed.typical_batch} would leave {100 * share:.0f} % of the sampler's stage for "
            "everything else (an estimate from another moment).",
            "",
        )
    lines += _wrapped(_calls(run), "")
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


def _paper(speed: Speed) -> str:
    lines = _wrapped(
        f"Beside {SOURCE} (3 parameters, 2 regions; this scan: {len(speed.names)} and "
        f"{len(speed.regions)}). No ratio here is one of equal things:",
        "",
    )
    for comparison in speed.paper:
        lines += _comparison(comparison)
    return "\n".join(lines)


def _comparison(one: Comparison) -> Iterator[str]:
    yield from _wrapped(
        f"- {one.figure}: {digits(one.paper)} {one.unit} by the paper's figures, "
        f"{digits(one.ours)} {one.unit} here: {times(one.ratio, 'less', 'more')}",
        "",
    )
    yield from _wrapped(f"compared: {one.compares}.", "    ")
    yield from _wrapped(f"not equal: {one.unequal}.", "    ")


def simulation_text(speed: Speed) -> str:
    """Return what simulating each point would cost, as lines; empty if it was not measured."""
    simulation = speed.simulation
    if simulation is None:
        return ""
    timings = [speed.timing("posterior", size) for size in (1, speed.typical_batch)]
    (alone, together), (eff_alone, eff_together) = (
        [timing.seconds.median for timing in timings],
        [timing.efficiencies() for timing in timings],
    )
    each, run = simulation.seconds.median, speed.run
    scan_h, training_h = run.n_like * each / 3600, speed.n_simulated * each / 3600
    if simulation.processor == speed.machine.processor:
        where = "the same kind of processor"
    else:
        where = f"NOT the same processor: {simulation.processor or 'an unknown one'}"
    lines = _wrapped(
        f"Against simulating each point: {simulation.simulator}, {simulation.events} events in "
        f"full for each of {', '.join(simulation.processes)}; {simulation.n_points} points, "
        f"{where}",
        "",
    )
    lines += _wrapped(
        f"one point: {digits(each)} s ({digits(simulation.seconds.low)}-"
        f"{digits(simulation.seconds.high)}) on one core; the spectrum program is not in it",
        "- ",
    )
    lines += _wrapped(
        f"that is {digits(each / eff_together)} times what the surrogates of the efficiencies take "
        f"in its stead in batches of {speed.typical_batch}, and {digits(each / eff_alone)} times "
        f"one point alone ({SOURCE}: 10 min over {SECONDS_PER_PREDICTION:g} s, 1e4 times)",
        "- ",
    )
    lines += _wrapped(
        f"and {digits(each / together)} times the whole likelihood in batches of "
        f"{speed.typical_batch}, {digits(each / alone)} times one alone",
        "- ",
    )
    lines += _wrapped(
        f"this run's {run.n_like} calls: {digits(scan_h)} CPU-h, {digits(scan_h / run.cpu_hours)} "
        "times the whole scan",
        "- ",
    )
    lines += _wrapped(
        f"the {speed.n_simulated} points behind the efficiencies: {digits(training_h)} CPU-h at "
        f"that price; with them the first scan is cheaper by "
        f"{digits(scan_h / (training_h + run.cpu_hours))}, further ones by the ratio above",
        "- ",
    )
    return "\n".join(lines)


def _against(peer: Peer, ours: RunCost) -> str:
    lines = [
        *_wrapped(
            f"Against {peer.reference}: wall time per point, in turns on the same points", ""
        ),
        f"{'points':<12}{'batch':>7}{'theirs':>12}{'ours':>12}{'theirs/ours':>14}{'repeats':>9}",
    ]
    lines += [
        f"{one.points:<12}{one.n_points:>7}{duration(one.theirs.median):>12}"
        f"{duration(one.ours.median):>12}{digits(one.ratio):>14}{one.n_repeats:>9}"
        for one in peer.times
    ]
    d, run, scaled = peer.differences, peer.run, peer.scaled
    verdict = "NOT the same likelihood: a ratio of costs is not one of equal results"
    if d.n_refused == 0 and d.largest < _ROUNDING:
        verdict = "the same likelihood"
    lines += _wrapped(
        f"ln L, theirs - ours, at {d.n_points} draws from our posterior: mean {d.mean:.3g}, "
        f"standard deviation {d.std:.3g}, largest {d.largest:.3g}; {d.n_refused} refused by "
        f"theirs alone: {verdict}.",
        "",
    )
    how = (
        "extrapolated, not run: time per point x our calls, with our overhead, effective samples "
        "and error"
        if peer.is_extrapolated
        else "same sampler, settings and seed"
    )
    lines += _wrapped(
        f"This scan with it ({how}): sampler {duration(run.stages['sampler'].wall_s)} of wall time "
        f"(ours {duration(ours.stages['sampler'].wall_s)}), {run.n_like} calls, {run.n_eff:.0f} "
        f"effective samples, ln Z {run.log_z:.3f} +- {run.log_z_error:.3f}.",
        "",
    )
    n_eff, error = (
        times(ratio, "cheaper", "dearer")
        for ratio in (scaled.ratio_at_equal_n_eff, scaled.ratio_at_equal_error)
    )
    lines += _wrapped(
        f"Ours is {n_eff} at equal effective samples (their cost x our n_eff / theirs), {error} at "
        f"equal error of ln Z (their cost x (their error / ours)^2). Cost: {ours.processes} x wall "
        "time of the sampler alone, one measured after the other.",
        "",
    )
    return "\n".join(lines)


def _wrapped(text: str, indent: str) -> list[str]:
    further = indent.replace("-", " ")
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=further, break_on_hyphens=False
    )
