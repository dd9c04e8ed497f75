"""What a measurement of speed is compared with, in lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from fitplugin.studies.speed.cost import RunCost
from fitplugin.studies.speed.measurement import Speed
from fitplugin.studies.speed.paper import SECONDS_PER_PREDICTION, SOURCE, Comparison
from fitplugin.studies.speed.peer import Peer
from fitplugin.studies.speed.words import digits, duration, times, wrapped

_ROUNDING = 1e-6  # in ln L


def paper_text(speed: Speed) -> str:
    """Return each figure of the paper beside ours, with what is not equal in it."""
    lines = wrapped(
        f"Beside {SOURCE} (3 parameters, 2 regions; this scan: {len(speed.names)} and "
        f"{len(speed.regions)}). No ratio here is one of equal things:",
    )
    for comparison in speed.paper:
        lines += _comparison(comparison)
    return "\n".join(lines)


def _comparison(one: Comparison) -> Iterator[str]:
    yield from wrapped(
        f"- {one.figure}: {digits(one.paper)} {one.unit} by the paper's figures, "
        f"{digits(one.ours)} {one.unit} here: {times(one.ratio, 'less', 'more')}",
    )
    yield from wrapped(f"compared: {one.compares}.", "    ")
    yield from wrapped(f"not equal: {one.unequal}.", "    ")


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
    lines = wrapped(
        f"Against simulating each point: {simulation.simulator}, {simulation.events} events in "
        f"full for each of {', '.join(simulation.processes)}; {simulation.n_points} points, "
        f"{where}",
    )
    lines += wrapped(
        f"one point: {digits(each)} s ({digits(simulation.seconds.low)}-"
        f"{digits(simulation.seconds.high)}) on one core; the spectrum program is not in it",
        "- ",
    )
    lines += wrapped(
        f"that is {digits(each / eff_together)} times what the surrogates of the efficiencies take "
        f"in its stead in batches of {speed.typical_batch}, and {digits(each / eff_alone)} times "
        f"one point alone ({SOURCE}: 10 min over {SECONDS_PER_PREDICTION:g} s, 1e4 times)",
        "- ",
    )
    lines += wrapped(
        f"and {digits(each / together)} times the whole likelihood in batches of "
        f"{speed.typical_batch}, {digits(each / alone)} times one alone",
        "- ",
    )
    lines += wrapped(
        f"this run's {run.n_like} calls: {digits(scan_h)} CPU-h, {digits(scan_h / run.cpu_hours)} "
        "times the whole scan",
        "- ",
    )
    lines += wrapped(
        f"the {speed.n_simulated} points behind the efficiencies: {digits(training_h)} CPU-h at "
        f"that price; with them the first scan is cheaper by "
        f"{digits(scan_h / (training_h + run.cpu_hours))}, further ones by the ratio above",
        "- ",
    )
    return "\n".join(lines)


def peer_text(peer: Peer, ours: RunCost) -> str:
    """Return another likelihood beside ours: time, values, and cost at equal quality."""
    lines = [
        *wrapped(f"Against {peer.reference}: wall time per point, in turns on the same points"),
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
    lines += wrapped(
        f"ln L, theirs - ours, at {d.n_points} draws from our posterior: mean {d.mean:.3g}, "
        f"standard deviation {d.std:.3g}, largest {d.largest:.3g}; {d.n_refused} refused by "
        f"theirs alone: {verdict}.",
    )
    how = (
        "extrapolated, not run: time per point x our calls, with our overhead, effective samples "
        "and error"
        if peer.is_extrapolated
        else "same sampler, settings and seed"
    )
    lines += wrapped(
        f"This scan with it ({how}): sampler {duration(run.stages['sampler'].wall_s)} of wall time "
        f"(ours {duration(ours.stages['sampler'].wall_s)}), {run.n_like} calls, {run.n_eff:.0f} "
        f"effective samples, ln Z {run.log_z:.3f} +- {run.log_z_error:.3f}.",
    )
    n_eff, error = (
        times(ratio, "cheaper", "dearer")
        for ratio in (scaled.ratio_at_equal_n_eff, scaled.ratio_at_equal_error)
    )
    lines += wrapped(
        f"Ours is {n_eff} at equal effective samples (their cost x our n_eff / theirs), {error} at "
        f"equal error of ln Z (their cost x (their error / ours)^2). Cost: {ours.processes} x wall "
        "time of the sampler alone, one measured after the other.",
    )
    return "\n".join(lines)
